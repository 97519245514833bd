"""Reading a machine readable zone: text of a reader in, fields with a verdict each out."""

from __future__ import annotations

import datetime
import re

from border_agent.documents.mrz.dates import birth_date, expiry_date
from border_agent.documents.mrz.digits import ALPHABET, DIGITS, FILLER, LETTERS, digit_or_none
from border_agent.documents.mrz.errors import MrzAlphabet, MrzTooLong, NotMrz
from border_agent.documents.mrz.layout import LAYOUTS, Layout, NumberRead, read_number
from border_agent.documents.mrz.names import read_name
from border_agent.documents.mrz.states import is_state_code
from border_agent.documents.mrz.types import CheckDigit, IssueCode, Mrz, MrzFormat, MrzIssue, PartialDate

MAX_TEXT = 4096
"""Longest text looked at, in characters. The longest zone has 90, and line ends."""

SEALED_SECOND_LINE = 28
"""Characters of a visa's second line that a signed code carries (Doc 9303-7): all but the optional data."""

_LINE_ENDS = re.compile(r"[\r\n]+")
_EDGES = "".join(map(chr, range(0x21))) + "\x7f"
"""Blanks and framing characters (STX, ETX, NUL) that readers put around a text or a line."""
_NAME_CHARACTERS = LETTERS | {FILLER}
_DATE_CHARACTERS = DIGITS | {FILLER}


def parse_mrz(text: str | bytes, *, today: datetime.date) -> Mrz:
    """Read what a document reader sent: lines ended by CR, LF or both, or all in one.

    `today` resolves centuries. What is wrong with a field is said in `checks` and `issues`; nothing is
    repaired. Raises `MrzTooLong` beyond `MAX_TEXT`, `NotMrz` where the lengths fit no format, `MrzAlphabet`
    on a control character inside the text.
    """
    if len(text) > MAX_TEXT:
        raise MrzTooLong("mrz", f"{len(text)} characters")
    # One byte is one character: a letter outside the alphabet keeps its place and becomes an issue of its
    # field.
    decoded = text.decode("latin-1") if isinstance(text, bytes) else text
    lines = [line for piece in _LINE_ENDS.split(decoded) if (line := piece.strip(_EDGES))]
    layout, cells = _recognise(lines)
    if not all(line.isprintable() for line in cells):
        raise MrzAlphabet("mrz", "a control character inside the text")
    return _read(layout, cells, today)


def parse_sealed_mrv(first: str, second: str, *, today: datetime.date) -> Mrz:
    """Read a visa's zone as a signed code carries it: the first line whole (44 or 36), of the second 28
    characters.

    The optional data that is missing is taken as filler; no check digit covers it. Raises `NotMrz` on other
    lengths.
    """
    layout = next((LAYOUTS[f] for f in (MrzFormat.MRVA, MrzFormat.MRVB) if LAYOUTS[f].width == len(first)), None)
    if layout is None or len(second) != SEALED_SECOND_LINE:
        raise NotMrz("mrz", f"lines of {len(first)} and {len(second)} characters are no visa in a signed code")
    return _read(layout, (first, second.ljust(layout.width, FILLER)), today)


def mrz_information(mrz: Mrz) -> str | None:
    """The text a chip's access keys come from (Doc 9303-11 section 4.3): number, birth and expiry with
    their digits.

    None on visas, which have no chip, and where one of the three cannot be relied on.
    """
    layout = LAYOUTS[mrz.format]
    doubtful = {check.field for check in mrz.checks if not check.ok} | {
        issue.field for issue in mrz.issues if issue.code is not IssueCode.DATE_INCOMPLETE
    }
    if layout.composite_check is None or doubtful & {"number", "birth", "expiry"}:
        return None
    number = read_number(layout, mrz.lines)
    spans = (layout.birth, layout.birth_check, layout.expiry, layout.expiry_check)
    return number.text + number.check + "".join(span.of(mrz.lines) for span in spans)


def _recognise(lines: list[str]) -> tuple[Layout, tuple[str, ...]]:
    """The layout whose lines these are; one line may be all of them joined."""
    for layout in LAYOUTS.values():
        cells = lines
        if len(lines) == 1 and len(lines[0]) == layout.lines * layout.width:
            cells = [lines[0][start : start + layout.width] for start in range(0, len(lines[0]), layout.width)]
        visa = layout.format in (MrzFormat.MRVA, MrzFormat.MRVB)
        if [len(cell) for cell in cells] == [layout.width] * layout.lines and (cells[0][0] == "V") == visa:
            return layout, tuple(cells)
    lengths = ", ".join(str(len(line)) for line in lines[:8])
    raise NotMrz("mrz", f"{len(lines)} lines of {lengths or 'no'} characters")


def _read(layout: Layout, lines: tuple[str, ...], today: datetime.date) -> Mrz:
    number = read_number(layout, lines)
    birth = birth_date(layout.birth.of(lines), today)
    expiry = expiry_date(layout.expiry.of(lines), today)
    name = read_name(layout.name.of(lines)).name
    sex = layout.sex.of(lines)
    return Mrz(
        format=layout.format,
        lines=lines,
        document_code=layout.document_code.of(lines).rstrip(FILLER),
        issuer=layout.issuer.of(lines).rstrip(FILLER),
        surname=name.surname,
        given_names=name.given_names,
        name_truncated=name.truncated,
        number=number.text.replace(FILLER, ""),
        nationality=layout.nationality.of(lines).rstrip(FILLER),
        birth=birth,
        sex=sex if sex in ("M", "F") else "X",
        expiry=expiry,
        optional=number.rest.rstrip(FILLER),
        optional2=layout.optional2.of(lines).rstrip(FILLER) if layout.optional2 else "",
        checks=tuple(_checks(layout, lines, number)),
        issues=tuple(_issues(layout, lines, number, birth, expiry)),
    )


def _checks(layout: Layout, lines: tuple[str, ...], number: NumberRead) -> list[CheckDigit]:
    checks = [
        _check("number", number.text, number.check),
        _check("birth", layout.birth.of(lines), layout.birth_check.of(lines)),
        _check("expiry", layout.expiry.of(lines), layout.expiry_check.of(lines)),
    ]
    if layout.optional_check is not None:
        optional = layout.optional.of(lines)
        found = layout.optional_check.of(lines)
        check = _check("optional", optional, found)
        if found == FILLER and not optional.strip(FILLER):
            # An empty field may leave its digit out (Doc 9303-4, data structure, note on position 43).
            check = CheckDigit("optional", found, check.expected, True)
        checks.append(check)
    if layout.composite_check is not None:
        covered = "".join(span.of(lines) for span in layout.composite)
        checks.append(_check("composite", covered, layout.composite_check.of(lines)))
    return checks


def _check(field: str, text: str, found: str) -> CheckDigit:
    expected = digit_or_none(text)
    return CheckDigit(field, found, expected or "", found == expected)


def _issues(
    layout: Layout, lines: tuple[str, ...], number: NumberRead, birth: PartialDate, expiry: PartialDate
) -> list[MrzIssue]:
    issues = _document_code_issues(layout, layout.document_code.of(lines))
    issues += _state_issues("issuer", layout.issuer.of(lines))
    issues += _character_issues("name", layout.name.of(lines), _NAME_CHARACTERS)
    if not read_name(layout.name.of(lines)).well_formed:
        issues.append(MrzIssue("name", IssueCode.NAME_STRUCTURE))
    issues += _character_issues("number", number.text, ALPHABET)
    if not number.text.strip(FILLER):
        issues.append(MrzIssue("number", IssueCode.MISSING))
    issues += _state_issues("nationality", layout.nationality.of(lines))
    issues += _date_issues("birth", birth)
    issues += _sex_issues(layout.sex.of(lines))
    issues += _date_issues("expiry", expiry)
    if expiry.valid and expiry.known is None:
        issues.append(MrzIssue("expiry", IssueCode.DATE_INCOMPLETE))
    issues += _character_issues("optional", layout.optional.of(lines), ALPHABET)
    if layout.optional2 is not None:
        issues += _character_issues("optional2", layout.optional2.of(lines), ALPHABET)
    return issues


def _character_issues(field: str, text: str, allowed: frozenset[str]) -> list[MrzIssue]:
    places = [str(place) for place, character in enumerate(text, 1) if character not in allowed]
    return [MrzIssue(field, IssueCode.CHARACTER, "at " + ", ".join(places))] if places else []


def _document_code_issues(layout: Layout, text: str) -> list[MrzIssue]:
    issues = _character_issues("document_code", text, _NAME_CHARACTERS)
    # A V in second place would make an identity document look like a visa (Doc 9303-5 and -6, note on the
    # code).
    looks_like_visa = layout.format in (MrzFormat.TD1, MrzFormat.TD2) and text[1] == "V"
    if not issues and (text[0] not in layout.first_letters or looks_like_visa):
        issues.append(MrzIssue("document_code", IssueCode.DOCUMENT_CODE_UNKNOWN, text.rstrip(FILLER)))
    return issues


def _state_issues(field: str, text: str) -> list[MrzIssue]:
    issues = _character_issues(field, text, _NAME_CHARACTERS)
    if not issues and not is_state_code(text.rstrip(FILLER)):
        issues.append(MrzIssue(field, IssueCode.STATE_UNKNOWN, text.rstrip(FILLER)))
    return issues


def _date_issues(field: str, date: PartialDate) -> list[MrzIssue]:
    issues = _character_issues(field, date.raw, _DATE_CHARACTERS)
    if not issues and not date.valid:
        issues.append(MrzIssue(field, IssueCode.DATE_IMPOSSIBLE))
    return issues


def _sex_issues(text: str) -> list[MrzIssue]:
    if text == "X":
        return [MrzIssue("sex", IssueCode.SEX_NONSTANDARD)]
    return _character_issues("sex", text, frozenset({"M", "F", FILLER}))
