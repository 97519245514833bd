"""Names: what must be found under another spelling, what must not, and whatever somebody may type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lookup_kit import points

from border_agent.agent.lookups import CUTOFF, NEAR_CUTOFF
from border_agent.agent.lookups.births import UNKNOWN
from border_agent.agent.lookups.names import _GROUP_OF_PLAIN, MOST_WORDS, sound, words_of

ONE_PERSON = [
    # Typed or read; as the list has it (surname, given names).
    ("MUHAMMAD DIALLO", "DIALLO, MOHAMED"),
    ("JALLOW MOHAMMED", "DIALLO, MOHAMED"),
    ("mamadou diallo", "DIALLO, MOHAMED"),
    ("Ould Ahmed Salem Mohamed", "AHMED SALEM, MOHAMED"),
    ("WOULD ABDEL AZIZ MOHAMED", "OULD ABDELAZIZ, MOHAMED"),
    ("ABD EL KADER BENALI", "BEN ALI, ABDELKADER"),
    ("Abdoul Kadir Ben Ali", "BENALI, ABDELKADER"),
    ("Abderrazak Mansouri", "MANSOURI, ABD EL RAZZAQ"),
    ("VAN DER BERG ANNA", "VANDERBERG, ANNA"),
    ("Élodie Müller", "MUELLER, ELODIE"),
    ("محمد علي", "ALI, MOHAMED"),
    ("عبد القادر حسن", "HASSAN, ABDELKADER"),
    ("محمد ولد الشيخ", "OULD CHEIKH, MOHAMED"),
    ("Юрий Петров", "PETROV, IURII"),
    ("Cissé Ousmane", "CEESAY, OUSMAN"),
    ("KOUASSI KOUAME", "KWASI, KWAME"),
    ("FATOUMATA BINTA BAH", "BAH, FATIMA BINTA"),
    ("SALIOU DIALLO", "DIALLO, MAMADOU SALIOU"),
    ("COULIBALI", "COULIBALY, MAMADOU"),
    ("NGO BASSONG EPSE TCHOUMI MARIE", "NGO BASSONG, MARIE"),
    ("OUEDRAOGO ISSOUF", "WEDRAOGO, YUSUF"),
    ("CHERNO BALDEH", "BALDE, THIERNO"),
    ("ALEKSANDR PETROV", "PETROV, ALEXANDRE"),
    ("ABDOU RAHMANE DIALLO", "DIALLO, ABDOURAHMANE"),
    ("DJIBRIL NDIAYE", "NJIE, JIBRIL"),
    ("El Hadj Oumar Tall", "TAL, OMAR"),
    ("AHMED SIDI BABA", "BABA, AHMED SIDI"),
    ("JEAN-PIERRE MBARGA", "MBARGA, JEANPIERRE"),
    ("Mouhamadou Moustapha Fall", "FALL, MOHAMED MUSTAFA"),
    ("TRAORE AMINATA", "TRAWALLY, AMINATA"),
    ("DEMBELE BAKARI", "DEMBELLE, BAKARY"),
    ("YOUSUF ADEYEMI", "ADEYEMI, YUSSUF"),
    ("CONCEICAO FERNANDEZ JOAO", "FERNANDES, JOAO CONCEICAO"),
    ("OULD MOHAMED LEMINE BRAHIM", "MOHAMED LEMINE, IBRAHIM"),
    ("RAZAFINDRATSIMBA MARIE", "RAZAFINDRATSIMBAZAFY, MARIE"),
]

OTHERS = [
    ("AMADOU TRAORE", "TRAORE, MAMADOU"),
    ("HASSAN TOURE", "TOURE, HUSSEIN"),
    ("MAHMOUD FALL", "FALL, MOHAMED"),
    ("MAMADOU SALIOU DIALLO", "DIALLO, MAMADOU ALPHA"),
    ("MOHAMED LEMINE OULD AHMED SALEM", "OULD AHMED BABA, MOHAMED LEMINE"),
    ("MARIE CLAIRE ONDO", "ONDO, MARIE ROSE"),
    ("MOHAMED DIALLO", "BALDE, MOHAMED"),
    ("FATOUMATA DIALLO", "DIALLO, MARIAMA"),
    ("ABDOULKARIM BAH", "BAH, ABDOULKADER"),
    ("KEITA SALIF", "KEITA, SEKOU"),
    ("SEKOU CAMARA", "CAMARA, SEYDOU"),
    ("IBRAHIMA SOW", "SOW, ISMAILA"),
    ("OUSMANE SY", "SY, OUMAR"),
    ("MOUSSA KONE", "KANE, MOUSSA"),
    ("LAMINE SARR", "SALL, LAMINE"),
    ("DIOP FATOU", "DIOUF, FATOU"),
    ("AISSATA BARRY", "BARRY, ISSA"),
    ("AMINATA SYLLA", "SYLLA, AMADOU"),
    ("PAUL ATANGANA", "ATANGANA, PAULINE"),
    ("ALI HADDAD", "HADDAD, ALINE"),
    ("KOUAME KOFFI", "KOFFI, KOUAKOU"),
    ("YAO NGUESSAN", "NGUESSAN, YAPO"),
    ("EMEKA OKONKWO", "OKORO, EMEKA"),
]


@pytest.mark.parametrize(("typed", "record"), ONE_PERSON)
def test_other_spellings_of_one_name_are_found(typed: str, record: str) -> None:
    # On the record's side a birth date may be missing, which costs the most that agreement may cost.
    assert points(typed, record, "1980-05-17") >= CUTOFF, points(typed, record, "1980-05-17")
    assert points(typed, record, "1980-05-17", "1980-05-17") >= NEAR_CUTOFF


@pytest.mark.parametrize(("typed", "record"), OTHERS)
def test_other_people_stay_below_the_cutoff(typed: str, record: str) -> None:
    assert points(typed, record, "1980-05-17", "1980-05-17") < CUTOFF


def test_no_name_survives_another_birth_date() -> None:
    assert points("MOHAMED DIALLO", "DIALLO, MOHAMED", "1980-05-17", "1962-11-02") < CUTOFF


def test_order_and_gaps_cost_nothing() -> None:
    straight = points("DIALLO MAMADOU SALIOU", "DIALLO, MAMADOU SALIOU")
    for turned in ("MAMADOU SALIOU DIALLO", "SALIOU DIALLO MAMADOU", "  diallo,mamadou-saliou "):
        assert points(turned, "DIALLO, MAMADOU SALIOU") == straight == 100 + UNKNOWN


def test_a_fuller_name_comes_before_a_name_alone() -> None:
    assert points("MAMADOU DIALLO", "DIALLO, MAMADOU") > points("DIALLO", "DIALLO, MAMADOU") >= CUTOFF


def test_one_sound_belongs_to_one_line_of_the_table() -> None:
    lines: dict[str, set[int]] = {}
    for form, line in _GROUP_OF_PLAIN.items():
        lines.setdefault(sound(form), set()).add(line)
    assert {form: several for form, several in lines.items() if len(several) > 1} == {}
    assert len(_GROUP_OF_PLAIN) > 250


ODD = [
    "",
    " ",
    "\x00\x00",
    "😀🛂",
    "\u202eolleh\u202c",
    "<<<<",
    "123",
    "'; DROP TABLE feed_row; --",
    "%",
    "é" * 5000,
    "A " * 5000,
]


@pytest.mark.parametrize("text", [*ODD, "x" * 10_000, "مح" * 5000, "\ud800", "ﷺ" * 300, "a\u0301" * 3000])
def test_odd_input_is_bounded_and_normalised(text: str) -> None:
    words = words_of(text)
    assert len(words) <= MOST_WORDS
    assert all(word.plain.isascii() and word.plain.isalpha() and word.sound for word in words)
    assert 0 <= points(text, "DIALLO, MAMADOU") <= 100


@given(st.text(max_size=400))
def test_whatever_is_typed_is_words_of_letters(text: str) -> None:
    words = words_of(text)
    assert len(words) <= MOST_WORDS
    for word in words:
        assert word.plain.isascii() and word.plain.isupper() and len(word.plain) <= 45
        assert 0 < word.weight <= 1


@given(st.text("ABCDEHIKLMNORSTUXYZ ", min_size=3, max_size=40))
def test_a_name_is_always_found_under_itself(name: str) -> None:
    if any(word.weight == 1 for word in words_of(name)):
        assert points(name, name) == pytest.approx(100 + UNKNOWN, abs=0.01)
