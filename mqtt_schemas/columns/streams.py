"""Streams: the values of one field, in the order of their rows, in the narrowest form that gives them back.

A stream has a mark, one control byte that stands for a value in a template (JSON has none of these bytes inside). It
is written as `form << 6 | 32 (there are as many values as rows) | mark`, else how many values there are, and the
values. A form that would not give back every value as it was is not used: text always does.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from mqtt_schemas.columns.areas import MOST, WHERE, Reader, Writer
from mqtt_schemas.columns.numbers import BOUND, get_number, get_numbers, put_number, put_numbers
from mqtt_schemas.columns.zone import LAYOUTS, get_documents, put_documents
from mqtt_schemas.errors import Malformed

DERIVED = 0x01
"""Stands for an id that follows from the rest of its entry (`entries.derived_id`): no stream."""
HASH = 0x02
"""Stands, in a template, for the next hexadecimal hash of 32 bytes of those beside the templates: no stream."""
ID, INSPECTION, OCCURRED, RECORDED, TIME, DATE = 0x03, 0x04, 0x05, 0x06, 0x07, 0x08
SHORT, DIGEST, LONG = 0x0B, 0x0C, 0x0E
DISTANCE, FRAMES, EVIDENCE, UNTIL, VISA = 0x0F, 0x10, 0x11, 0x12, 0x13
DOCUMENTS = (0x14, 0x15, 0x16)
"""One for each of `zone.LAYOUTS`."""

CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\n\r")
"""A row with one of these in it is not packed by columns."""


class Shape(IntEnum):
    """What the values of a stream look like."""

    HEX = 0
    """16 or 32 hexadecimal digits."""
    DIGEST = 1
    """43 characters of base64: 32 bytes, less the padding sign."""
    TIME = 2
    DATE = 3
    DECIMAL = 4
    """Up to four decimals."""
    COUNT = 5
    DOCUMENT = 6


class Form(IntEnum):
    """How a stream is written."""

    TEXT = 0
    TYPED = 1
    AFTER = 2
    """Times and days: each by what lies between it and its like in the stream of `TOLD_BY`."""


class Kind(NamedTuple):
    """A stream's shape, and the width of a hexadecimal value in bytes."""

    shape: Shape
    width: int = 0


KINDS: dict[int, Kind] = {
    ID: Kind(Shape.HEX, 16),
    INSPECTION: Kind(Shape.HEX, 16),
    OCCURRED: Kind(Shape.TIME),
    RECORDED: Kind(Shape.TIME),
    TIME: Kind(Shape.TIME),
    DATE: Kind(Shape.DATE),
    UNTIL: Kind(Shape.DATE),
    SHORT: Kind(Shape.HEX, 8),
    VISA: Kind(Shape.HEX, 8),
    LONG: Kind(Shape.HEX, 16),
    DIGEST: Kind(Shape.DIGEST),
    EVIDENCE: Kind(Shape.DIGEST),
    DISTANCE: Kind(Shape.DECIMAL),
    FRAMES: Kind(Shape.COUNT),
    **{mark: Kind(Shape.DOCUMENT) for mark in DOCUMENTS},
}
TOLD_BY = {RECORDED: OCCURRED, UNTIL: DATE}
"""Streams whose values lie near those of another one, which is written before."""

_NAMED = {
    (b"id", "hex16"): ID,
    (b"inspection_id", "hex16"): INSPECTION,
    (b"occurred_at", "time"): OCCURRED,
    (b"recorded_at", "time"): RECORDED,
    (b"evidence", "digest"): EVIDENCE,
    (b"valid_until", "date"): UNTIL,
    (b"visa_id", "hex8"): VISA,
}
_PLAIN = {"decimal": DISTANCE, "count": FRAMES}
_OTHERS = {"hex16": LONG, "hex8": SHORT, "time": TIME, "date": DATE, "digest": DIGEST}

TEXTS = re.compile(
    rb'":"(?:(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z)|(?P<hex16>[0-9a-f]{32})|'
    rb'(?P<date>\d{4}-\d\d-\d\d)|(?P<hex8>[0-9a-f]{16})|(?P<digest>[A-Za-z0-9+/]{43})(?==))(?=[="])'
)
"""A text that differs from entry to entry, after its key."""
NUMBERS = re.compile(rb'"(?:distance":(?P<decimal>\d\.\d{1,4})|frames":(?P<count>\d{1,9}))(?=[,}])')
"""A number that does, with its key."""


def mark_of(text: bytes, found: re.Match[bytes]) -> int:
    """Where a value belongs that `TEXTS` or `NUMBERS` found in this text."""
    shape = found.lastgroup or ""
    if shape in _PLAIN:
        return _PLAIN[shape]
    begin = found.start()
    return _NAMED.get((text[text.rfind(b'"', 0, begin) + 1 : begin], shape)) or _OTHERS[shape]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_EARLIEST = (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // _MICROSECOND


class Told(NamedTuple):
    """What times and days are told by."""

    base: int = 0
    """The time of the entry before, in microseconds since 1970."""
    before: Sequence[int] | None = None
    """The values of the stream before."""


def put_stream(writer: Writer, mark: int, values: list[bytes], rows: int, told: Told) -> Sequence[int] | None:
    """Write a stream, and return its numbers: others may be told by them."""
    kind = KINDS[mark]
    numbers = None if kind.shape is Shape.DOCUMENT else _numbers(kind, values)
    form = Form.TYPED
    if numbers is not None and told.before is not None and len(told.before) == len(numbers):
        form = Form.AFTER
    elif numbers is None and not _is_plain(kind, values):
        form = Form.TEXT
    each = len(values) == rows
    writer.small.append(form << 6 | each << 5 | mark)
    if not each:
        writer.count(len(values))
    if kind.shape is Shape.DOCUMENT:
        layout = LAYOUTS[DOCUMENTS.index(mark)]
        put_documents(writer, layout, [value.split(b'"')[3 : 3 + 2 * layout.lines : 2] for value in values])
    elif form is Form.TEXT:
        writer.texts(values)
    elif numbers is None:
        writer.raw += _bytes(kind, values)
    elif form is Form.AFTER and told.before is not None:
        put_numbers(writer, [number - other for number, other in zip(numbers, told.before, strict=True)])
    elif kind.shape is Shape.TIME:
        put_number(writer, numbers[0] - told.base)
        put_numbers(writer, [number - other for other, number in pairwise(numbers)])
    else:
        put_numbers(writer, numbers)
    return numbers


def get_stream(reader: Reader, head: int, rows: int, told: Told) -> tuple[list[bytes], Sequence[int] | None]:
    """Read a stream whose first byte was read, and its numbers."""
    mark, form = head & 31, head >> 6
    kind = KINDS[mark]
    # A row has one document at most, and nothing else here grows so much when it is unpacked.
    size = rows if head & 32 else reader.count(rows if kind.shape is Shape.DOCUMENT else MOST)
    if kind.shape is Shape.DOCUMENT:
        return get_documents(reader, LAYOUTS[DOCUMENTS.index(mark)], size), None
    if form == Form.TEXT:
        return reader.texts(size), None
    if kind.shape is Shape.HEX:
        plain = reader.raw(kind.width * size).hex().encode()
        width = 2 * kind.width
        return [plain[place : place + width] for place in range(0, len(plain), width)], None
    if kind.shape is Shape.DIGEST:
        return _base64(reader.raw(32 * size)), None
    if kind.shape is Shape.TIME and form != Form.AFTER:
        if not size:
            raise Malformed(WHERE, "no times at all")
        first = told.base + get_number(reader)
        numbers: Sequence[int] = list(accumulate(get_numbers(reader, size - 1), initial=first))
        return _WRITTEN[kind.shape](numbers), numbers
    numbers = get_numbers(reader, size)
    if form == Form.AFTER:
        if told.before is None or len(told.before) != size:
            raise Malformed(WHERE, "numbers told by none")
        numbers = [number + other for number, other in zip(numbers, told.before, strict=True)]
    return _WRITTEN[kind.shape](numbers), numbers


def time_of(value: bytes) -> int:
    """A time in microseconds since 1970; 0 where it is none."""
    numbers = _numbers(KINDS[OCCURRED], [value])
    return numbers[0] if numbers else 0


def _is_plain(kind: Kind, values: list[bytes]) -> bool:
    """Whether bytes give these back. Base64 has bits over in its last character."""
    if kind.shape is Shape.HEX:
        return True
    if kind.shape is Shape.DIGEST:
        return _base64(_bytes(kind, values)) == values
    return False


def _bytes(kind: Kind, values: list[bytes]) -> bytes:
    if kind.shape is Shape.HEX:
        return binascii.unhexlify(b"".join(values))
    return b"".join(binascii.a2b_base64(value + b"=") for value in values)


def _numbers(kind: Kind, values: list[bytes]) -> list[int] | None:
    """The numbers that these stand for; None where they would not give them back."""
    read, write = _READ.get(kind.shape), _WRITTEN.get(kind.shape)
    if read is None or write is None:
        return None
    try:
        numbers = read(values)
        bounded = all(-BOUND < 2 * number < BOUND for number in numbers)
        return numbers if bounded and write(numbers) == values else None
    except (ValueError, OverflowError, Malformed):
        return None


def _base64(plain: bytes) -> list[bytes]:
    encode = binascii.b2a_base64
    return [encode(plain[place : place + 32], newline=False)[:43] for place in range(0, len(plain), 32)]


def _times(numbers: Sequence[int]) -> list[bytes]:
    if numbers and (min(numbers) < _EARLIEST or max(numbers) > _LATEST):
        raise Malformed(WHERE, "a time off the calendar")
    return _spelt([_EPOCH + timedelta(microseconds=number) for number in numbers])


def _dates(numbers: Sequence[int]) -> list[bytes]:
    if numbers and (min(numbers) < 1 or max(numbers) > date.max.toordinal()):
        raise Malformed(WHERE, "a day off the calendar")
    return _spelt([date.fromordinal(number) for number in numbers])


def _spelt(values: list[datetime] | list[date]) -> list[bytes]:
    return msgspec.json.encode(values)[2:-2].split(b'","') if values else []


def _decimals(numbers: Sequence[int]) -> list[bytes]:
    return msgspec.json.encode([number / 10_000 for number in numbers])[1:-1].split(b",") if numbers else []


_READ: dict[Shape, Callable[[list[bytes]], list[int]]] = {
    Shape.TIME: lambda values: [
        (datetime.fromisoformat(value.decode()) - _EPOCH) // _MICROSECOND for value in values
    ],
    Shape.DATE: lambda values: [date.fromisoformat(value.decode()).toordinal() for value in values],
    Shape.DECIMAL: lambda values: [round(float(value) * 10_000) for value in values],
    Shape.COUNT: lambda values: [int(value) for value in values],
}
_WRITTEN: dict[Shape, Callable[[Sequence[int]], list[bytes]]] = {
    Shape.TIME: _times,
    Shape.DATE: _dates,
    Shape.DECIMAL: _decimals,
    Shape.COUNT: lambda numbers: [b"%d" % number for number in numbers],
}
