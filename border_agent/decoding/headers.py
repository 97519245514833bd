"""What a picture file announces, read before anything is decoded: PNG and JPEG (JPEG 2000: `jpeg2000`).

A decoder believes every header. Here the size a file announces is bounded before anything is allocated for it, and a
file that stops in the middle is refused: OpenCV would fill the missing part with grey and say nothing.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from border_agent.decoding.protocol import MAX_PIXELS, MAX_SIDE

PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG: Final = b"\xff\xd8\xff"

_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; C4, C8 and CC in between are other things (ITU-T T.81, table B.1)."""
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9


class PictureRefusedError(Exception):
    """Not a picture to decode. The text is ours and may be shown."""


def check_size(width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Raises PictureRefusedError for sides or an area that no picture here may have."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= most):
        raise PictureRefusedError(f"{width} x {height} pixels")


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG whose chunks are whole (ISO/IEC 15948, 5.3). Raises PictureRefusedError."""
    position, size = len(PNG), (0, 0)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(data):
            break
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(data[position + 4 : end - 4]) != checksum:
            raise PictureRefusedError("PNG chunk damaged")
        if size == (0, 0):
            if kind != b"IHDR" or length != 13:
                raise PictureRefusedError("PNG without a header")
            size = struct.unpack_from(">II", data, position + 8)
            check_size(*size)
        if kind == b"IEND":
            return size
        position = end
    raise PictureRefusedError("PNG torn")


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG that reaches its end marker (ITU-T T.81, annex B). Raises PictureRefusedError."""
    position, size = 2, (0, 0)
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise PictureRefusedError("JPEG damaged")
        marker = data[position + 1]
        if marker == 0xFF or marker in _BARE_MARKERS:
            position += 1 if marker == 0xFF else 2
            continue
        if marker == _END_OF_IMAGE:
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        if length < 2 or position + 2 + length > len(data):
            break
        if marker in _FRAME_MARKERS:
            if length < 8:
                raise PictureRefusedError("JPEG damaged")
            height, width = struct.unpack_from(">HH", data, position + 5)
            size = (width, height)
            check_size(*size)
        if marker == _START_OF_SCAN:
            # Inside a scan FF is followed by 00 or a restart marker, so the last FF D9 is the picture's end.
            if size == (0, 0):
                raise PictureRefusedError("JPEG without a frame")
            if data.rfind(b"\xff\xd9", position + 2 + length) < 0:
                break
            return size
        position += 2 + length
    raise PictureRefusedError("JPEG torn")
