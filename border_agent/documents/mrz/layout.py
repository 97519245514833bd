"""Where each field stands, format by format (Doc 9303-4, -5, -6, -7: data structure of the machine readable
zone)."""

from __future__ import annotations

from typing import NamedTuple

from border_agent.documents.mrz.digits import FILLER
from border_agent.documents.mrz.types import MrzFormat


class Span(NamedTuple):
    """Characters `start` to `stop` (excluded) of a line, both counted from 0."""

    line: int
    start: int
    stop: int

    def of(self, lines: tuple[str, ...]) -> str:
        return lines[self.line][self.start : self.stop]


class Layout(NamedTuple):
    """The spans of one format. A span that is None does not exist there."""

    format: MrzFormat
    lines: int
    width: int
    first_letters: str
    """What a document code of this format may begin with."""
    document_code: Span
    issuer: Span
    name: Span
    number: Span
    number_check: Span
    nationality: Span
    birth: Span
    birth_check: Span
    sex: Span
    expiry: Span
    expiry_check: Span
    optional: Span
    optional2: Span | None
    optional_check: Span | None
    composite: tuple[Span, ...]
    """What the composite check digit covers; empty on visas, which have none."""
    composite_check: Span | None
    long_number: bool
    """Whether a long document number may go on in the optional field (TD1, TD2)."""


class NumberRead(NamedTuple):
    """The document number as it stands in the lines, fillers included, and what is left of the optional
    field."""

    text: str
    check: str
    rest: str


def _two_lines(
    format: MrzFormat,
    width: int,
    first_letters: str,
    *,
    optional: tuple[int, int],
    optional_check: int | None = None,
    composite: bool = False,
    long_number: bool = False,
) -> Layout:
    """TD2, TD3 and both visas: the second line begins alike in all four."""
    return Layout(
        format=format,
        lines=2,
        width=width,
        first_letters=first_letters,
        document_code=Span(0, 0, 2),
        issuer=Span(0, 2, 5),
        name=Span(0, 5, width),
        number=Span(1, 0, 9),
        number_check=Span(1, 9, 10),
        nationality=Span(1, 10, 13),
        birth=Span(1, 13, 19),
        birth_check=Span(1, 19, 20),
        sex=Span(1, 20, 21),
        expiry=Span(1, 21, 27),
        expiry_check=Span(1, 27, 28),
        optional=Span(1, *optional),
        optional2=None,
        optional_check=None if optional_check is None else Span(1, optional_check, optional_check + 1),
        composite=(Span(1, 0, 10), Span(1, 13, 20), Span(1, 21, width - 1)) if composite else (),
        composite_check=Span(1, width - 1, width) if composite else None,
        long_number=long_number,
    )


_TD1 = Layout(
    format=MrzFormat.TD1,
    lines=3,
    width=30,
    first_letters="ACI",
    document_code=Span(0, 0, 2),
    issuer=Span(0, 2, 5),
    name=Span(2, 0, 30),
    number=Span(0, 5, 14),
    number_check=Span(0, 14, 15),
    nationality=Span(1, 15, 18),
    birth=Span(1, 0, 6),
    birth_check=Span(1, 6, 7),
    sex=Span(1, 7, 8),
    expiry=Span(1, 8, 14),
    expiry_check=Span(1, 14, 15),
    optional=Span(0, 15, 30),
    optional2=Span(1, 18, 29),
    optional_check=None,
    composite=(Span(0, 5, 30), Span(1, 0, 7), Span(1, 8, 15), Span(1, 18, 29)),
    composite_check=Span(1, 29, 30),
    long_number=True,
)

LAYOUTS: dict[MrzFormat, Layout] = {
    MrzFormat.TD1: _TD1,
    MrzFormat.TD2: _two_lines(MrzFormat.TD2, 36, "ACI", optional=(28, 35), composite=True, long_number=True),
    MrzFormat.TD3: _two_lines(MrzFormat.TD3, 44, "P", optional=(28, 42), optional_check=42, composite=True),
    MrzFormat.MRVA: _two_lines(MrzFormat.MRVA, 44, "V", optional=(28, 44)),
    MrzFormat.MRVB: _two_lines(MrzFormat.MRVB, 36, "V", optional=(28, 36)),
}


def read_number(layout: Layout, lines: tuple[str, ...]) -> NumberRead:
    """The document number, wherever it stands.

    A number of more than nine characters leaves a filler in the place of its check digit and goes on at the
    start of the optional field: the rest of it, its check digit, a filler (Doc 9303-5 note j, 9303-6 note j).
    At least one character and the digit must stand there, else it is a short number whose digit is wrong.
    """
    text = layout.number.of(lines)
    check = layout.number_check.of(lines)
    optional = layout.optional.of(lines)
    if not layout.long_number or check != FILLER:
        return NumberRead(text, check, optional)
    continued, _, rest = optional.partition(FILLER)
    if len(continued) < 2:
        return NumberRead(text, check, optional)
    return NumberRead(text + continued[:-1], continued[-1], rest)
