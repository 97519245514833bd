"""Dates, times and numbers as people here write them: 22/11/2026, 14 h 05, 157 688; 22 Nov 2026, 14:05, 157,688."""

from __future__ import annotations

from datetime import date, datetime, time

from babel.dates import format_date as babel_date
from babel.dates import format_time as babel_time
from babel.numbers import format_decimal

from border_agent.words.errors import UnknownLanguage

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

_LOCALES = {"fr": "fr", "en": "en_GB"}
_DATES = {"fr": "dd/MM/y", "en": "d MMM y"}
_TIMES = {"fr": "HH 'h' mm", "en": "HH:mm"}
_NARROW = "\N{NARROW NO-BREAK SPACE}"
"""babel's grouping space in French; printers of slips have no such glyph."""


def format_date(day: date, language: str) -> str:
    """22/11/2026 or 22 Nov 2026. Raises UnknownLanguage."""
    return _unbreakable(babel_date(day, _of(_DATES, language), locale=_LOCALES[language]))


def format_time(moment: datetime | time, language: str) -> str:
    """14 h 05 or 14:05, in the moment's own time zone. Raises UnknownLanguage."""
    clock = moment.timetz() if isinstance(moment, datetime) else moment
    naive = clock.replace(tzinfo=None)
    return _unbreakable(babel_time(naive, _of(_TIMES, language), locale=_LOCALES[language]))


def format_moment(moment: datetime, language: str) -> str:
    """Date and time, in the moment's own time zone. Raises UnknownLanguage."""
    return f"{format_date(moment, language)}, {format_time(moment, language)}"


def format_number(number: float, language: str, *, decimals: int | None = None) -> str:
    """157 688 or 157,688; 0,437 or 0.437. `decimals`: exactly so many, else at most three. Raises UnknownLanguage."""
    pattern = "#,##0.###" if decimals is None else "#,##0" + ("." + "0" * decimals if decimals else "")
    return str(format_decimal(number, pattern, locale=_of(_LOCALES, language))).replace(_NARROW, NO_BREAK_SPACE)


def _of(table: dict[str, str], language: str) -> str:
    if language not in table:
        raise UnknownLanguage(language)
    return table[language]


def _unbreakable(text: str) -> str:
    return text.replace(_NARROW, NO_BREAK_SPACE).replace(" ", NO_BREAK_SPACE)
