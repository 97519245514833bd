"""Documents: the machine readable zone's lines and the fields that follow from them, as columns of what is new.

Spans, fillers and check digits are those of ICAO Doc 9303-3 section 4.9 (check digits), 9303-4 (TD3), 9303-5 (TD1)
and 9303-6 (TD2). This is no reader of documents: whatever does not come out again byte for byte stays text.

    "lines":["P<UTOERIKSSON<<ANNA<MARIA<<<…","L898902C36UTO…"],"issuer":"UTO","number":"L898902C3","nationality":
    "UTO","surname":"ERIKSSON","given_names":"ANNA MARIA","birth":"740812","sex":"F","expiry":"120415"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mqtt_schemas.columns.areas import WHERE, Reader, Writer
from mqtt_schemas.columns.numbers import FEW_PLACES, get_numbers, get_places, put_numbers, put_places
from mqtt_schemas.errors import Malformed

FILLER = b"<"
_VALUES = {character: value for value, character in enumerate(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_WEIGHED = tuple(bytes(_VALUES.get(byte, 0) * weight % 10 for byte in range(256)) for weight in (7, 3, 1))
_UNITS = bytes(byte % 10 for byte in range(256))
_DIGITS = bytes(ord("0") + byte % 10 for byte in range(256))
_DAYS = tuple(b"%02d%02d%02d" % (n // 372, n // 31 % 12 + 1, n % 31 + 1) for n in range(100 * 12 * 31))
"""Dates as they are printed, by a number: 31 days to each month."""
_DAY = {text: number for number, text in enumerate(_DAYS)}
_PATTERN = bytes(ord("A") if 65 <= byte <= 90 else ord("0") if 48 <= byte <= 57 else ord("<") for byte in range(256))
_BASES = {ord("A"): (26, ord("A")), ord("0"): (10, ord("0")), ord("<"): (1, ord("<"))}
"""How many characters there are of a kind, and the first."""
_LANES = 28
"""So many digits from 0 to 9 can be added in a byte."""


class Layout(NamedTuple):
    """Where a format's fields stand: (line, start, stop)."""

    lines: int
    width: int
    code: tuple[int, int, int]
    """Document code and issuer."""
    name: tuple[int, int, int]
    number: tuple[int, int, int]
    nationality: tuple[int, int, int]
    birth: tuple[int, int, int]
    sex: tuple[int, int, int]
    expiry: tuple[int, int, int]
    optional: tuple[int, int, int]
    optional2: tuple[int, int, int] | None


TD3 = Layout(
    2, 44, (0, 0, 5), (0, 5, 44), (1, 0, 9), (1, 10, 13), (1, 13, 19), (1, 20, 21), (1, 21, 27), (1, 28, 42), None
)
TD2 = Layout(
    2, 36, (0, 0, 5), (0, 5, 36), (1, 0, 9), (1, 10, 13), (1, 13, 19), (1, 20, 21), (1, 21, 27), (1, 28, 35), None
)
TD1 = Layout(
    3, 30, (0, 0, 5), (2, 0, 30), (0, 5, 14), (1, 15, 18), (1, 0, 6), (1, 7, 8), (1, 8, 14), (0, 15, 30), (1, 18, 29)
)
LAYOUTS = (TD3, TD2, TD1)

DOCUMENT = re.compile(
    rb'"lines":\["([0-9A-Z<]{30,44})","([0-9A-Z<]{30,44})"(?:,"([0-9A-Z<]{30})")?\],'
    rb'"issuer":"[A-Z]*","number":"[0-9A-Z]*","nationality":"[A-Z]*","surname":"[A-Z ]*","given_names":"[A-Z ]*",'
    rb'"birth":"[0-9<]{6}","sex":"[A-Z]","expiry":"[0-9<]{6}"'
)


class _Columns(NamedTuple):
    """What is new in each of some documents of one format."""

    issuers: list[bytes]
    """Document code and issuer (5), and the nationality (3) where it is another."""
    sexes: list[bytes]
    """Sex (1), and the check digit of an empty optional field (1)."""
    names: list[bytes]
    """The name field without the fillers at its end."""
    numbers: bytes
    births: bytes
    expiries: bytes
    optionals: list[bytes]
    optionals2: list[bytes]


def layout_of(lines: Sequence[bytes]) -> int | None:
    """Which of `LAYOUTS` these lines may be of."""
    for place, layout in enumerate(LAYOUTS):
        if len(lines) == layout.lines and all(len(line) == layout.width for line in lines):
            return place
    return None


def rebuilt(layout: Layout, documents: Sequence[Sequence[bytes]]) -> list[bytes]:
    """The text that follows from each document's lines (all of one layout)."""
    return _texts(layout, _columns(layout, documents))


def put_documents(writer: Writer, layout: Layout, documents: Sequence[Sequence[bytes]]) -> None:
    """Write documents of one layout, which `rebuilt` gives again."""
    columns = _columns(layout, documents)
    for column in (columns.issuers, columns.sexes):
        table = list(dict.fromkeys(column))
        places = {text: place for place, text in enumerate(table)}
        writer.count(len(table))
        writer.texts(table)
        put_places(writer, [places[text] for text in column], len(table))
    writer.names(columns.names)
    _put_cells(writer, _cells(columns.numbers, 9))
    for dates in (columns.births, columns.expiries):
        days = [_DAY.get(date) for date in _cells(dates, 6)]
        known = [day for day in days if day is not None]
        writer.count(len(known) == len(days))
        if len(known) == len(days):
            put_numbers(writer, known)
        else:
            writer.digits += dates
    for optionals in (columns.optionals, columns.optionals2) if layout.optional2 else (columns.optionals,):
        writer.count(any(optionals))
        if any(optionals):
            writer.names(optionals)


def get_documents(reader: Reader, layout: Layout, size: int) -> list[bytes]:
    """Read so many documents of one layout, as text."""
    issuers, sexes = (_get_table(reader, size, widths) for widths in ((5, 8), (2,)))
    names, numbers = reader.names(size), _get_cells(reader, size)
    births, expiries = _get_dates(reader, size), _get_dates(reader, size)
    optionals = reader.names(size) if reader.count(1) else [b""] * size
    optionals2 = reader.names(size) if layout.optional2 and reader.count(1) else [b""] * size
    spans = ((names, layout.name), (optionals, layout.optional), (optionals2, layout.optional2))
    for texts, span in spans:
        if span is not None and size and max(map(len, texts)) > span[2] - span[1]:
            raise Malformed(WHERE, "more than a line holds")
    return _texts(layout, _Columns(issuers, sexes, names, numbers, births, expiries, optionals, optionals2))


def _put_cells(writer: Writer, numbers: Sequence[bytes]) -> None:
    """Document numbers: of a few, where each has letters, digits and fillers, and one whole number of which they are.

    The whole number is that of all characters, each in the base of its kind, the first the highest.
    """
    if len(numbers) > FEW_PLACES:
        writer.digits += b"".join(numbers)
        return
    patterns = [number.translate(_PATTERN) for number in numbers]
    table = list(dict.fromkeys(patterns))
    writer.count(len(table))
    writer.texts(table)
    put_places(writer, [table.index(pattern) for pattern in patterns], len(table))
    whole, size = 0, 1
    for character in b"".join(numbers):
        base, least = _BASES[_PATTERN[character]]
        whole, size = whole * base + character - least, size * base
    writer.raw += whole.to_bytes((size.bit_length() + 7) // 8, "big")


def _get_cells(reader: Reader, size: int) -> bytes:
    if size > FEW_PLACES:
        return reader.digits(9 * size)
    table = reader.texts(reader.count(size))
    if any(len(pattern) != 9 or not set(pattern) <= _BASES.keys() for pattern in table):
        raise Malformed(WHERE, "no pattern of a number")
    bases = [_BASES[kind] for place in get_places(reader, size, len(table)) for kind in table[place]]
    most = 1
    for base, _ in bases:
        most *= base
    whole = int.from_bytes(reader.raw((most.bit_length() + 7) // 8), "big")
    characters = bytearray()
    for base, least in reversed(bases):
        whole, digit = divmod(whole, base)
        characters.append(least + digit)
    if whole:
        raise Malformed(WHERE, "more than a number holds")
    characters.reverse()
    return bytes(characters)


def _get_table(reader: Reader, size: int, widths: tuple[int, ...]) -> list[bytes]:
    table = reader.texts(reader.count(size))
    if any(len(text) not in widths for text in table):
        raise Malformed(WHERE, "no kind of document")
    return [table[place] for place in get_places(reader, size, len(table))]


def _get_dates(reader: Reader, size: int) -> bytes:
    if not reader.count(1):
        return reader.digits(6 * size)
    days = get_numbers(reader, size)
    if days and not 0 <= min(days) <= max(days) < len(_DAYS):
        raise Malformed(WHERE, "a day of no month")
    return b"".join(map(_DAYS.__getitem__, days))


def _columns(layout: Layout, documents: Sequence[Sequence[bytes]]) -> _Columns:
    def cut(span: tuple[int, int, int]) -> list[bytes]:
        line, start, stop = span
        return [lines[line][start:stop] for lines in documents]

    unsaid = [lines[1][42:43] if layout is TD3 else FILLER for lines in documents]
    optionals = [text.rstrip(FILLER) for text in cut(layout.optional)]
    return _Columns(
        [
            code + (nationality if nationality != code[2:] else b"")
            for code, nationality in zip(cut(layout.code), cut(layout.nationality), strict=True)
        ],
        [
            sex + (digit if not optional else FILLER)
            for sex, digit, optional in zip(cut(layout.sex), unsaid, optionals, strict=True)
        ],
        [text.rstrip(FILLER) for text in cut(layout.name)],
        b"".join(cut(layout.number)),
        b"".join(cut(layout.birth)),
        b"".join(cut(layout.expiry)),
        optionals,
        [text.rstrip(FILLER) for text in cut(layout.optional2)] if layout.optional2 else [b""] * len(documents),
    )


def _texts(layout: Layout, columns: _Columns) -> list[bytes]:
    size = len(columns.names)
    if not size:
        return []
    numbers, births, expiries = columns.numbers, columns.births, columns.expiries
    number_checks = _checks(size, (numbers, 9))
    birth_checks = _checks(size, (births, 6))
    expiry_checks = _checks(size, (expiries, 6))
    width = layout.optional[2] - layout.optional[1]
    optionals = b"".join(text.ljust(width, FILLER) for text in columns.optionals)
    first = ((numbers, 9), (number_checks, 1))
    dates = ((births, 6), (birth_checks, 1), (expiries, 6), (expiry_checks, 1))
    if layout is TD3:
        optional_checks = bytes(
            digit if text else sex[1]
            for digit, text, sex in zip(_checks(size, (optionals, 14)), columns.optionals, columns.sexes, strict=True)
        )
        last = _checks(size, *first, *dates, (optionals, 14), (optional_checks, 1))
    elif layout is TD2:
        optional_checks = b""
        last = _checks(size, *first, *dates, (optionals, 7))
    else:
        optional_checks = b""
        second = b"".join(text.ljust(11, FILLER) for text in columns.optionals2)
        last = _checks(size, *first, (optionals, 15), *dates, (second, 11))
    return _written(layout, columns, number_checks, birth_checks, expiry_checks, optionals, optional_checks, last)


def _written(
    layout: Layout,
    columns: _Columns,
    number_checks: bytes,
    birth_checks: bytes,
    expiry_checks: bytes,
    optionals: bytes,
    optional_checks: bytes,
    last: bytes,
) -> list[bytes]:
    # By columns as far as it goes: a call for each document would take longer than all the rest.
    size = len(columns.names)
    numbers, births, expiries = _cells(columns.numbers, 9), _cells(columns.births, 6), _cells(columns.expiries, 6)
    codes = _each(columns.issuers, lambda text: text[:5])
    nations = _each(columns.issuers, lambda text: text[-3:])
    sexes = _each(columns.sexes, lambda text: text[:1])
    width = layout.name[2] - layout.name[1]
    names = [name.ljust(width, FILLER) for name in columns.names]
    optional = _cells(optionals, layout.optional[2] - layout.optional[1])
    dates = (births, birth_checks, sexes, expiries, expiry_checks)
    lines: tuple[Sequence[bytes] | bytes, ...]
    if layout is TD1:
        second = [text.ljust(11, FILLER) for text in columns.optionals2]
        lines = (codes, numbers, number_checks, optional, *dates, nations, second, last, names)
    else:
        kept = _cells(optional_checks, 1) if optional_checks else [b""] * size
        lines = (codes, names, numbers, number_checks, nations, *dates, optional, kept, last)
    parts = [name.partition(b"<<") for name in columns.names]
    fields = (
        _each(codes, lambda code: code[2:].rstrip(FILLER)),
        _with(b"", numbers),
        _each(nations, lambda nation: nation.rstrip(FILLER)),
        _with(b" ", [part[0] for part in parts]),
        _with(b" ", [part[2] for part in parts]),
        births,
        _each(sexes, lambda sex: b"X" if sex == FILLER else sex),
        expiries,
    )
    return list(map((_TD1_TEXT if layout is TD1 else _TD3_TEXT).__mod__, zip(*lines, *fields, strict=True)))


_FIELDS = (
    b'"],"issuer":"%b","number":"%b","nationality":"%b","surname":"%b","given_names":"%b","birth":"%b","sex":"%b",'
    b'"expiry":"%b"'
)
_TD1_TEXT = b'"lines":["%b%b%c%b","%b%c%b%b%c%b%b%c","%b' + _FIELDS
_TD3_TEXT = b'"lines":["%b%b","%b%c%b%b%c%b%b%c%b%b%c' + _FIELDS


def _with(other: bytes, texts: list[bytes]) -> list[bytes]:
    """Texts with something else for their fillers."""
    return b"\0".join(texts).replace(FILLER, other).split(b"\0")


def _each(texts: Sequence[bytes], change: Callable[[bytes], bytes]) -> list[bytes]:
    """What becomes of texts of which there are a few."""
    changed = {text: change(text) for text in set(texts)}
    return list(map(changed.__getitem__, texts))


def _cells(column: bytes, width: int) -> list[bytes]:
    return [column[place : place + width] for place in range(0, len(column), width)]


def _checks(size: int, *fields: tuple[bytes, int]) -> bytes:
    """The check digit over these fields of each of `size` documents, as text.

    One addition of long integers adds a byte of every document at once.
    """
    total = position = lanes = 0
    for column, width in fields:
        for place in range(width):
            if lanes == _LANES:
                total, lanes = int.from_bytes(total.to_bytes(size, "little").translate(_UNITS), "little"), 1
            total += int.from_bytes(column[place::width].translate(_WEIGHED[position % 3]), "little")
            position, lanes = position + 1, lanes + 1
    return total.to_bytes(size, "little").translate(_DIGITS)
