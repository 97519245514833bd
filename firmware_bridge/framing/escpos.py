"""ESC/POS, as far as a slip needs it: a raster picture, a cut, and the printer's own word on both.

    slip = ESC @, GS a, 1*(GS v 0), GS V

    ESC @                      1B 40                       initialize printer
    GS a n                     1D 61 n                     automatic status back (ASB) for what n selects
    GS v 0 m xL xH yL yH d...  1D 76 30 00 ...             print raster bit image: x bytes by y rows
    GS V 66 n                  1D 56 42 n                  feed to the cutter and n dots more, partial cut
    GS r 1                     1D 72 01                    transmit status: answered in its turn, when everything
                                                           sent before has been done; not while the printer is stopped
    DLE EOT n                  10 04 n                     real-time status, n 1 to 4: answered at once
    DLE DC4 8 ...              10 14 08 01 03 14 01 06 02 08  clear buffers: obeyed at once, answered by 37 25 00

Answers are told apart by their fixed bits, bit 7 first:

    0xx1xx10                   to DLE EOT; for which n, only who asked knows
    0xx1xx00 3*3(0xx0xxxx)     automatic status back
    0xx0xxxx                   to GS r

A real-time command is obeyed wherever it stands, also within a picture. So a row that happens to hold one's first
two octets gets one more black dot beside another. A picture goes out in bands: printers with a small buffer print a
command before the next has come.

python-escpos 3.1 pins Pillow below the version Borne uses, and answers are half of the matter, so this is our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Self

import msgspec

from firmware_bridge.roles import PrinterCondition

BAND_ROWS = 128
"""Rows of one GS v 0."""

INITIALIZE = b"\x1b@"
AUTOMATIC_STATUS = b"\x1da\x0e"
"""On-line state, errors and paper sensors; the printer also tells them at once."""
FEED_AND_CUT = b"\x1dVB\x18"
TRANSMIT_STATUS = b"\x1dr\x01"
CLEAR_BUFFERS = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"
REAL_TIME_STATUS = (b"\x10\x04\x01", b"\x10\x04\x02", b"\x10\x04\x03", b"\x10\x04\x04")
"""Printer, cause of being off-line, cause of an error, paper sensors: asked one by one."""

_CLEARED = b"\x37\x25\x00"
_REAL_TIME_HEAD = re.compile(rb"\x10(?=[\x04\x05\x14])")  # DLE before EOT, ENQ or DC4


def raster_slip(rows: bytes, row_bytes: int) -> Iterator[bytes]:
    """The commands that print `rows` and cut the paper, in pieces of at most one band."""
    yield INITIALIZE + AUTOMATIC_STATUS
    band = BAND_ROWS * row_bytes
    for start in range(0, len(rows), band):
        part = rows[start : start + band]
        size = row_bytes.to_bytes(2, "little") + (len(part) // row_bytes).to_bytes(2, "little")
        yield b"\x1dv0\x00" + size + _REAL_TIME_HEAD.sub(b"\x18", part)
    yield FEED_AND_CUT


def rest_of_band(row_bytes: int) -> bytes:
    """Ends a picture that was broken off: white rows for what is missing, and nothing to a printer that waits."""
    return bytes(BAND_ROWS * row_bytes)


class PrinterStatus(msgspec.Struct, frozen=True):
    """What a printer says of itself."""

    online: bool
    cover_open: bool
    paper_low: bool
    paper_out: bool
    error: str = ""
    """Epson's names of the errors. They count only off-line: some printers leave these bits undefined."""

    @classmethod
    def from_real_time(cls, printer: int, offline: int, error: int, paper: int) -> Self:
        """From the answers to DLE EOT 1, 2, 3 and 4."""
        return cls(
            online=not printer & 0x08,
            cover_open=bool(offline & 0x04),
            paper_low=bool(paper & 0x0C),
            paper_out=bool(offline & 0x20 or paper & 0x60),
            error=_errors(error),
        )

    @classmethod
    def from_automatic(cls, printer: int, error: int, paper: int) -> Self:
        """From the first three octets of automatic status back; nothing is defined in the fourth."""
        return cls(
            online=not printer & 0x08,
            cover_open=bool(printer & 0x20),
            paper_low=bool(paper & 0x03),
            paper_out=bool(paper & 0x0C),
            error=_errors(error),
        )

    @property
    def condition(self) -> PrinterCondition:
        if self.cover_open:  # first: with the cover open the paper is not at its sensor either
            return PrinterCondition.cover_open
        if self.paper_out:
            return PrinterCondition.paper_out
        if not self.online:
            return PrinterCondition.failed
        return PrinterCondition.paper_low if self.paper_low else PrinterCondition.ready


def _errors(octet: int) -> str:
    names = {0x04: "recoverable", 0x08: "autocutter", 0x20: "unrecoverable", 0x40: "automatically recoverable"}
    return ", ".join(name for bit, name in names.items() if octet & bit)


class RealTimeAnswer(msgspec.Struct, frozen=True):
    """To one DLE EOT."""

    octet: int


class TurnAnswer(msgspec.Struct, frozen=True):
    """To GS r: everything sent before it has been done."""


class Cleared(msgspec.Struct, frozen=True):
    """To DLE DC4 8."""


Answer = RealTimeAnswer | TurnAnswer | Cleared | PrinterStatus


class AnswerParser:
    """Answers out of a stream; holds at most 3 octets. What is no answer is passed over: the asker asks again."""

    def __init__(self) -> None:
        self._held = bytearray()  # of an automatic status or a Cleared that is not whole

    def feed(self, data: bytes) -> list[Answer]:
        """Take what arrived, however it is divided; give the answers that are now whole, in order."""
        answers: list[Answer] = []
        for octet in data:
            if self._held and not self._goes_on(octet):
                self._held.clear()
            if self._held:
                self._held.append(octet)
                self._complete(answers)
            elif octet & 0x93 == 0x12:
                answers.append(RealTimeAnswer(octet))
            elif octet & 0x93 == 0x10 or octet == _CLEARED[0]:
                self._held.append(octet)
            elif octet & 0x90 == 0:
                answers.append(TurnAnswer())
        return answers

    def idle(self) -> None:
        """The wire went silent, or the printer has gone: what is not whole stays unfinished."""
        self._held.clear()

    def _goes_on(self, octet: int) -> bool:
        if self._held[0] == _CLEARED[0]:
            return octet == _CLEARED[len(self._held)]
        return octet & 0x90 == 0

    def _complete(self, answers: list[Answer]) -> None:
        if self._held == _CLEARED:
            answers.append(Cleared())
        elif len(self._held) == 4:
            answers.append(PrinterStatus.from_automatic(*self._held[:3]))
        else:
            return
        self._held.clear()
