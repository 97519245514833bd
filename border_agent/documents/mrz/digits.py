"""The alphabet and the check digits of a machine readable zone (Doc 9303-3 sections 4.3 and 4.9)."""

from __future__ import annotations

import string

from border_agent.documents.mrz.errors import MrzAlphabet

LETTERS = frozenset(string.ascii_uppercase)
DIGITS = frozenset(string.digits)
FILLER = "<"
ALPHABET = LETTERS | DIGITS | {FILLER}

_VALUES = {character: value for value, character in enumerate(string.digits + string.ascii_uppercase)} | {FILLER: 0}
_WEIGHTS = (7, 3, 1)


def check_digit(text: str) -> str:
    """The check digit of a text: values weighted 7, 3, 1 and so on, their sum modulo 10.

    Raises `MrzAlphabet` on a character that has no value.
    """
    digit = digit_or_none(text)
    if digit is None:
        raise MrzAlphabet("check digit", "a character outside A-Z, 0-9 and <")
    return digit


def digit_or_none(text: str) -> str | None:
    """As `check_digit`, but None where a character has no value: what was read may hold anything."""
    total = 0
    for position, character in enumerate(text):
        value = _VALUES.get(character)
        if value is None:
            return None
        total += value * _WEIGHTS[position % 3]
    return str(total % 10)
