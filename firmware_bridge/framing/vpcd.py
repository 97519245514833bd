"""The wire between the virtual card reader `vpcd` and what plays the card (vsmartcard's protocol, over TCP).

    frame    = length payload            both ways
    length   = 2 octet                   of the payload, big-endian
    control  = %x00 / %x01 / %x02 / %x04 reader to card: power off, power on, reset, "send your ATR"
    command  = 4*65535 octet             reader to card: one command APDU
    answer   = *65535 octet              card to reader: the ATR, or data and status word

Only the ATR and commands are answered. The card connects, which is laying it on the reader; closing takes it away.
"""

from __future__ import annotations

from enum import IntEnum

MOST = 0xFFFF
"""Octets of a frame's payload."""


class Control(IntEnum):
    """What the reader asks of the card itself."""

    power_off = 0
    power_on = 1
    reset = 2
    send_atr = 4


def vpcd_frame(payload: bytes) -> bytes:
    """Raises ValueError for more than a frame holds."""
    if len(payload) > MOST:
        raise ValueError(f"{len(payload)} bytes in one frame")
    return len(payload).to_bytes(2, "big") + payload


class VpcdFramer:
    """Cuts a stream into payloads. Holds one unfinished frame at most, and what one call brought."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are whole now, in order; an empty frame is an empty payload."""
        self._buffer += data
        payloads: list[bytes] = []
        start = 0
        while len(self._buffer) >= start + 2:
            end = start + 2 + int.from_bytes(self._buffer[start : start + 2], "big")
            if len(self._buffer) < end:
                break
            payloads.append(bytes(self._buffer[start + 2 : end]))
            start = end
        del self._buffer[:start]
        return payloads

    @property
    def missing(self) -> int:
        """Octets that must come before `feed` can give another payload; one at least."""
        if len(self._buffer) < 2:
            return 2 - len(self._buffer)
        return 2 + int.from_bytes(self._buffer[:2], "big") - len(self._buffer)


def control(payload: bytes) -> Control | None:
    """What a frame from the reader asks of the card; None: it is a command APDU (or nothing known)."""
    if len(payload) != 1:
        return None
    try:
        return Control(payload[0])
    except ValueError:
        return None
