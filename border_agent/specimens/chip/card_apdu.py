"""Command APDUs as the card takes them apart (ISO 7816-4, 5.2), and the refusals it answers with."""

from __future__ import annotations

from dataclasses import dataclass

OK = 0x9000
END_OF_FILE = 0x6282
NOT_VERIFIED = 0x6300
WRONG_LENGTH = 0x6700
NOT_ALLOWED = 0x6982
CONDITIONS = 0x6985
NO_CURRENT_FILE = 0x6986
OBJECTS_MISSING = 0x6987
OBJECTS_WRONG = 0x6988
BAD_DATA = 0x6A80
NOT_FOUND = 0x6A82
BAD_PARAMETERS = 0x6A86
REFERENCE_NOT_FOUND = 0x6A88
BEYOND_END = 0x6B00
UNKNOWN_INSTRUCTION = 0x6D00
UNKNOWN_CLASS = 0x6E00


class Refusal(Exception):
    """The command's answer is a status word and nothing else."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"{status:04X}")


@dataclass(frozen=True)
class Command:
    """A command APDU. `ne` is the greatest length the terminal takes (0: no data wanted)."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    ne: int = 0
    extended: bool = False

    @property
    def secured(self) -> bool:
        """Under secure messaging with the header authenticated."""
        return self.cla & 0x0C == 0x0C

    @property
    def chained(self) -> bool:
        """Not the last of a chain."""
        return bool(self.cla & 0x10)

    @property
    def header(self) -> bytes:
        return bytes((self.cla, self.ins, self.p1, self.p2))


def parse_command(apdu: bytes) -> Command:
    """Take a command apart, all four cases, short and extended; raises `Refusal` 6700."""
    if len(apdu) < 4:
        raise Refusal(WRONG_LENGTH)
    cla, ins, p1, p2 = apdu[:4]
    body = apdu[4:]
    if not body:
        return Command(cla, ins, p1, p2)
    if len(body) == 1:
        return Command(cla, ins, p1, p2, ne=body[0] or 256)
    if body[0]:
        return _body(Command(cla, ins, p1, p2), body[0], body[1:], 1)
    if len(body) < 3:
        raise Refusal(WRONG_LENGTH)
    length = int.from_bytes(body[1:3], "big")
    if len(body) == 3:
        return Command(cla, ins, p1, p2, ne=length or 65536, extended=True)
    return _body(Command(cla, ins, p1, p2, extended=True), length, body[3:], 2)


def _body(command: Command, length: int, rest: bytes, width: int) -> Command:
    """The command with `length` bytes of data out of `rest`, and an expected length of `width` bytes or none."""
    if not length or len(rest) not in (length, length + width):
        raise Refusal(WRONG_LENGTH)
    ne = 0
    if len(rest) > length:
        ne = int.from_bytes(rest[length:], "big") or 256**width
    return Command(command.cla, command.ins, command.p1, command.p2, rest[:length], ne, command.extended)
