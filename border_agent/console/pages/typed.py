"""A machine-readable zone typed by hand: made ready for the parser, and checked while it is typed. Pure."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from border_agent.documents.mrz import Mrz, MrzError, parse_mrz
from border_agent.words import error_text, text

MOST_TYPED = 400
WIDTHS = {2: (44, 36), 3: (30,)}
"""Characters a line, by number of lines: passports and cards of two lines, cards of three."""
_TYPED = str.maketrans({"«": "<<", "»": "<<", "‹": "<", "›": "<", " ": None, "\N{NO-BREAK SPACE}": None, "\t": None})
"""Keyboards that write French make guillemets of two fillers."""


class SeenLines(Struct, frozen=True, kw_only=True):
    """What is to be said of typed lines."""

    good: bool
    """A travel document's lines with right check digits."""
    usable: bool
    """A travel document's lines, right or wrong."""
    words: tuple[str, ...]
    mrz: Mrz | None = None


def typed_lines(typed: str) -> tuple[str, ...]:
    """The lines as the standard writes them: capitals, no spaces, `<` for fillers. Raises MrzError's kin nowhere."""
    lines = (line.translate(_TYPED).upper() for line in typed.splitlines())
    return tuple(line for line in lines if line)


def see_lines(typed: str, today: date, language: str) -> SeenLines:
    """How far the lines are right. Never raises: half a line is the usual case."""
    lines = typed_lines(typed)
    short = _short(lines, language)
    if short or not lines:
        return SeenLines(good=False, usable=False, words=short or (text("collect.lines_none", language),))
    try:
        mrz = parse_mrz("\n".join(lines), today=today)
    except MrzError as error:
        return SeenLines(good=False, usable=False, words=(error_text(error, language),))
    wrong = ",".join(check.field for check in mrz.checks if not check.ok)
    said = text("collect.lines_wrong", language, fields=wrong) if wrong else text("collect.lines_good", language)
    return SeenLines(good=not wrong, usable=True, words=(said,), mrz=mrz)


def _short(lines: tuple[str, ...], language: str) -> tuple[str, ...]:
    """Which lines have another length than they should."""
    if not lines:
        return ()
    wanted = _width(lines)
    return tuple(
        text("collect.lines_short", language, line=number, length=len(line), wanted=wanted)
        for number, line in enumerate(lines, 1)
        if len(line) != wanted
    )


def _width(lines: tuple[str, ...]) -> int:
    """The width these lines are nearest to."""
    widths = WIDTHS.get(len(lines), (44,))
    longest = max(len(line) for line in lines)
    return min((width for width in widths if width >= longest), default=widths[0])
