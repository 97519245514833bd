"""Which characters stand where in each format (ICAO Doc 9303-4 to -7): what a reader may lean on, softly.

A character that does not belong in its place is held to be unlikely, not impossible: documents are misprinted, and
some are forged. A clear "A" in a date stays an "A"; an "O" that might be a "0" becomes the "0" there, with a
confidence that says how alike the two were.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from border_agent.decoding.mrz.glyphs import NOTHING, Floats
from border_agent.decoding.values import MRZ_ALPHABET, MRZ_SHAPES

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS: Final = "0123456789"

_KINDS: Final = {
    "t": "ACIP",
    "v": "V",
    "a": _LETTERS + "<",
    "d": _DIGITS + "<",
    "n": _DIGITS,
    "s": "MFX<",
    "*": MRZ_ALPHABET,
}
"""A place's kind to what belongs there."""

_LOWER: Final = "*" * 9 + "d" + "aaa" + "dddddd" + "n" + "s" + "dddddd" + "n"
"""The second line of all formats with two, up to its optional data."""

_PATTERNS: Final[dict[str, tuple[str, ...]]] = {
    "TD1": (
        "taaaa" + "*" * 9 + "d" + "*" * 15,
        "dddddd" + "n" + "s" + "dddddd" + "n" + "aaa" + "*" * 11 + "n",
        "a" * 30,
    ),
    "TD2": ("t" + "a" * 35, _LOWER + "*" * 7 + "n"),
    "TD3": ("t" + "a" * 43, _LOWER + "*" * 14 + "d" + "n"),
    "MRVA": ("v" + "a" * 43, _LOWER + "*" * 16),
    "MRVB": ("v" + "a" * 35, _LOWER + "*" * 8),
}

_UNLIKELY: Final = 0.003
"""Weight of a character that does not belong in its place."""


def _allowed(pattern: str) -> Floats:
    """Places x NOTHING: 1 where the character belongs, else 0."""
    rows = [[1.0 if character in _KINDS[kind] else 0.0 for character in MRZ_ALPHABET] for kind in pattern]
    return np.array(rows, np.float32)


ALLOWED: Final[dict[str, Floats]] = {
    name: np.stack([_allowed(line) for line in lines]) for name, lines in _PATTERNS.items()
}
"""Lines x characters x NOTHING."""

_NUMERIC: Final = {
    name: np.array([[kind in "dn" for kind in line] for line in lines]) for name, lines in _PATTERNS.items()
}
"""Lines x characters: where dates and check digits stand."""


def formats_of(lines: int, width: int) -> list[str]:
    """The formats of this shape; a visa has the shape of another document."""
    return [name for name, shape in MRZ_SHAPES.items() if shape == (lines, width)]


def likely(format: str, probabilities: Floats) -> Floats:
    """What the network saw, lines x width x CLASSES, with what belongs in each place: lines x width x NOTHING."""
    weighed = probabilities[..., :NOTHING] * np.maximum(ALLOWED[format], _UNLIKELY)
    total: Floats = weighed / np.maximum(weighed.sum(axis=-1, keepdims=True), 1e-12)
    return total


def belonging(format: str, probabilities: Floats) -> float:
    """0 to 1: how much of what the network saw belongs where it stands. A page of text has little of it."""
    seen = (probabilities[..., :NOTHING] * ALLOWED[format]).sum(axis=-1)
    return float(seen.mean())


def dated(format: str, probabilities: Floats) -> bool:
    """Digits stand in at least half of the places where dates and check digits are: no page of fillers has them."""
    best = probabilities[..., :NOTHING].argmax(axis=-1)
    digits = best[_NUMERIC[format]] < len(_DIGITS)
    return bool(digits.mean() >= 0.5)
