"""Writing a machine readable zone: what specimens, tests and a consulate's tools print."""

from __future__ import annotations

import datetime

from border_agent.documents.mrz.dates import birth_date, write_date
from border_agent.documents.mrz.digits import ALPHABET, FILLER, LETTERS, check_digit
from border_agent.documents.mrz.errors import MrzUnwritable
from border_agent.documents.mrz.layout import LAYOUTS, Layout, Span
from border_agent.documents.mrz.names import write_name
from border_agent.documents.mrz.types import MrzFormat

_SEXES = {"M": "M", "F": "F", "X": FILLER}
_NUMBER_WIDTH = 9
_ANY_CENTURY = datetime.date(2099, 12, 31)
"""Before it every two-digit year lies in the past, and 1900 as well as 2000 are tried for 29 February."""


def build_mrz(
    format: MrzFormat,
    *,
    document_code: str,
    issuer: str,
    surname: str,
    given_names: str,
    number: str,
    nationality: str,
    birth: datetime.date | str,
    sex: str,
    expiry: datetime.date,
    optional: str = "",
    optional2: str = "",
) -> tuple[str, ...]:
    """The lines of a zone, every check digit right.

    Names are transliterated and cut to length. `birth` may be six characters with `<<` for unknown parts.
    `sex` is `M`, `F` or `X`. In numbers and optional data, spaces and hyphens become fillers. A number of
    more than nine characters goes on in the optional field (TD1, TD2). An empty optional field of TD3 gets
    the check digit 0.

    Raises `MrzUnwritable` on what the format cannot carry, `MrzAlphabet` on a name no table transliterates.
    """
    layout = LAYOUTS[format]
    if optional2 and layout.optional2 is None:
        raise MrzUnwritable("optional2", f"{format} has none")
    cells = [[FILLER] * layout.width for _ in range(layout.lines)]

    def put(span: Span, text: str) -> None:
        cells[span.line][span.start : span.stop] = text.ljust(span.stop - span.start, FILLER)

    def read(span: Span) -> str:
        return "".join(cells[span.line][span.start : span.stop])

    put(layout.document_code, _document_code(layout, document_code))
    put(layout.issuer, _state("issuer", issuer))
    put(layout.name, write_name(surname, given_names, layout.name.stop - layout.name.start))
    text, check, rest = _number(layout, _filled("number", number), _filled("optional", optional))
    put(layout.number, text)
    put(layout.number_check, check)
    put(layout.optional, rest)
    put(layout.nationality, _state("nationality", nationality))
    put(layout.birth, _birth(birth))
    put(layout.birth_check, check_digit(read(layout.birth)))
    if sex not in _SEXES:
        raise MrzUnwritable("sex", "neither M, F nor X")
    put(layout.sex, _SEXES[sex])
    put(layout.expiry, write_date(expiry))
    put(layout.expiry_check, check_digit(read(layout.expiry)))
    if layout.optional2 is not None:
        put(layout.optional2, _fitting("optional2", _filled("optional2", optional2), layout.optional2))
    if layout.optional_check is not None:
        put(layout.optional_check, check_digit(read(layout.optional)))
    if layout.composite_check is not None:
        put(layout.composite_check, check_digit("".join(read(span) for span in layout.composite)))
    return tuple("".join(line) for line in cells)


def _document_code(layout: Layout, code: str) -> str:
    letters_only = 1 <= len(code) <= 2 and set(code) <= LETTERS
    if not letters_only or code[0] not in layout.first_letters or (layout.long_number and code[1:] == "V"):
        raise MrzUnwritable("document_code", f"not a code of {layout.format}")
    return code


def _state(field: str, code: str) -> str:
    if not 1 <= len(code) <= 3 or not set(code) <= LETTERS:
        raise MrzUnwritable(field, "not a state code")
    return code


def _birth(birth: datetime.date | str) -> str:
    if isinstance(birth, datetime.date):
        return write_date(birth)
    if not birth_date(birth, _ANY_CENTURY).valid:
        raise MrzUnwritable("birth", "no day of the calendar fits")
    return birth


def _filled(field: str, text: str) -> str:
    filled = text.upper().replace(" ", FILLER).replace("-", FILLER)
    if not set(filled) <= ALPHABET:
        raise MrzUnwritable(field, "a character outside A-Z, 0-9, space and hyphen")
    return filled.rstrip(FILLER)


def _fitting(field: str, text: str, span: Span) -> str:
    if len(text) > span.stop - span.start:
        raise MrzUnwritable(field, f"{len(text)} characters, at most {span.stop - span.start}")
    return text


def _number(layout: Layout, number: str, optional: str) -> tuple[str, str, str]:
    """What goes into the number field, its check digit's place and the optional field."""
    if not number:
        raise MrzUnwritable("number", "empty")
    if len(number) <= _NUMBER_WIDTH:
        padded = number.ljust(_NUMBER_WIDTH, FILLER)
        return padded, check_digit(padded), _fitting("optional", optional, layout.optional)
    if not layout.long_number or FILLER in number:
        raise MrzUnwritable("number", f"{len(number)} characters, at most {_NUMBER_WIDTH}")
    continued = number[_NUMBER_WIDTH:] + check_digit(number) + FILLER + optional
    return number[:_NUMBER_WIDTH], FILLER, _fitting("number", continued, layout.optional)
