"""Commands and answers, ISO/IEC 7816-4 section 5: short and extended length."""

from __future__ import annotations

import msgspec

from border_agent.documents.chip.errors import ChipProtocolError, Reason

SHORT_DATA = 255
SHORT_ANSWER = 256
LONG_DATA = 65_535
LONG_ANSWER = 65_536
LARGEST_RESPONSE = LONG_ANSWER + 2
"""An answer with its status word."""
OK = 0x9000


class CommandApdu(msgspec.Struct, frozen=True):
    """A command. `ne` is how many bytes the answer may have: None for none, 256 and 65,536 mean "as many as there
    are"."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    ne: int | None = None

    @property
    def needs_extended(self) -> bool:
        return len(self.data) > SHORT_DATA or (self.ne or 0) > SHORT_ANSWER

    @property
    def header(self) -> bytes:
        return bytes((self.cla, self.ins, self.p1, self.p2))

    def encode(self, extended: bool | None = None) -> bytes:
        """The bytes on the wire; extended length where it is asked for or (None) where nothing else will do.

        `ValueError` for what no APDU can carry, or what a short one cannot where a short one is asked for.
        """
        ne = self.ne or 0
        if len(self.data) > LONG_DATA or not 0 <= ne <= LONG_ANSWER:
            raise ValueError("no APDU carries so much")
        if extended is None:
            extended = self.needs_extended
        elif not extended and self.needs_extended:
            raise ValueError("no short APDU carries so much")
        encoded = self.header
        if extended:
            if self.data or self.ne is not None:
                encoded += b"\x00"
            if self.data:
                encoded += len(self.data).to_bytes(2, "big") + self.data
            if self.ne is not None:
                encoded += (ne % LONG_ANSWER).to_bytes(2, "big")
            return encoded
        if self.data:
            encoded += bytes((len(self.data),)) + self.data
        if self.ne is not None:
            encoded += bytes((ne % SHORT_ANSWER,))
        return encoded


class ResponseApdu(msgspec.Struct, frozen=True):
    """An answer: data and status word."""

    data: bytes
    sw: int

    @property
    def ok(self) -> bool:
        return self.sw == OK

    @property
    def sw1(self) -> int:
        return self.sw >> 8

    def encode(self) -> bytes:
        return self.data + self.sw.to_bytes(2, "big")


def read_response(raw: bytes, where: str = "chip") -> ResponseApdu:
    """Raises `ChipProtocolError` for fewer bytes than a status word, or more than any answer has."""
    if not 2 <= len(raw) <= LARGEST_RESPONSE:
        raise ChipProtocolError(where, f"{len(raw)} bytes", reason=Reason.length)
    return ResponseApdu(bytes(raw[:-2]), int.from_bytes(raw[-2:], "big"))


def read_command(raw: bytes) -> CommandApdu:
    """What a card makes of the bytes of a command. `ValueError` where they are none."""
    if not 4 <= len(raw) <= 4 + 3 + LONG_DATA + 2:
        raise ValueError("no command has this length")
    cla, ins, p1, p2 = raw[:4]
    body = raw[4:]
    if not body:
        return CommandApdu(cla, ins, p1, p2)
    if len(body) == 1:
        return CommandApdu(cla, ins, p1, p2, ne=body[0] or SHORT_ANSWER)
    if body[0] or len(body) < 3:
        data, tail, width, most = body[1 : 1 + body[0]], body[1 + body[0] :], 1, SHORT_ANSWER
        announced = body[0]
    elif len(body) == 3:
        return CommandApdu(cla, ins, p1, p2, ne=int.from_bytes(body[1:], "big") or LONG_ANSWER)
    else:
        announced = int.from_bytes(body[1:3], "big")
        data, tail, width, most = body[3 : 3 + announced], body[3 + announced :], 2, LONG_ANSWER
    if not announced or len(data) != announced or len(tail) not in (0, width):
        raise ValueError("a length that lies")
    ne = (int.from_bytes(tail, "big") or most) if tail else None
    return CommandApdu(cla, ins, p1, p2, bytes(data), ne)
