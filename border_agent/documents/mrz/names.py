"""The name field: reading it, writing it, cutting it to length, and comparing names that may have been cut.

Doc 9303-4 section 4.2.3 and its like in parts 5 to 7. No check digit covers a name.
"""

from __future__ import annotations

from typing import NamedTuple

from border_agent.documents.mrz.digits import FILLER
from border_agent.documents.mrz.errors import MrzUnwritable
from border_agent.documents.mrz.transliteration import transliterate
from border_agent.documents.mrz.types import Mrz

_DOUBLE = FILLER * 2


class PersonName(NamedTuple):
    """A name as in a machine readable zone: words of A to Z with single spaces."""

    surname: str
    given_names: str
    truncated: bool = False
    """It may have been cut to fit."""


class NameRead(NamedTuple):
    name: PersonName
    well_formed: bool
    """Something is there, and exactly one double filler at most parts surname from given names."""


def read_name(field: str) -> NameRead:
    """The name of a field. A third part (a second double filler) is kept with the given names, and
    reported."""
    body = field.rstrip(FILLER)
    surname, _, given = body.partition(_DOUBLE)
    well_formed = bool(body) and not body.startswith(FILLER) and not given.startswith(FILLER) and _DOUBLE not in given
    name = PersonName(_words(surname), _words(given), truncated=len(body) == len(field))
    return NameRead(name, well_formed)


def write_name(surname: str, given_names: str, width: int) -> str:
    """The name field, cut if it must be. Raises `MrzUnwritable` where no surname is left after
    transliteration.

    Cutting shortens the last given name first, down to its initial, then the one before it, then the
    surname's words from the last; whole words go only where not even their initials fit. So the field's
    last position holds a letter, which is how a reader sees that the name may have been cut.
    """
    surnames = transliterate(surname).split()
    given = transliterate(given_names).split()
    if not surnames:
        raise MrzUnwritable("surname", "empty")
    _shorten(surnames, given, width)
    field = FILLER.join(surnames) + (_DOUBLE + FILLER.join(given) if given else "")
    return field.ljust(width, FILLER)


def names_agree(one: PersonName, other: PersonName) -> bool:
    """Whether two names can be of one person, given that each may have been cut or transliterated
    otherwise."""
    if _agree(one, other):
        return True
    return _agree(_folded(one), _folded(other))


def same_name(one: Mrz, other: Mrz) -> bool:
    """`names_agree` for two machine readable zones, such as a passport's and a visa's."""
    return names_agree(
        PersonName(one.surname, one.given_names, one.name_truncated),
        PersonName(other.surname, other.given_names, other.name_truncated),
    )


def _words(text: str) -> str:
    return " ".join(word for word in text.split(FILLER) if word)


def _shorten(surnames: list[str], given: list[str], width: int) -> None:
    """Cut both lists in place, so that they fit with a letter in the last position if anything was cut."""
    while _length([1] * len(surnames), [1] * len(given)) > width:
        (given if len(given) > 1 else surnames).pop()
    excess = _length([len(word) for word in surnames], [len(word) for word in given]) - width
    for words in (given, surnames):
        for index in reversed(range(len(words))):
            cut = min(max(excess, 0), len(words[index]) - 1)
            words[index] = words[index][: len(words[index]) - cut]
            excess -= cut


def _length(surnames: list[int], given: list[int]) -> int:
    """Length of the field for words of these lengths, with the fillers between them."""
    return sum(surnames) + len(surnames) - 1 + (sum(given) + len(given) + 1 if given else 0)


def _agree(one: PersonName, other: PersonName) -> bool:
    if not one.truncated and not other.truncated:
        return _letters(one.surname) == _letters(other.surname) and _letters(one.given_names) == _letters(
            other.given_names
        )
    if bool(one.given_names) != bool(other.given_names):
        return False
    pairs = ((one.surname, other.surname), (one.given_names, other.given_names))
    return all(
        _words_agree(left.split(), right.split(), left_cut=one.truncated, right_cut=other.truncated)
        for left, right in pairs
    )


def _words_agree(left: list[str], right: list[str], *, left_cut: bool, right_cut: bool) -> bool:
    if len(left) < len(right) and not left_cut:
        return False
    if len(right) < len(left) and not right_cut:
        return False
    return all(
        one == other or (left_cut and other.startswith(one)) or (right_cut and one.startswith(other))
        for one, other in zip(left, right, strict=False)
    )


def _letters(text: str) -> str:
    return text.replace(" ", "")


def _folded(name: PersonName) -> PersonName:
    return PersonName(_fold(name.surname), _fold(name.given_names), name.truncated)


def _fold(text: str) -> str:
    """The standard's alternative spellings of one letter (Ä, Å, Ñ, Ö, Ü) made one."""
    for long, short in (("UXX", "U"), ("NXX", "N"), ("AE", "A"), ("AA", "A"), ("OE", "O"), ("UE", "U")):
        text = text.replace(long, short)
    return text
