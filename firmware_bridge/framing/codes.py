"""A scanned code, sent as one line of text.

    code = min_length*max_length octet ; well-formed UTF-8, no control characters but HT and GS (FNC1)

A scanner in serial mode has neither length nor checksum, so noise on the wire cannot be told from data by the
protocol. What can be told is that it is not text: such a line is reported and dropped. A code that truly holds
binary data is lost on this wire in any case (a 0D within it would end the line): such visas are read by camera.

Control octets and FF at either end (STX, ETX, glitches when a plug goes in) are taken off first.
"""

from __future__ import annotations

from firmware_bridge.framing.frames import FrameError
from firmware_bridge.roles import Fault

_ENDS = bytes([*range(0x20), 0x7F, 0xFF])
_FORBIDDEN = frozenset(range(0x20)) - {0x09, 0x1D} | {0x7F}


class CodeLine:
    """One line, one code. Holds nothing."""

    def __init__(self, min_length: int = 4) -> None:
        self.min_length = min_length

    def add(self, line: bytes) -> list[bytes | FrameError]:
        line = line.strip(_ENDS)
        if not line:
            return []
        if not _is_text(line):
            return [FrameError(Fault.not_text, f"{len(line)} bytes that are not text")]
        if len(line) < self.min_length:
            return [FrameError(Fault.noise, f"{len(line)} bytes are too few for a code")]
        return [line]

    def quiet(self) -> list[bytes | FrameError]:
        return []

    def reset(self) -> None:
        """Nothing is ever held."""


def _is_text(line: bytes) -> bool:
    if not _FORBIDDEN.isdisjoint(line):
        return False
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
