"""Pictures for the decoders: a JPEG or PNG whose header and end were looked at before OpenCV sees it.

OpenCV reads some twenty formats and believes every header. Here two formats are let through, the size they announce
is bounded before anything is allocated for it, and a file that stops in the middle is refused: OpenCV would fill the
missing part with grey and say nothing. Runs in the worker only.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from border_agent.decoding.protocol import MAX_ENCODED, MAX_PIXELS, MAX_SIDE, PictureShape

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, blue, green, red."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"

_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; C4, C8 and CC in between are other things (ITU-T T.81, table B.1)."""
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9


class PictureRefusedError(Exception):
    """Not a picture to decode. The text is ours and may be shown."""


def decode(shape: PictureShape, data: bytes) -> Pixels:
    """Pixels of what came attached to a request. Raises PictureRefusedError."""
    if shape.width or shape.height:
        return _raw(shape, data)
    return _encoded(data)


def _raw(shape: PictureShape, data: bytes) -> Pixels:
    _check_size(shape.width, shape.height)
    if len(data) != shape.width * shape.height * 3:
        raise PictureRefusedError("raw pixels do not fill the picture")
    return np.frombuffer(data, np.uint8).reshape(shape.height, shape.width, 3)


def _encoded(data: bytes) -> Pixels:
    if len(data) > MAX_ENCODED:
        raise PictureRefusedError("file too long")
    if data.startswith(_PNG):
        width, height = png_size(data)
    elif data.startswith(_JPEG):
        width, height = jpeg_size(data)
    else:
        raise PictureRefusedError("neither JPEG nor PNG")
    _check_size(width, height)
    try:
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, MemoryError, ValueError) as error:
        raise PictureRefusedError("the decoder gave up") from error
    # The header was read twice, by two programs: they must have read the same. (Turned pictures swap the sides.)
    if pixels is None or pixels.ndim != 3 or {*pixels.shape[:2]} != {width, height}:
        raise PictureRefusedError("the decoder gave up")
    decoded: Pixels = np.ascontiguousarray(pixels)
    return decoded


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise PictureRefusedError(f"{width} x {height} pixels")


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG whose chunks are whole (ISO/IEC 15948, 5.3). Raises PictureRefusedError."""
    position, size = len(_PNG), (0, 0)
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
            _check_size(*size)
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
            _check_size(*size)
        if marker == _START_OF_SCAN:
            # Inside a scan FF is followed by 00 or a restart marker, so the last FF D9 is the picture's end.
            if size == (0, 0):
                raise PictureRefusedError("JPEG without a frame")
            if data.rfind(b"\xff\xd9", position + 2 + length) < 0:
                break
            return size
        position += 2 + length
    raise PictureRefusedError("JPEG torn")
