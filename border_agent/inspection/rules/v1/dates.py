"""What may be said of dates of which parts are unknown: only what holds for every day they may mean."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from border_agent.documents.mrz import PartialDate


def bounds(partial: PartialDate) -> tuple[date, date] | None:
    """The first and the last day it may mean; `None` where the year is unknown or no day fits."""
    if not partial.valid or partial.year is None:
        return None
    year, month, day = partial.year, partial.month, partial.day
    if month is None:
        return date(year, 1, 1), date(year, 12, 31)
    if day is None:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    return date(year, month, day), date(year, month, day)


def surely_younger(birth: PartialDate, years: int, today: date) -> bool:
    """Whether the person has not reached this age, whichever day the date of birth may mean."""
    span = bounds(birth)
    return span is not None and _age(span[0], today) < years


def surely_reached(birth: PartialDate, years: int, today: date) -> bool:
    """Whether the person has reached this age, whichever day the date of birth may mean."""
    span = bounds(birth)
    return span is not None and _age(span[1], today) >= years


def may_be_same(one: PartialDate, other: PartialDate) -> bool:
    """Whether two dates of birth can be one: known parts agree (the century is context, so it is left out)."""
    pairs = ((one.raw[i : i + 2], other.raw[i : i + 2]) for i in (0, 2, 4))
    return all(left == right or "<<" in (left, right) for left, right in pairs)


def days_of_stay(today: date, years: int, months: int, days: int) -> int:
    """Length in days of a stay that begins today and lasts so many years, months and days of the calendar."""
    month = today.month - 1 + months
    year = today.year + years + month // 12
    month = month % 12 + 1
    last = min(today.day, monthrange(year, month)[1])
    return (date(year, month, last) + timedelta(days=days) - today).days


def _age(birth: date, today: date) -> int:
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
