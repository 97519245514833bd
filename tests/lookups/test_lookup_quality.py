"""Recall and precision on names of nobody: spelt anew as people and offices do, with strangers beside them."""

from __future__ import annotations

import random
import re

import pytest
from lookup_kit import made_birth, made_names

from border_agent.agent.lookups import CUTOFF, NEAR_CUTOFF
from border_agent.agent.lookups.births import read_birth
from border_agent.agent.lookups.names import words_of
from border_agent.agent.lookups.people import Found, People
from border_agent.agent.lookups.same_names import SAME_NAMES
from mqtt_schemas.records import WatchRecord

PERSONS = 6000
ASKED = 600

_HABITS = (
    ("OU(?![AEIO])", "U"), ("(?<!O)U(?![AEIO])", "OU"), ("DI(?=[AO])", "J"), ("DJ", "J"), ("GU(?=[EI])", "G"),
    ("K(?=[AOU])", "C"), ("C(?=[AOU])", "K"),
    ("TCH", "CH"), ("(?<!T)CH", "SH"), ("SH", "CH"), ("PH", "F"), ("Y$", "I"), ("I$", "Y"), ("(?<=[AE])Y", "I"),
    ("SS", "S"), ("LL", "L"), ("MM", "M"), ("A$", "AH"), ("E$", "EH"), ("Z", "S"), ("OU(?=[AE])", "W"), ("TH", "T"),
    ("K(?=[AO])", "KH"), ("(?<=[AEIOU])([LMNRT])(?=[AEIOU])", r"\1\1"), ("E$", ""), ("N$", "NE"),
)  # fmt: skip
_LINES = {form: line for line in SAME_NAMES for form in line}


def _respelt(word: str, chance: random.Random) -> str:
    """Another spelling of one word: a form of the same name, or one or two habits of writing."""
    if word in _LINES and chance.random() < 0.5:
        return chance.choice(_LINES[word])
    for habit, other in chance.sample(_HABITS, len(_HABITS)):
        if re.search(habit, word) and chance.random() < 0.6:
            return re.sub(habit, other, word, count=1)
    return word


def _mistyped(word: str, chance: random.Random) -> str:
    """One letter left out, doubled or changed in a long word."""
    if len(word) < 6:
        return word
    at = chance.randrange(1, len(word))
    return chance.choice(
        (word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word[:at] + "A" + word[at + 1 :])
    )


def _asked(record: WatchRecord, chance: random.Random) -> str:
    """How a paper or an officer may write the name of the same person."""
    surname, given = record.surname.split(), record.given_names.split()
    if len(given) > 1 and chance.random() < 0.3:
        given.pop(chance.randrange(len(given)))
    parts = [*surname, *given] if chance.random() < 0.5 else [*given, *surname]
    words = [_respelt(word, chance) for word in parts]
    if chance.random() < 0.25:
        at = chance.randrange(len(words))
        words[at] = _mistyped(words[at], chance)
    return chance.choice((" ", " ", " ", "-")).join(words)


def _other_date(birth: str, chance: random.Random) -> str:
    """The same birth date as another paper may have it."""
    if not birth or "X" in birth:
        return birth
    year, month, day = birth.split("-")
    swapped = f"{year}-{day}-{month}" if int(day) <= 12 else birth
    return chance.choice((birth, birth, birth, birth, f"{year}-01-01", swapped, f"{int(year) + 1}-{month}-{day}", ""))


@pytest.fixture(scope="module")
def people() -> tuple[People, list[WatchRecord]]:
    chance = random.Random(11)
    records = [
        WatchRecord(record_id=f"U{n}", surname=surname, given_names=given, birth=made_birth(chance))
        for n, (surname, given) in enumerate(made_names(PERSONS, seed=11))
    ]
    return People(enumerate(records)), records


def _best(people: People, name: str, birth: str, cutoff: int) -> list[Found]:
    date = read_birth(birth)
    assert date is not None
    found = [each for each in people.find(words_of(name), date) if each.points >= cutoff]
    return sorted(found, key=lambda each: -each.points)


def test_recall_and_precision_of_what_was_respelt(people: tuple[People, list[WatchRecord]]) -> None:
    index, records = people
    chance = random.Random(12)
    among_twenty = first = shown = right = 0
    for number in chance.sample(range(PERSONS), ASKED):
        record = records[number]
        name, birth = _asked(record, chance), _other_date(record.birth, chance)
        found = [each.version for each in _best(index, name, birth, CUTOFF)]
        among_twenty += number in found[:20]
        first += number in found[:1]
        if birth and "X" not in birth:
            shown += len(found[:20])
            right += number in found[:20]
    recall, top, precision = among_twenty / ASKED, first / ASKED, right / shown
    print(f"recall {recall:.3f}, first {top:.3f}, precision with a birth date {precision:.3f}")
    assert recall >= 0.93
    assert top >= 0.9
    assert precision >= 0.95


def test_strangers_are_seldom_near(people: tuple[People, list[WatchRecord]]) -> None:
    index, _ = people
    chance = random.Random(13)
    disturbed = named = 0
    strangers = list(made_names(ASKED, seed=14))
    for surname, given in strangers:
        birth = f"{chance.randint(1945, 2005)}-{chance.randint(1, 12):02d}-{chance.randint(2, 28):02d}"
        disturbed += bool(_best(index, f"{surname} {given}", birth, NEAR_CUTOFF))
        named += bool(_best(index, f"{surname} {given}", "", NEAR_CUTOFF))
    print(f"strangers with a near hit: {disturbed / ASKED:.3f} with a birth date, {named / ASKED:.3f} by name alone")
    assert disturbed / ASKED <= 0.02
    assert named / ASKED <= 0.1
