"""BER tag, length, value, as chips write it (ISO/IEC 7816-4 5.2.2.2, ISO/IEC 8825-1), bounded in size.

Tags have one to three bytes and are written as the number those bytes make: 0x7C, 0x5F1F, 0x7F49. Lengths are
definite and have at most four bytes. Only `TlvError` is raised for what was read.
"""

from __future__ import annotations

from typing import NamedTuple

from border_agent.errors import BorneError

LONGEST_TAG = 3
LONGEST_LENGTH = 4
MOST_ELEMENTS = 4096
"""Elements one call reads; no file of a chip has near as many."""


class TlvError(BorneError):
    """Bytes that are no tag, length and value, or whose length lies."""

    code = "tlv"


class Header(NamedTuple):
    """A tag and its length, without the value."""

    tag: int
    length: int
    start: int
    """Where the value begins."""

    @property
    def end(self) -> int:
        return self.start + self.length


class Tlv(NamedTuple):
    tag: int
    value: bytes
    end: int
    """Where the next element begins."""


def read_header(data: bytes, position: int = 0, where: str = "tlv") -> Header:
    """The tag and length at a position; the value need not be there. Raises `TlvError`."""
    tag, start = _read_tag(data, position, where)
    if start >= len(data):
        raise TlvError(where, "no length")
    first = data[start]
    start += 1
    if first < 0x80:
        return Header(tag, first, start)
    width = first & 0x7F
    if not 1 <= width <= LONGEST_LENGTH or start + width > len(data):
        raise TlvError(where, f"tag {tag:02X}: a length that cannot be read")
    return Header(tag, int.from_bytes(data[start : start + width], "big"), start + width)


def read_tlv(data: bytes, position: int = 0, where: str = "tlv") -> Tlv:
    """The element at a position. Raises `TlvError` where it is not all there."""
    header = read_header(data, position, where)
    if header.end > len(data):
        left = len(data) - header.start
        raise TlvError(where, f"tag {header.tag:02X} claims {header.length} bytes, {left} are left")
    return Tlv(header.tag, bytes(data[header.start : header.end]), header.end)


def read_all(data: bytes, where: str = "tlv", most: int = MOST_ELEMENTS) -> list[Tlv]:
    """All elements side by side. Raises `TlvError` where a byte is left over, or for more than `most`."""
    elements: list[Tlv] = []
    position = 0
    while position < len(data):
        if len(elements) == most:
            raise TlvError(where, f"more than {most} elements")
        element = read_tlv(data, position, where)
        elements.append(element)
        position = element.end
    return elements


def read_only(data: bytes, tag: int, where: str = "tlv") -> bytes:
    """The value of the one element the bytes are, which has this tag. Raises `TlvError`."""
    element = read_tlv(data, 0, where)
    if element.tag != tag:
        raise TlvError(where, f"tag {element.tag:02X} instead of {tag:02X}")
    if element.end != len(data):
        raise TlvError(where, f"{len(data) - element.end} bytes after tag {tag:02X}")
    return element.value


def find(data: bytes, tag: int, where: str = "tlv") -> bytes | None:
    """The value of the first element with this tag among those side by side, None without one. Raises `TlvError`."""
    return next((element.value for element in read_all(data, where) if element.tag == tag), None)


def write_tlv(tag: int, value: bytes) -> bytes:
    """One element with the shortest length that holds it."""
    return _write_tag(tag) + write_length(len(value)) + value


def write_length(length: int) -> bytes:
    if length < 0x80:
        return bytes((length,))
    width = (length.bit_length() + 7) // 8
    return bytes((0x80 | width,)) + length.to_bytes(width, "big")


def _write_tag(tag: int) -> bytes:
    return tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big")


def _read_tag(data: bytes, position: int, where: str) -> tuple[int, int]:
    """The tag at a position, and the position after it."""
    if not 0 <= position < len(data):
        raise TlvError(where, "no tag")
    start = position
    position += 1
    if data[start] & 0x1F == 0x1F:
        while position < len(data) and data[position] & 0x80:
            position += 1
        position += 1
        if position > len(data) or position - start > LONGEST_TAG:
            raise TlvError(where, "a tag that cannot be read")
    return int.from_bytes(data[start:position], "big"), position
