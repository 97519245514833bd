"""The card's files: where each lies, who may read it, SELECT and READ BINARY (9303-10, 3; ISO 7816-4, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from border_agent.documents.tlv import write_tlv
from border_agent.specimens.chip import card_apdu as sw
from border_agent.specimens.chip.booklet import ATR_INFO, CARD_ACCESS, CARD_SECURITY, COM, SOD
from border_agent.specimens.chip.card_apdu import Command, Refusal

APPLICATION = bytes.fromhex("A0000002471001")

_IN_MASTER = {0x2F01: ATR_INFO, 0x011C: CARD_ACCESS, 0x011D: CARD_SECURITY}
_IN_APPLICATION = {0x011E: COM, 0x011D: SOD} | {0x0100 + n: f"DG{n}" for n in range(1, 17)}
_FREE = {ATR_INFO, CARD_ACCESS}
_EXTENDED_ACCESS = {"DG3", "DG4"}
"""Fingers and irises: terminals must prove more than the password, which this chip never lets them."""


class Access(Enum):
    """What the terminal has proved so far."""

    NOTHING = 0
    BAC = 1
    PACE = 2


class Content(Protocol):
    """A file's bytes, which need not all be there before they are read."""

    def __len__(self) -> int: ...

    def __getitem__(self, piece: slice, /) -> bytes: ...


class CardFiles:
    """The tree: a master file and the one application. Holds what is selected."""

    def __init__(self, files: Mapping[str, Content]) -> None:
        self._files = files
        self.reset()

    def reset(self) -> None:
        """As after power-up: the master file is selected."""
        self._in_application = False
        self.selected = ""
        """Name of the current file; empty: none."""

    def select(self, command: Command, access: Access) -> None:
        """SELECT by name, by file identifier, or the master file. Raises `Refusal`."""
        if command.p1 == 0x04:
            # A card may be asked by the beginning of a name; readers give it whole.
            if command.data != APPLICATION:
                raise Refusal(sw.NOT_FOUND)
            self._in_application, self.selected = True, ""
        elif command.p1 == 0x00 and command.data in (b"", b"\x3f\x00"):
            self._in_application, self.selected = False, ""
        elif command.p1 in (0x00, 0x02) and len(command.data) == 2:
            self.selected = self._name(int.from_bytes(command.data, "big"), access)
        else:
            raise Refusal(sw.BAD_PARAMETERS)

    def read(self, command: Command, access: Access, room: int) -> tuple[bytes, int]:
        """READ BINARY (even and odd INS): the data and 9000 or 6282; at most `room` bytes. Raises `Refusal`."""
        odd = bool(command.ins & 1)
        if odd:
            # Reference in P1-P2 (0: the current file), offset in a data object of its own.
            if reference := command.p1 << 8 | command.p2:
                self.selected = self._by_short(reference, access)
            if len(command.data) < 3 or command.data[0] != 0x54 or command.data[1] != len(command.data) - 2:
                raise Refusal(sw.BAD_DATA)
            offset = int.from_bytes(command.data[2:], "big")
        elif command.p1 & 0x80:
            self.selected = self._by_short(command.p1 & 0x1F, access)
            offset = command.p2
        else:
            offset = command.p1 << 8 | command.p2
        if not self.selected:
            raise Refusal(sw.NO_CURRENT_FILE)
        self._allow(self.selected, access)
        content = self._files[self.selected]
        if offset >= len(content):
            raise Refusal(sw.BEYOND_END)
        wanted = min(command.ne, room)
        if odd:
            return self._odd(content, offset, wanted)
        piece = content[offset : offset + wanted]
        return piece, sw.OK if command.ne in (256, 65536) or len(piece) == command.ne else sw.END_OF_FILE

    @staticmethod
    def _odd(content: Content, offset: int, wanted: int) -> tuple[bytes, int]:
        """The answer to B1: the bytes in an object 53 that fits into `wanted` as a whole."""
        head = 2 if wanted <= 129 else 3 if wanted <= 258 else 4
        return write_tlv(0x53, content[offset : offset + wanted - head]), sw.OK

    def _by_short(self, reference: int, access: Access) -> str:
        if not 1 <= reference <= 30:
            raise Refusal(sw.BAD_PARAMETERS)
        return self._name((0x2F00 if not self._in_application and reference == 1 else 0x0100) | reference, access)

    def _name(self, identifier: int, access: Access) -> str:
        """The file of this identifier in the current directory; as real chips, refused before it is looked for."""
        name = (_IN_APPLICATION if self._in_application else _IN_MASTER).get(identifier, "")
        if self._in_application and access is Access.NOTHING:
            raise Refusal(sw.NOT_ALLOWED)
        if name not in self._files:
            raise Refusal(sw.NOT_FOUND)
        self._allow(name, access)
        return name

    @staticmethod
    def _allow(name: str, access: Access) -> None:
        free = name in _FREE or (access is not Access.NOTHING and name not in _EXTENDED_ACCESS)
        if not free or (name == CARD_SECURITY and access is not Access.PACE):
            raise Refusal(sw.NOT_ALLOWED)
