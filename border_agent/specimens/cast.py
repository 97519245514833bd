"""The travellers of the demo: one flight, fourteen arrivals, in the order of the demo's script.

A fifteenth has a passport that only a reader of chips can tell from a good one.

Everything is fictional: names, numbers, visas, the state of Utopia (UTO, the code ICAO reserves for specimens)
and who carries what. Dates are told from a given `today`, so that the cast never ages. Keys are not here: signed
codes are made by `signing` for one run at a time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from border_agent.documents.mrz import MrzFormat, build_mrz, check_digit, transliterate

COUNTRY = "UTO"
"""The own state of the demo."""
VISITOR = "astronaut"
"""The one face that is not rendered (see `astronaut`)."""


class Signer(StrEnum):
    """Who signs a visa's code."""

    TRUSTED = "trusted"
    """A consulate on the trust list."""
    NEW_CONSULATE = "new_consulate"
    """A signer the trust list does not hold."""
    FORGER = "forger"
    """A consulate's certificate is named, but the signature is not its key's."""


class Shown(StrEnum):
    """How the visa's code reaches the reader."""

    SCANNER = "scanner"
    PAPER = "paper"
    PHONE = "phone"
    PHONE_DARK = "phone_dark"
    """A phone in dark mode: a light code on black."""
    NONE = "none"


class Chip(StrEnum):
    """What kind of chip is in a passport's cover; `chip.booklets` makes it."""

    NONE = "none"
    """An older booklet without one."""
    BASIC = "basic"
    """Basic access, and nothing with which to prove itself."""
    ACTIVE = "active"
    """Basic access and Active Authentication."""
    MODERN = "modern"
    """PACE and Chip Authentication."""
    INTEGRATED = "integrated"
    """The same with PACE's integrated mapping."""
    MAPPED = "mapped"
    """PACE with Chip Authentication Mapping."""
    CLONED = "cloned"
    """All of a modern chip's files, copied into one that has not its key."""


@dataclass(frozen=True, kw_only=True)
class Passport:
    """A passport's data page. Names as printed; `lines` as the machine reads them."""

    document_code: str = "P"
    issuer: str
    number: str
    surname: str
    given_names: str
    nationality: str
    birth: date
    sex: str
    birthplace: str
    issued: date
    expiry: date
    lines: tuple[str, ...]
    """TD3, two lines of 44."""
    chip: Chip = Chip.NONE


@dataclass(frozen=True, kw_only=True)
class Visa:
    """An e-visa as the traveller carries it, and whether the centre has published it."""

    visa_id: str
    """16 hexadecimal digits."""
    surname: str
    given_names: str
    nationality: str
    birth: date
    sex: str
    passport_issuer: str
    passport_number: str
    issued: date
    valid_from: date
    valid_until: date
    entries: int
    """As granted; 0 is unlimited."""
    stated_entries: int
    """As the carried code says: a forger's says more."""
    days: int
    signer: Signer = Signer.TRUSTED
    published: bool = True
    portrait: str = ""
    """Whose portrait the centre holds with it; empty: none."""


@dataclass(frozen=True, kw_only=True)
class Traveller:
    """One arrival: what is laid on the reader, shown to the scanner, seen by the camera, and what must come out."""

    number: int
    face: str
    """Whose portrait is in the passport."""
    live_face: str
    """Who stands at the counter."""
    passport: Passport
    visa: Visa | None = None
    shown: Shown = Shown.NONE
    group: str = ""
    accompanied: bool = False
    guardian: int = 0
    """For a minor: the number of the traveller who comes along."""
    expected: str
    """The machine's proposal: `admit`, `refer` or `refuse`."""
    because: str = ""
    """What of the story stands against the traveller (a word, not a finding's code); empty: nothing."""

    @property
    def name(self) -> str:
        """As officers read it: ERIKSSON Anna Maria."""
        return f"{self.passport.surname.upper()} {self.passport.given_names}"


def years_before(today: date, years: int, days: int = 0) -> date:
    """The date `years` and `days` before `today` (29 February counts as the 28th)."""
    return today.replace(year=today.year - years, day=min(today.day, 28)) - timedelta(days)


def cast(today: date) -> tuple[Traveller, ...]:
    """The fourteen travellers, in their order. Traveller 6 is traveller 1 once more."""
    first = _visitor(
        today, 1, "traore", "Traoré", "Ousmane", "MLI", "AB3417062", "M", (34, 140), "Bamako", shown=Shown.SCANNER
    )
    expired = _with_visa(
        _visitor(today, 2, "okonkwo", "Okonkwo", "Adaeze Ngozi", "NGA", "B50271846", "F", (29, 77), "Enugu"),
        today, shown=Shown.PAPER, since=118, until=-20, expected="refuse", because="visa_expired",
    )  # fmt: skip
    forged = _with_visa(
        _visitor(today, 3, "mensah", "Mensah", "Kwabena", "GHA", "G2918340", "M", (45, 201), "Kumasi"),
        today, shown=Shown.SCANNER, signer=Signer.FORGER, stated=0, expected="refuse", because="seal_forged",
    )  # fmt: skip
    unknown = _with_visa(
        _visitor(today, 4, "ramanathan", "Ramanathan", "Priya", "IND", "Z4820913", "F", (38, 12), "Madurai"),
        today, shown=Shown.PHONE, signer=Signer.NEW_CONSULATE, expected="refer", because="signer_unknown",
    )  # fmt: skip
    borrowed = _visitor(
        today, 5, "mukendi", "Mukendi", "Jean-Baptiste", "COD", "OP0728415", "M", (56, 250), "Kananga"
    )
    borrowed = _with_visa(
        borrowed, today, shown=Shown.SCANNER, expected="refuse", because="visa_of_another_passport",
        holder=_BROTHER, portrait="",
    )  # fmt: skip
    again = replace(first, number=6, shown=Shown.PAPER, expected="refuse", because="visa_used_up")
    impostor = replace(
        _visitor(
            today, 7, "ouedraogo", "Ouédraogo", "Issa", "BFA", "A1186027", "M", (26, 31), "Koudougou",
            shown=Shown.SCANNER,
        ),
        live_face="somebody", expected="refer", because="face_of_someone_else",
    )  # fmt: skip
    wanted = replace(
        _visitor(
            today, 8, "agbeko", "Agbéko", "Kossi Edem", "TGO", "EB204519", "M", (41, 66), "Atakpamé",
            shown=Shown.PHONE_DARK,
        ),
        expected="refer", because="watch_list",
    )  # fmt: skip
    early = _with_visa(
        _visitor(today, 9, VISITOR, "Whitfield", "Laura Jane", "USA", "568203947", "F", (36, 190), "Ohio, U.S.A."),
        today, shown=Shown.SCANNER, since=1, published=False, expected="refer", because="visa_not_delivered",
    )  # fmt: skip
    mother = _visitor(
        today, 10, "sarr", "Sarr", "Fatou Bintou", "SEN", "A02458173", "F", (36, 98), "Saint-Louis", shown=Shown.PAPER
    )
    mother = replace(
        mother,
        passport=replace(mother.passport, lines=with_wrong_digit(mother.passport.lines)),
        group="sarr", expected="refer", because="check_digit",
    )  # fmt: skip
    child = _visitor(
        today, 11, "sarr-child", "Sarr", "Awa", "SEN", "A02458174", "F", (8, 160), "Dakar", shown=Shown.SCANNER
    )
    child = replace(child, group="sarr", accompanied=True, guardian=10, expected="refer", because="minor")
    lapsed = _visitor(
        today, 12, "ferreira", "Ferreira da Costa", "Tomás", "CPV", "PB731204", "M", (61, 44), "Mindelo",
        shown=Shown.PHONE, expiry=today - timedelta(12),
    )  # fmt: skip
    lapsed = replace(lapsed, expected="refuse", because="passport_expired")
    citizen = _traveller(
        today, 13, "nkoumou", "N'Koumou", "Éléonore", COUNTRY, "U10577231", "F", (31, 5), "Nouvelle-Utopie"
    )
    exempt = _traveller(today, 14, "haroun", "Haroun", "Zénaba", "TCD", "R0391846", "F", (23, 123), "Abéché")
    travellers = (
        first, expired, forged, unknown, borrowed, again, impostor,
        wanted, early, mother, child, lapsed, citizen, exempt,
    )  # fmt: skip
    return tuple(_with_chip(traveller, _CHIPS.get(traveller.number, Chip.NONE)) for traveller in travellers)


def copied(today: date) -> Traveller:
    """The fifteenth: page, face and the chip's files are all as they should be, but the chip is a copy.

    Only where chips are read; elsewhere this traveller is admitted as an exempt national.
    """
    copy = _traveller(today, 15, "somebody", "Mba Obiang", "Désiré", "GAB", "20GB47193", "M", (47, 88), "Lambaréné")
    return replace(_with_chip(copy, Chip.CLONED), expected="refer", because="chip_cloned")


_CHIPS = {
    1: Chip.MODERN,
    2: Chip.ACTIVE,
    3: Chip.INTEGRATED,
    5: Chip.BASIC,
    6: Chip.MODERN,
    7: Chip.MODERN,
    9: Chip.MAPPED,
    12: Chip.BASIC,
    13: Chip.MODERN,
    14: Chip.MODERN,
}
"""Who has which; the others carry older booklets."""


def _with_chip(traveller: Traveller, chip: Chip) -> Traveller:
    return replace(traveller, passport=replace(traveller.passport, chip=chip))


@dataclass(frozen=True)
class _Holder:
    """Somebody who is not on the flight, whose visa is shown instead of one's own."""

    given_names: str
    number: str
    age: tuple[int, int]


_BROTHER = _Holder("Augustin Tshibangu", "OP0645530", (51, 17))


def with_wrong_digit(lines: tuple[str, ...]) -> tuple[str, ...]:
    """TD3 lines whose check digit of the date of birth, and no other, is wrong.

    The number's own digit stays right; the composite digit is that of the lines as they stand, as on a document
    whose maker got one digit wrong.
    """
    first, second = lines
    wrong = str((int(second[19]) + 3) % 10)
    second = second[:19] + wrong + second[20:]
    composite = check_digit(second[:10] + second[13:20] + second[21:43])
    return first, second[:43] + composite


def mrz_name(text: str) -> str:
    """A name as feeds carry it: transliterated, letters and single spaces."""
    return " ".join(transliterate(text).replace("<", " ").split())


def visa_number(key: str) -> str:
    """A visa id of 16 hexadecimal digits from a fixed text."""
    return hashlib.sha256(f"borne specimen visa {key}".encode()).hexdigest()[:16]


def _traveller(
    today: date,
    number: int,
    face: str,
    surname: str,
    given_names: str,
    nationality: str,
    document: str,
    sex: str,
    age: tuple[int, int],
    birthplace: str,
    *,
    expiry: date | None = None,
) -> Traveller:
    """A traveller with a passport and no visa against whom nothing stands."""
    birth = years_before(today, *age)
    validity = 5 if age[0] < 18 else 10
    ends = expiry or years_before(today, -validity + 3, number * 13)
    passport = Passport(
        issuer=nationality,
        number=document,
        surname=surname,
        given_names=given_names,
        nationality=nationality,
        birth=birth,
        sex=sex,
        birthplace=birthplace,
        issued=years_before(ends, validity),
        expiry=ends,
        lines=build_mrz(
            MrzFormat.TD3,
            document_code="P",
            issuer=nationality,
            surname=surname,
            given_names=given_names,
            number=document,
            nationality=nationality,
            birth=birth,
            sex=sex,
            expiry=ends,
        ),
    )
    return Traveller(number=number, face=face, live_face=face, passport=passport, expected="admit")


def _visitor(
    today: date,
    number: int,
    face: str,
    surname: str,
    given_names: str,
    nationality: str,
    document: str,
    sex: str,
    age: tuple[int, int],
    birthplace: str,
    *,
    shown: Shown = Shown.NONE,
    expiry: date | None = None,
) -> Traveller:
    """A traveller with a passport and a good single-entry visa."""
    plain = _traveller(
        today, number, face, surname, given_names, nationality, document, sex, age, birthplace, expiry=expiry
    )
    return _with_visa(plain, today, shown=shown, expected="admit", because="")


def _with_visa(
    traveller: Traveller,
    today: date,
    *,
    shown: Shown,
    expected: str,
    because: str,
    since: int = 24,
    until: int = 66,
    signer: Signer = Signer.TRUSTED,
    stated: int = 1,
    published: bool = True,
    holder: _Holder | None = None,
    portrait: str | None = None,
) -> Traveller:
    """The traveller with a visa valid from `since` days ago to `until` days ahead, signed four days before."""
    passport = traveller.passport
    valid_from = today - timedelta(since)
    visa = Visa(
        visa_id=visa_number(str(traveller.number)),
        surname=passport.surname,
        given_names=holder.given_names if holder else passport.given_names,
        nationality=passport.nationality,
        birth=years_before(today, *holder.age) if holder else passport.birth,
        sex=passport.sex,
        passport_issuer=passport.issuer,
        passport_number=holder.number if holder else passport.number,
        issued=valid_from - timedelta(4),
        valid_from=valid_from,
        valid_until=today + timedelta(until),
        entries=1,
        stated_entries=stated,
        days=30,
        signer=signer,
        published=published,
        portrait=traveller.face if portrait is None else portrait,
    )
    return replace(traveller, visa=visa, shown=shown, expected=expected, because=because)
