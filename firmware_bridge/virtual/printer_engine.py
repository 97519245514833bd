"""What is inside a virtual receipt printer: buffer, commands, paper. No wire, no clock.

Written from the printer's side and apart from `framing/escpos.py` on purpose: what one gets wrong the other shows.
Obeys ESC @, GS a, GS v 0, LF, ESC J, ESC d, GS V, GS r in their turn, and DLE EOT and DLE DC4 8 (clear buffers) as
soon as they arrive, wherever they stand; other commands and text are passed over. Stops like a true one: without
paper or with the cover open nothing in the buffer is obeyed, and when the buffer is full no more is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from PIL import Image

BUFFER = 4096
"""Bytes; as small as such printers have."""
LINE_DOTS = 30

_REAL_TIME = re.compile(rb"\x10\x04([\x01-\x04])|\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08")
_LONGEST_REAL_TIME = 10
_LENGTHS = {
    b"\x1bJ": 3,
    b"\x1bd": 3,
    b"\x1da": 3,
    b"\x1dr": 3,
    b"\x1dV": 3,
    b"\x1dv": 8,
    b"\x10\x04": 3,
    b"\x10\x05": 3,
    b"\x10\x14": 10,
}
_STARTS = b"\x10\x1b\x1d"


class Paper(StrEnum):
    ok = "ok"
    low = "low"
    out = "out"


class PrinterEngine:
    """`cut` gets the picture of every slip: what was printed since the last cut, if anything was."""

    def __init__(self, dots: int, cut: Callable[[Image.Image], None]) -> None:
        self.rows = 0
        """Printed since the start, whatever was cut."""
        self.paper = Paper.ok
        self.cover_open = False
        self.muted = False
        self._row_bytes = dots // 8
        self._cut = cut
        self._buffer = bytearray()
        self._recent = b""
        self._picture_left = 0  # bytes of a raster picture that are still to come
        self._picture_row = 1
        self._strip = bytearray()  # what hangs out
        self._feed = 0  # white rows after it, which only count when something is printed below
        self._answers = bytearray()
        self._automatic = False
        self._told = b""

    @property
    def room(self) -> int:
        return BUFFER - len(self._buffer)

    @property
    def stopped(self) -> bool:
        return self.cover_open or self.paper is Paper.out

    def change_paper(self, paper: Paper) -> None:
        """A new roll takes away what hung out of the old one."""
        if self.paper is Paper.out and paper is not Paper.out:
            self._strip.clear()
            self._feed = 0
        self.paper = paper

    def receive(self, data: bytes) -> None:
        """What came over the wire, at most `room` bytes."""
        self._buffer += data
        recent = self._recent + data
        done = 0
        for found in _REAL_TIME.finditer(recent):
            done = found.end()
            if found[1] is not None:
                self._answers.append(self._real_time(found[1][0]))
            else:
                # A picture under way still waits for its rest: there are printers that forget less than others.
                del self._buffer[: max(0, len(self._buffer) - (len(recent) - done))]
                self._answers += b"\x37\x25\x00"
        self._recent = recent[max(done, len(recent) - _LONGEST_REAL_TIME + 1) :]

    def run(self, until: int) -> bool:
        """Obey what is in the buffer, until `rows` is `until`; whether that is where it stopped."""
        while self.rows < until:
            if self.stopped or not (self._print_row() if self._picture_left else self._command()):
                return False
        return True

    def take_answers(self) -> bytes:
        """What is to be sent now, changes of the state included where they were asked for."""
        status = self._automatic_status()
        if self._automatic and status != self._told:
            self._told = status
            self._answers += status
        answers = b"" if self.muted else bytes(self._answers)
        self._answers.clear()
        return answers

    def _print_row(self) -> bool:
        size = min(self._picture_row, self._picture_left)
        if len(self._buffer) < size:
            return False
        row = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._picture_left -= size
        self._strip += bytes(self._feed * self._row_bytes) + row[: self._row_bytes].ljust(self._row_bytes, b"\0")
        self._feed = 0
        self.rows += 1
        return True

    def _command(self) -> bool:
        """Obey one command; False when it is not whole yet."""
        if not self._buffer:
            return False
        if self._buffer[0] not in _STARTS:
            self._feed += LINE_DOTS if self._buffer[0] == 0x0A else 0
            del self._buffer[:1]
            return True
        length = _LENGTHS.get(bytes(self._buffer[:2]), 2)
        if self._buffer.startswith((b"\x1dVA", b"\x1dVB")):
            length = 4
        if len(self._buffer) < length:
            return False
        command = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._obey(command[:2], command[2:])
        return True

    def _obey(self, command: bytes, values: bytes) -> None:
        match command:
            case b"\x1dv":
                self._picture_row = max(1, int.from_bytes(values[2:4], "little"))
                self._picture_left = int.from_bytes(values[2:4], "little") * int.from_bytes(values[4:6], "little")
            case b"\x1dV":
                self._finish()
            case b"\x1dr":
                self._answers.append(0x03 if self.paper is Paper.low else 0x00)
            case b"\x1da":
                self._automatic, self._told = values != b"\0", b""
            case b"\x1bJ":
                self._feed += values[0]
            case b"\x1bd":
                self._feed += values[0] * LINE_DOTS

    def _finish(self) -> None:
        if self._strip:
            size = (self._row_bytes * 8, len(self._strip) // self._row_bytes)
            self._cut(Image.frombytes("1", size, bytes(self._strip), "raw", "1;I"))
        self._strip.clear()
        self._feed = 0

    def _real_time(self, asked: int) -> int:
        out = self.paper is Paper.out
        octets = {
            1: 0x08 if self.stopped else 0,
            2: (0x04 if self.cover_open else 0) | (0x20 if out else 0),
            4: (0x0C if self.paper is not Paper.ok else 0) | (0x60 if out else 0),
        }
        return 0x12 | octets.get(asked, 0)

    def _automatic_status(self) -> bytes:
        printer = 0x10 | (0x08 if self.stopped else 0) | (0x20 if self.cover_open else 0)
        sensors = (0x03 if self.paper is not Paper.ok else 0) | (0x0C if self.paper is Paper.out else 0)
        return bytes([printer, 0, sensors, 0x0F])
