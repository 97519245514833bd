"""Birth dates of which parts may be unknown, and what two of them say about two names that agree.

On many papers of the region 1 January means that only the year is known; it is read so. A year off by one, day and
month the wrong way round, one mistyped part: the date then speaks against a hit, not as much as another date does.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from border_agent.documents.mrz import PartialDate

SAME: Final = 8.0
"""Points that one full date, the same on both sides, adds to a name's score."""
UNKNOWN: Final = -3.0
SWAPPED: Final = -4.0
YEAR_BESIDE: Final = -6.0
MISTYPED: Final = -10.0
YEAR_NEAR: Final = -12.0
CONTRADICTS: Final = -40.0
"""No name reaches a cutoff after that."""

_MOST_CHARACTERS: Final = 32
_DATE: Final = re.compile(r"(\d{4}|XXXX)(?:-(\d\d|XX)(?:-(\d\d|XX))?)?", re.ASCII)

Ints = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


class Birth(NamedTuple):
    """A birth date; 0: this part is unknown."""

    year: int = 0
    month: int = 0
    day: int = 0

    def __str__(self) -> str:
        year, month, day = (
            f"{part:0{width}d}" if part else "X" * width for part, width in zip(self, (4, 2, 2), strict=True)
        )
        return f"{year}-{month}-{day}" if any(self) else ""


def read_birth(text: str) -> Birth | None:
    """`1980`, `1980-05`, `1980-05-17`, unknown parts as X; None where it is none of these. Empty: all unknown."""
    text = text[:_MOST_CHARACTERS].strip().upper()
    if not text:
        return Birth()
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part) if part is not None and "X" not in part else 0 for part in found.groups())
    return Birth(year, month, day) if month <= 12 and day <= 31 else None


def birth_of(date: PartialDate) -> Birth:
    """A birth date of an MRZ; what is impossible is unknown."""
    return Birth(date.year or 0, date.month or 0, date.day or 0) if date.valid else Birth()


def weigh(births: tuple[Ints, Ints, Ints], birth: Birth) -> Floats:
    """Points for each of many birth dates (years, months, days) beside one: what it adds to the name's score."""
    years, months, days = births
    if not any(birth):
        return np.full(len(years), UNKNOWN, np.float32)
    nothing = ~((years > 0) | (months > 0) | (days > 0))
    # 1 January is read as the year alone.
    first = (months == 1) & (days == 1)
    months, days = np.where(first, 0, months), np.where(first, 0, days)
    if birth[1:] == (1, 1):
        birth = Birth(birth.year)
    full = (months > 0) & (days > 0) & bool(birth.month and birth.day)
    month_same, day_same = months == birth.month, days == birth.day
    month_fits = month_same | (months == 0) | (birth.month == 0)
    day_fits = day_same | (days == 0) | (birth.day == 0)
    apart = np.abs(years - birth.year)
    no_year = (years == 0) | (birth.year == 0)
    fits = month_fits & day_fits
    return np.select(
        [
            nothing | (no_year & fits),
            no_year,
            (apart == 0) & full & month_same & day_same,
            (apart == 0) & fits,
            (apart == 0) & full & (months == birth.day) & (days == birth.month),
            (apart == 0) & (month_fits | day_fits),
            (apart == 1) & fits,
            ((apart == 2) & fits & ~full) | (full & month_same & day_same),
        ],
        [UNKNOWN, CONTRADICTS, SAME, 0.0, SWAPPED, MISTYPED, YEAR_BESIDE, YEAR_NEAR],
        CONTRADICTS,
    ).astype(np.float32)
