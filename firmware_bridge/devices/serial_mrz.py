"""MRZ readers that send the zone as lines of text as soon as a document lies in them (swipe or full page).

Wire format: 8 data bits, no parity, 1 stop bit; lines as in `framing/lines.py`, documents as in `framing/mrz.py`.
The host sends nothing. Readers with a protocol of their own (inquiry, block check, acknowledgement) are other
devices and get files of their own.
"""

from __future__ import annotations

from firmware_bridge.devices.serial_lines import SerialLineReader
from firmware_bridge.framing.lines import LineFramer
from firmware_bridge.framing.mrz import MAX_LINE, MrzGrouper


class SerialMrzReader(SerialLineReader):
    """A document reader. A reading is the two or three lines of one MRZ, divided by LF."""

    def __init__(self, name: str, port: str, *, baudrate: int = 9600, quiet: float = 0.5) -> None:
        """`port`: path of the device. `quiet`: seconds, see SerialLineReader. Raises DeviceMisconfigured."""
        super().__init__(
            name,
            port,
            baudrate=baudrate,
            framer=LineFramer(MAX_LINE),
            assembler=MrzGrouper(),
            quiet=quiet,
        )
