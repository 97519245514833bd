"""Lines of a machine readable zone, grouped into one document by their lengths (ICAO 9303 parts 4 to 7).

    document = 2 lines of 44   TD3 (passport), MRV-A
             / 2 lines of 36   TD2, MRV-B
             / 3 lines of 30   TD1
             / the same lines in one, of 88, 72 or 90 bytes

What stands in the lines, and whether the check digits hold, is for the parser. There is no acknowledgement on this
wire, so a line that is damaged in transit must cost the document, not corrupt it:

- Lost bytes show in the length, and a line of the wrong length drops what was begun.
- If a whole line is lost, a line of one document meets those of the next. In every format one line holds the name
  (no digits) and another two dates with their check digits (12 digits at the least, unless a date is unknown), so
  lines out of order show by counting digits. Counting, and with some leave, because an optical reader may well take
  an O of the name for a zero: that is for the parser.
- Silence divides documents, so that the first line of one never meets the second of another.

The reader sends again, or the document is laid down again.

Octets outside printable ASCII at either end of a line (STX and ETX of some readers, glitches when a plug goes
in) are taken off; anywhere else they spoil the line.
"""

from __future__ import annotations

from firmware_bridge.framing.frames import FrameError
from firmware_bridge.roles import Fault

LINES_OF = {44: 2, 36: 2, 30: 3}
"""How many lines of each length make a document."""

JOINED = {length * count: length for length, count in LINES_OF.items()}
"""Total length of a document sent as one line, and the length of its lines."""

MAX_LINE = 128
"""A limit for the line framer: the longest true line (90), with room for what is taken off its ends."""

_NAME_AND_DATES = {44: (0, 1), 36: (0, 1), 30: (2, 1)}
"""Which lines hold the name and the dates, by length."""

_PRINTABLE = bytes(range(0x20, 0x7F))
_OTHERS = bytes(octet for octet in range(256) if octet not in _PRINTABLE)


class MrzGrouper:
    """Collects lines until they are a document; gives it as its lines divided by LF."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, line: bytes) -> list[bytes | FrameError]:
        line = line.strip(_OTHERS)
        if not line:
            return []
        if any(octet not in _PRINTABLE for octet in line):
            return [*self.quiet(), FrameError(Fault.noise, "a line that is not text")]
        length = len(line)
        if length in JOINED:
            part = JOINED[length]
            lines = [line[start : start + part] for start in range(0, length, part)]
            if not _in_order(lines):
                return [*self.quiet(), FrameError(Fault.noise, f"{length} bytes are no MRZ")]
            return [*self.quiet(), b"\n".join(lines)]
        if length not in LINES_OF:
            return [*self.quiet(), FrameError(Fault.noise, f"a line of {length} bytes is no MRZ line")]

        said = self.quiet() if self._lines and len(self._lines[0]) != length else []
        self._lines.append(line)
        if len(self._lines) == LINES_OF[length]:
            if _in_order(self._lines):
                said.append(b"\n".join(self._lines))
                self._lines.clear()
            else:  # the last ones may be the first ones of what comes now
                said.append(FrameError(Fault.incomplete, "lines out of order"))
                del self._lines[0]
        return said

    def quiet(self) -> list[bytes | FrameError]:
        if not self._lines:
            return []
        detail = f"{len(self._lines)} of {LINES_OF[len(self._lines[0])]} lines"
        self._lines.clear()
        return [FrameError(Fault.incomplete, detail)]

    def reset(self) -> None:
        self._lines.clear()


def _in_order(lines: list[bytes]) -> bool:
    name, dates = (lines[number] for number in _NAME_AND_DATES[len(lines[0])])
    return 4 * _digits(name) < _digits(dates)


def _digits(line: bytes) -> int:
    return sum(0x30 <= octet <= 0x39 for octet in line)
