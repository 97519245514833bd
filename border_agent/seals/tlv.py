"""Tag, length, value: one byte of tag, a length in one, two (81) or three (82) bytes."""

from __future__ import annotations

from typing import NamedTuple

from border_agent.seals.errors import SealMalformed, SealUnwritable

MAX_VALUE = 0xFFFF


class Tlv(NamedTuple):
    tag: int
    value: bytes
    raw: bytes
    """Tag, length and value as they stood: what a signature covers."""


def read_tlvs(data: bytes, where: str) -> list[Tlv]:
    """All elements of a sequence. Raises `SealMalformed` where a length lies or a byte is left over."""
    elements: list[Tlv] = []
    position = 0
    while position < len(data):
        start = position
        tag = data[position]
        length, position = _read_length(data, position + 1, where)
        if position + length > len(data):
            left = len(data) - position
            raise SealMalformed(where, f"tag {tag:02x} claims {length} bytes, {left} are left")
        elements.append(Tlv(tag, data[position : position + length], data[start : position + length]))
        position += length
    return elements


def write_tlv(tag: int, value: bytes) -> bytes:
    """One element with the shortest length that holds it. Raises `SealUnwritable` beyond `MAX_VALUE`
    bytes."""
    length = len(value)
    if length > MAX_VALUE:
        raise SealUnwritable(f"tag {tag:02x}", f"{length} bytes")
    if length < 0x80:
        return bytes((tag, length)) + value
    if length <= 0xFF:
        return bytes((tag, 0x81, length)) + value
    return bytes((tag, 0x82)) + length.to_bytes(2, "big") + value


def _read_length(data: bytes, position: int, where: str) -> tuple[int, int]:
    """The length that begins at a position, and the position after it."""
    first = data[position] if position < len(data) else -1
    if 0 <= first < 0x80:
        return first, position + 1
    width = {0x81: 1, 0x82: 2}.get(first)
    after = position + 1 + (width or 0)
    if width is None or after > len(data):
        raise SealMalformed(where, "a length that cannot be read")
    return int.from_bytes(data[position + 1 : after], "big"), after
