"""Dates of six characters: unknown parts, impossible days, and the century they do not tell (Doc 9303-3
section 4.8).

A date of birth lies in the past: the latest century that puts it there holds. An expiry lies near today: the
century that puts it within fifty years holds, the future one where both are equally far.
"""

from __future__ import annotations

import datetime

from border_agent.documents.mrz.digits import DIGITS, FILLER
from border_agent.documents.mrz.types import PartialDate

_UNKNOWN = FILLER * 2
_LEAP_YEAR = 2000
"""Stands for an unknown year: 29 February may then be a day of it."""


def birth_date(raw: str, today: datetime.date) -> PartialDate:
    """A date of birth: any part may be unknown; six characters."""
    year, month, day, readable = _parts(raw)
    if year is None or not readable:
        return PartialDate(None, month, day, raw, readable and _is_a_day(None, month, day))
    century = today.year - today.year % 100
    past = [
        full
        for full in (century + year, century + year - 100)
        if full >= 1 and (full, month or 1, day or 1) <= (today.year, today.month, today.day)
    ]
    possible = [full for full in past if _is_a_day(full, month, day)]
    if possible:
        return PartialDate(possible[0], month, day, raw, True)
    return PartialDate(past[0] if past else None, month, day, raw, False)


def expiry_date(raw: str, today: datetime.date) -> PartialDate:
    """An expiry; six characters. Unknown parts are kept as such: whether they are allowed is the caller's
    rule."""
    year, month, day, readable = _parts(raw)
    if year is None or not readable:
        return PartialDate(None, month, day, raw, readable and _is_a_day(None, month, day))
    century = today.year - today.year % 100
    candidates = [
        full
        for full in (century + year + 100, century + year, century + year - 100)
        if datetime.MINYEAR <= full <= datetime.MAXYEAR
    ]
    nearest = min(candidates, key=lambda full: abs(full - today.year))
    return PartialDate(nearest, month, day, raw, _is_a_day(nearest, month, day))


def write_date(date: datetime.date) -> str:
    """Six digits, YYMMDD."""
    return f"{date.year % 100:02d}{date.month:02d}{date.day:02d}"


def _parts(raw: str) -> tuple[int | None, int | None, int | None, bool]:
    """Year of the century, month and day as read, None for unknown ones, and whether all three are
    readable."""
    values: list[int | None] = []
    readable = len(raw) == 6
    for pair in (raw[0:2], raw[2:4], raw[4:6]):
        if len(pair) == 2 and pair[0] in DIGITS and pair[1] in DIGITS:
            values.append(int(pair))
        else:
            values.append(None)
            readable = readable and pair == _UNKNOWN
    return values[0], values[1], values[2], readable


def _is_a_day(year: int | None, month: int | None, day: int | None) -> bool:
    """Whether some day of the calendar fits the known parts."""
    if month is None:
        return day is None or 1 <= day <= 31
    try:
        datetime.date(_LEAP_YEAR if year is None else year, month, 1 if day is None else day)
    except ValueError:
        return False
    return True
