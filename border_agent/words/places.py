"""Places in a text that a call fills: `{name}`, or `{name:kind}` for what each language writes in its own way.

    {until:date}    2026-11-22 or a date          22/11/2026              22 Nov 2026
    {at:time}       a moment                      14 h 05                 14:05
    {since:moment}  a moment                      22/11/2026, 14 h 05     22 Nov 2026, 14:05
    {count:number}  157688 or "157688"            157 688                 157,688
    {fields:field}  codes, separated by commas    the texts `field.<code>`, where there is one

What does not parse as its kind is written as it came: a finding of ten years ago must still be shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from math import isfinite

from border_agent.words.errors import MissingParameter
from border_agent.words.formats import format_date, format_moment, format_number, format_time

PLACE = re.compile(r"\{([a-z_]+)(?::([a-z_]+))?\}")


def fill(
    template: str, params: Mapping[str, object], language: str, word: Callable[[str], str | None], key: str
) -> str:
    """The text with its places filled; `word` looks up a code's own text. Raises MissingParameter."""

    def value(match: re.Match[str]) -> str:
        name, kind = match[1], match[2]
        if name not in params:
            raise MissingParameter(key, name)
        return _write(params[name], kind, language, word)

    return PLACE.sub(value, template)


def _write(value: object, kind: str | None, language: str, word: Callable[[str], str | None]) -> str:
    if kind is None:
        return str(value)
    if kind not in KINDS:
        codes = (code.strip() for code in str(value).split(","))
        return ", ".join(word(f"{kind}.{code}") or code for code in codes)
    try:
        return KINDS[kind](value, language)
    except (ValueError, TypeError, ArithmeticError):
        return str(value)


def _date(value: object, language: str) -> str:
    return format_date(value if isinstance(value, date) else date.fromisoformat(str(value)), language)


def _time(value: object, language: str) -> str:
    return format_time(value if isinstance(value, datetime | time) else datetime.fromisoformat(str(value)), language)


def _moment(value: object, language: str) -> str:
    return format_moment(value if isinstance(value, datetime) else datetime.fromisoformat(str(value)), language)


def _number(value: object, language: str) -> str:
    number = value if isinstance(value, int | float) else float(str(value))
    if not isfinite(number):
        raise ValueError(number)
    return format_number(number, language)


KINDS: dict[str, Callable[[object, str], str]] = {
    "date": _date,
    "time": _time,
    "moment": _moment,
    "number": _number,
}
