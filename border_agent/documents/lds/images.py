"""Pictures inside a chip's files: coding and size from their own header. Nothing is decoded here.

JPEG (ISO 10918-1 B.2.2), JP2 (ISO 15444-1 annex I) and its bare codestream (annex A.5.1). Decoding hostile pictures
is the work of the caged `border_agent.decoding` worker, which is told size and coding before it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LARGEST_SIDE = 10_000
"""Longest side looked at, in pixels; a portrait has some hundreds."""
_MOST_PARTS = 256
"""Most segments or boxes before the one that states the size."""

_JP2_SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")
_CODESTREAM = bytes.fromhex("ff4fff51")
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


class ImageFormat(StrEnum):
    JPEG = "jpeg"
    JP2 = "jp2"
    """JPEG 2000 in its file format."""
    J2K = "j2k"
    """JPEG 2000, the bare codestream."""


@dataclass(frozen=True)
class ChipImage:
    """A coded picture. Sizes in pixels, as its own header states them; `offset` is where it begins in the file it was
    read from."""

    format: ImageFormat
    data: bytes
    width: int
    height: int
    offset: int


def read_image(data: bytes, offset: int = 0) -> ChipImage | None:
    """The picture these bytes are, None where its header is none that is known, or states a size that cannot be."""
    for kind, size in ((ImageFormat.JPEG, _jpeg), (ImageFormat.JP2, _jp2), (ImageFormat.J2K, _codestream)):
        found = size(data)
        if found is not None:
            width, height = found
            if 0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE:
                return ChipImage(kind, data, width, height, offset)
            return None
    return None


_Size = tuple[int, int]


def _jpeg(data: bytes) -> _Size | None:
    """Width and height of the first frame header before any scan."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    position = 2
    for _ in range(_MOST_PARTS):
        while data[position : position + 2] == b"\xff\xff":  # fill bytes
            position += 1
        if position + 4 > len(data) or data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        length = _number(data, position + 2, 2)
        if marker in _START_OF_FRAME:
            if length < 8 or position + 9 > len(data):
                return None
            return _number(data, position + 7, 2), _number(data, position + 5, 2)
        if length < 2:
            return None
        position += 2 + length
    return None


def _jp2(data: bytes) -> _Size | None:
    """Width and height of the image header box, which is the first in the JP2 header box."""
    if not data.startswith(_JP2_SIGNATURE):
        return None
    position = len(_JP2_SIGNATURE)
    for _ in range(_MOST_PARTS):
        if position + 8 > len(data):
            return None
        length, kind = _number(data, position, 4), data[position + 4 : position + 8]
        start = position + 8
        if length == 1:
            length, start = _number(data, start, 8), start + 8
        if kind == b"jp2h":
            if data[start + 4 : start + 8] != b"ihdr" or start + 16 > len(data):
                return None
            return _number(data, start + 12, 4), _number(data, start + 8, 4)
        if length < start - position:  # 0 too: the last box, and no header box before it
            return None
        position += length
    return None


def _codestream(data: bytes) -> _Size | None:
    """Width and height of the reference grid less the offset of the picture on it."""
    if not data.startswith(_CODESTREAM) or len(data) < 24:
        return None
    return _number(data, 8, 4) - _number(data, 16, 4), _number(data, 12, 4) - _number(data, 20, 4)


def _number(data: bytes, position: int, width: int) -> int:
    return int.from_bytes(data[position : position + width], "big")
