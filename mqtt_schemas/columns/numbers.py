"""Columns of whole numbers: a few are packed bit by bit, many byte by byte.

Of many, the upper bytes change little and the lower ones are noise: `noise << 4 | bytes` (noise one bit for each
byte), the smallest number (zigzag: 0, -1, 1, -2 … are 0, 1, 2, 3 …), then of all numbers, less the smallest, the
lowest byte, the next one, and so on. Noise goes into the raw area, the rest among the small. Of `FEW` at most
(places: `FEW_PLACES`): how many bits each takes, the smallest number, and the bits, the first number's highest first,
filled up with zeros to a whole byte, in the raw area: no statistics of so few are better than that.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from mqtt_schemas.columns.areas import WHERE, Reader, Writer
from mqtt_schemas.errors import Malformed

FEW = 192
FEW_PLACES = 64
BOUND = 2**62
"""Numbers are below it, either way."""

_NOISE = 0.55
"""Where more than this share of a column's bytes differ from each other they are noise."""
_WIDEST = 8


def put_number(writer: Writer, number: int) -> None:
    """Write one number, of either sign."""
    writer.count(number << 1 if number >= 0 else (-number << 1) - 1)


def get_number(reader: Reader) -> int:
    """Read one number, of either sign."""
    folded = reader.count(4 * BOUND)
    return -((folded + 1) >> 1) if folded & 1 else folded >> 1


def put_numbers(writer: Writer, numbers: Sequence[int]) -> None:
    """Write a column of numbers within bounds."""
    least = min(numbers, default=0)
    above = [number - least for number in numbers]
    bits = max(above, default=0).bit_length()
    if len(numbers) <= FEW:
        writer.count(bits)
        put_number(writer, least)
        _put_bits(writer, above, bits)
        return
    width = (bits + 7) // 8
    plain = struct.pack(f"<{len(above)}Q", *above)
    planes = [plain[place::_WIDEST] for place in range(width)]
    noise = [len(set(plane)) > _NOISE * min(len(plane), 256) for plane in planes]
    writer.count(sum(1 << place for place, noisy in enumerate(noise) if noisy) << 4 | width)
    put_number(writer, least)
    for plane, noisy in zip(planes, noise, strict=True):
        (writer.raw if noisy else writer.small).extend(plane)


def get_numbers(reader: Reader, size: int) -> Sequence[int]:
    """Read a column of so many numbers."""
    shape = reader.count(1 << 12)
    least = get_number(reader)
    if size <= FEW:
        if shape > 8 * _WIDEST:
            raise Malformed(WHERE, "no shape of numbers")
        numbers: Sequence[int] = _get_bits(reader, size, shape)
    else:
        width, noise = shape & 15, shape >> 4
        if width > _WIDEST or noise >> width:
            raise Malformed(WHERE, "no shape of numbers")
        plain = bytearray(size * _WIDEST)
        for place in range(width):
            plain[place::_WIDEST] = (reader.raw if noise >> place & 1 else reader.small)(size)
        numbers = struct.unpack(f"<{size}Q", plain)
    return [number + least for number in numbers] if least else numbers


def put_places(writer: Writer, places: Sequence[int], table: int) -> None:
    """Write places in a table of so many: nothing where there is but one."""
    if table < 2:
        return
    if len(places) <= FEW_PLACES:
        _put_bits(writer, places, (table - 1).bit_length())
        return
    writer.small += bytes(place & 0xFF for place in places)
    if table > 256:
        writer.small += bytes(place >> 8 for place in places)


def get_places(reader: Reader, size: int, table: int) -> Sequence[int]:
    """Read places in a table of so many (65,536 at most), each of them in it."""
    if table < 2:
        if size and not table:
            raise Malformed(WHERE, "a place in an empty table")
        return bytes(size)
    if size <= FEW_PLACES:
        places = _get_bits(reader, size, (table - 1).bit_length())
    else:
        places = reader.small(size)
        if table > 256:
            places = [low | high << 8 for low, high in zip(places, reader.small(size), strict=True)]
    if places and max(places) >= table:
        raise Malformed(WHERE, "a place outside its table")
    return places


def _put_bits(writer: Writer, numbers: Sequence[int], bits: int) -> None:
    size = (len(numbers) * bits + 7) // 8
    whole = 0
    for number in numbers:
        whole = whole << bits | number
    writer.raw += (whole << size * 8 - len(numbers) * bits).to_bytes(size, "big")


def _get_bits(reader: Reader, size: int, bits: int) -> Sequence[int]:
    if not bits:
        return bytes(size)
    held = (size * bits + 7) // 8
    over = held * 8 - size * bits
    whole = int.from_bytes(reader.raw(held), "big")
    if whole & (1 << over) - 1:
        raise Malformed(WHERE, "bits left over")
    mask = (1 << bits) - 1
    return [whole >> shift & mask for shift in range((size - 1) * bits + over, over - 1, -bits)]
