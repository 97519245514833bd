"""Entries by columns: what is read of any bytes has the size that was announced, and goes there and back."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mqtt_schemas import columns
from mqtt_schemas.columns import areas
from tests.traffic.post_day import PostDay

DEVICE = "kiosk-01"
_HEAD = struct.Struct(">HI")
"""Rows, and their bytes together."""
_KNOWN = PostDay(seed=4, device=DEVICE).bodies(8)
_LARGEST = 200_000
"""Bytes a run may announce: the bound itself is tested elsewhere, and fuzzing lives on short runs."""


def unpacked(data: bytes) -> None:
    if len(data) < _HEAD.size:
        return
    count, size = _HEAD.unpack(data[: _HEAD.size])
    if size > _LARGEST or not 1 <= count <= 4096:
        return
    rows = columns.unpack(data[_HEAD.size :], DEVICE, size, count, lambda number: _KNOWN[:number])
    assert (len(rows), sum(map(len, rows))) == (count, size)
    again = columns.pack(rows, DEVICE)
    assert again is None or columns.unpack(again, DEVICE, size, count) == rows


def loosened(packed: bytes) -> bytes:
    """The same, leaning on nothing, with every area left as it is."""
    reader = areas.Reader(packed, b"")
    plain = (reader._text, reader._small, reader._digits)
    sizes = b"".join(areas.varint(len(area) << 1) for area in plain)
    return packed[:2] + sizes + b"".join(plain) + reader._raw


def seeds() -> Iterator[bytes]:
    """Packed entries, and the same with nothing compressed: so a change reaches what is inside."""
    day = PostDay(seed=5, device=DEVICE).bodies(12)
    for rows, before in ((day[:1], []), (day[:3], []), (day, []), (day[4:6], _KNOWN), ([b"{}", b""], [])):
        packed = columns.pack(rows, DEVICE, before)
        assert packed is not None
        head = _HEAD.pack(len(rows), sum(map(len, rows)))
        yield head + packed
        if not before:
            yield head + loosened(packed)
