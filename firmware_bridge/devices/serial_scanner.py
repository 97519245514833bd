"""2D code scanners in serial mode (RS-232, or USB as a virtual port) that send each code as a line of text.

Wire format: 8 data bits, no parity, 1 stop bit; lines as in `framing/lines.py`, codes as in `framing/codes.py`.
The host sends nothing: the scanner is in presentation mode. USB keyboard mode is not supported on purpose: it
types the code into whatever has the focus, and loses octets the keyboard layout does not have.
"""

from __future__ import annotations

from firmware_bridge.devices.serial_lines import SerialLineReader
from firmware_bridge.framing.codes import CodeLine
from firmware_bridge.framing.lines import LineFramer

MAX_CODE = 8192
"""Bytes; the largest QR code holds 2953, so this leaves room for scanners that join structured appends."""


class SerialCodeScanner(SerialLineReader):
    """A code scanner. A reading is the content of one code."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        baudrate: int = 9600,
        quiet: float = 0.5,
        max_length: int = MAX_CODE,
        min_length: int = 4,
    ) -> None:
        """`port`: path of the device. `quiet`: seconds, see SerialLineReader. Lengths in bytes: a longer line is
        dropped and reported once, a shorter one is noise. Raises DeviceMisconfigured.
        """
        super().__init__(
            name,
            port,
            baudrate=baudrate,
            framer=LineFramer(max_length),
            assembler=CodeLine(min_length),
            quiet=quiet,
        )
