"""The child's end of the pipes: whole frames, blocking, on standard input and output."""

from __future__ import annotations

import os
from typing import Final

from border_agent.decoding.protocol import HEADER_SIZE, ProtocolError, header, lengths

INPUT: Final = 0
OUTPUT: Final = 1


def send(message: bytes, attachment: bytes | memoryview = b"") -> None:
    """Write one frame. Raises BrokenPipeError where nobody reads any more."""
    for part in (header(message, len(attachment)) + message, attachment):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(OUTPUT, rest) :]


def receive() -> tuple[bytes, bytes] | None:
    """Read one frame: message and attachment. None at the end of input. Raises ProtocolError."""
    start = os.read(INPUT, HEADER_SIZE)
    if not start:
        return None
    message, attachment = lengths(start + _read(HEADER_SIZE - len(start)))
    return _read(message), _read(attachment)


def _read(size: int) -> bytes:
    buffer = bytearray(size)
    rest = memoryview(buffer)
    while rest:
        count = os.readv(INPUT, [rest])
        if count == 0:
            raise ProtocolError("input ended inside a frame")
        rest = rest[count:]
    return bytes(buffer)
