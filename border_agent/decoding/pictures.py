"""Pictures for the decoders: a file whose header and end were looked at before OpenCV sees it.

OpenCV reads some twenty formats and believes every header. Here JPEG and PNG are let through, and JPEG 2000 where a
chip's portrait is meant, each as `headers` and `jpeg2000` describe it. Runs in the worker only.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from border_agent.decoding.headers import JPEG, PNG, PictureRefusedError, check_size, jpeg_size, png_size
from border_agent.decoding.jpeg2000 import CODESTREAM, JP2, jpeg2000_header
from border_agent.decoding.protocol import MAX_ENCODED, MAX_PORTRAIT, MAX_PORTRAIT_SIDE, PictureShape

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, blue, green, red."""

_PORTRAIT_QUALITY: Final = 92


def decode(shape: PictureShape, data: bytes, *, portrait: bool = False) -> Pixels:
    """Pixels of what came attached to a request. `portrait`: JPEG 2000 is taken as well.

    Raises PictureRefusedError.
    """
    if shape.width or shape.height:
        return _raw(shape, data)
    if len(data) > MAX_ENCODED:
        raise PictureRefusedError("file too long")
    return _jpeg2000(data) if portrait and data.startswith((JP2, CODESTREAM)) else _encoded(data)


def _raw(shape: PictureShape, data: bytes) -> Pixels:
    check_size(shape.width, shape.height)
    if len(data) != shape.width * shape.height * 3:
        raise PictureRefusedError("raw pixels do not fill the picture")
    return np.frombuffer(data, np.uint8).reshape(shape.height, shape.width, 3)


def _encoded(data: bytes) -> Pixels:
    if data.startswith(PNG):
        width, height = png_size(data)
    elif data.startswith(JPEG):
        width, height = jpeg_size(data)
    else:
        raise PictureRefusedError("neither JPEG nor PNG")
    return _decoded(data, cv2.IMREAD_COLOR, width, height)


def _jpeg2000(data: bytes) -> Pixels:
    header = jpeg2000_header(data)
    # A grey codestream names no colour space, and OpenCV does not make three channels of it.
    mode = cv2.IMREAD_GRAYSCALE if header.components == 1 else cv2.IMREAD_COLOR
    return _decoded(data, mode, header.width, header.height)


def _decoded(data: bytes, mode: int, width: int, height: int) -> Pixels:
    check_size(width, height)
    try:
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except (cv2.error, MemoryError, ValueError) as error:
        raise PictureRefusedError("the decoder gave up") from error
    if pixels is not None and mode == cv2.IMREAD_GRAYSCALE:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    # The header was read twice, by two programs: they must have read the same. (Turned pictures swap the sides.)
    if pixels is None or pixels.ndim != 3 or {*pixels.shape[:2]} != {width, height}:
        raise PictureRefusedError("the decoder gave up")
    decoded: Pixels = np.ascontiguousarray(pixels)
    return decoded


def portrait_jpeg(pixels: Pixels) -> bytes:
    """A JPEG to be shown, its longer side MAX_PORTRAIT_SIDE at most. Raises PictureRefusedError."""
    height, width = pixels.shape[:2]
    scale = MAX_PORTRAIT_SIDE / max(height, width)
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _PORTRAIT_QUALITY])[1].tobytes()
    if len(encoded) > MAX_PORTRAIT:
        raise PictureRefusedError("no portrait is so hard to write")
    return encoded
