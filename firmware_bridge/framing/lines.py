"""Lines of bytes that end in CR, LF, CR LF, or in silence.

    line   = 1*max_length octet ; any octet but CR and LF
    end    = CR / LF / CR LF / silence

Serial scanners and MRZ readers are set up by a sheet of printed codes, and nobody knows which sheet was used:
all four ends are understood, always. An empty line is no line, so CR LF is one end however it is divided.
"""

from __future__ import annotations

import re

from firmware_bridge.framing.frames import FrameError
from firmware_bridge.roles import Fault

_END = re.compile(rb"[\r\n]")


class LineFramer:
    """Cuts a stream into lines; holds at most `max_length` bytes whatever arrives.

    A longer line is dropped up to its end and reported once, as soon as the limit is passed (it may never end).
    Has no clock: whoever owns the wire calls `idle()` after a silence.
    """

    def __init__(self, max_length: int = 4096) -> None:
        if max_length < 1:
            raise ValueError("max_length must be at least 1 byte")
        self.max_length = max_length
        self._line = bytearray()
        self._dropping = False

    @property
    def pending(self) -> int:
        """Bytes held of a line that has not ended, never more than `max_length`."""
        return len(self._line)

    def feed(self, data: bytes) -> list[bytes | FrameError]:
        """Take what arrived, however it is divided; give the lines that are now whole, in order."""
        frames: list[bytes | FrameError] = []
        *ended, rest = _END.split(data)
        for part in ended:
            self._extend(part, frames)
            self._end(frames)
        self._extend(rest, frames)
        return frames

    def idle(self) -> list[bytes | FrameError]:
        """The wire went silent: what has come is the line."""
        frames: list[bytes | FrameError] = []
        self._end(frames)
        return frames

    def reset(self) -> None:
        """Forget an unfinished line: the wire it came on is gone."""
        self._line.clear()
        self._dropping = False

    def _extend(self, part: bytes, frames: list[bytes | FrameError]) -> None:
        if self._dropping:
            return
        if len(self._line) + len(part) > self.max_length:
            self._line.clear()
            self._dropping = True
            frames.append(FrameError(Fault.frame_too_long, f"a line of more than {self.max_length} bytes"))
        else:
            self._line += part

    def _end(self, frames: list[bytes | FrameError]) -> None:
        if self._line:
            frames.append(bytes(self._line))
            self._line.clear()
        self._dropping = False
