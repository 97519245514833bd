"""The preview's bytes: `>IHH` (payload length, width, height), then height x width x 3 bytes blue, green, red; again.

Both ends are here, and nothing else: the traveller's window imports it with the client.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from border_agent.errors import BorneError

MEDIA_TYPE: Final = "application/x-borne-preview"
WIDEST: Final = 640
TALLEST: Final = 1280
_HEADER: Final = struct.Struct(">IHH")


class BadPreview(BorneError):
    """The agent's preview holds what is no frame."""

    code = "api.bad_preview"


class PreviewFrame(NamedTuple):
    """One frame: `height` rows of `width` pixels, three bytes each (blue, green, red), no padding."""

    width: int
    height: int
    pixels: bytes


def write_frame(frame: PreviewFrame) -> bytes:
    """A frame's bytes on the wire."""
    return _HEADER.pack(len(frame.pixels), frame.width, frame.height) + frame.pixels


class FrameReader:
    """Frames from bytes as they come, cut anywhere. Never holds more than one frame and the last piece."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._held = bytearray()

    @property
    def between_frames(self) -> bool:
        """Nothing of a frame has begun to come."""
        return not self._held

    def feed(self, piece: bytes) -> Iterator[PreviewFrame]:
        """The frames that are whole with this piece. Raises BadPreview, and then nothing more can be read."""
        self._held += piece
        while len(self._held) >= _HEADER.size:
            length, width, height = _HEADER.unpack_from(self._held)
            if not (0 < width <= WIDEST and 0 < height <= TALLEST) or length != width * height * 3:
                raise BadPreview(self._where, f"{length} bytes for {width} x {height} pixels")
            end = _HEADER.size + length
            if len(self._held) < end:
                return
            pixels = bytes(memoryview(self._held)[_HEADER.size : end])
            del self._held[:end]
            yield PreviewFrame(width, height, pixels)
