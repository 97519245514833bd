"""Document numbers that look like one another: what a tired eye, a poor print or a hand takes for the same."""

from __future__ import annotations

from itertools import combinations
from typing import Final

MOST_ALIKE: Final = 96
"""Numbers looked up beside the one that was asked for."""
_LONGEST: Final = 22
_MOST_CHARACTERS: Final = 128
_PAIRS: Final = ("O0", "I1", "B8", "S5", "Z2")
_TO_DIGIT: Final = {pair[0]: pair[1] for pair in _PAIRS}
_TO_LETTER: Final = {pair[1]: pair[0] for pair in _PAIRS}
_TWIN: Final = _TO_DIGIT | _TO_LETTER


def number_of(text: str) -> str:
    """A document number as a record has it; empty where nothing of it can be one."""
    kept = "".join(letter for letter in text[:_MOST_CHARACTERS].upper() if letter.isascii() and letter.isalnum())
    return kept if len(kept) <= _LONGEST else ""


def alike_numbers(number: str) -> tuple[str, ...]:
    """Numbers that look like this one, at most `MOST_ALIKE`, the likelier first: one character taken for its twin,
    all of them the same way, then two."""
    places = [place for place, letter in enumerate(number) if letter in _TWIN]
    found: dict[str, None] = {_changed(number, (place,)): None for place in places}
    found |= {"".join(table.get(letter, letter) for letter in number): None for table in (_TO_DIGIT, _TO_LETTER)}
    for both in combinations(places, 2):
        if len(found) > MOST_ALIKE:
            break
        found[_changed(number, both)] = None
    found.pop(number, None)
    return tuple(found)[:MOST_ALIKE]


def _changed(number: str, places: tuple[int, ...]) -> str:
    letters = list(number)
    for place in places:
        letters[place] = _TWIN[letters[place]]
    return "".join(letters)
