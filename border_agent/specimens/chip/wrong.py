"""The faults at work: between the wire and the chip, and in the files the chip shows (see `faults`)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from border_agent.documents.tlv import read_tlv, write_tlv
from border_agent.specimens.chip.booklet import CARD_ACCESS, COM
from border_agent.specimens.chip.card_apdu import Refusal
from border_agent.specimens.chip.card_files import Content
from border_agent.specimens.chip.card_messaging import CardMessaging
from border_agent.specimens.chip.faults import Fault, FaultKind
from firmware_bridge.errors import CardGone, CardSilent

BOMB = 64 * 1024 * 1024
"""What a length bomb's header claims, in bytes."""
_OVERLONG = 60_000
_NESTING = 2000
_CHECKSUM = 10  # bytes of object 8E with its head; it is the last before the status word

_KEYS = {0x6E: "DG14", 0x6F: "DG15"}
"""Data groups with which a chip proves itself, by their tags in EF.COM."""


class _Chip(Protocol):
    @property
    def selected(self) -> str: ...

    def answer(self, apdu: bytes) -> bytes: ...


@dataclass(frozen=True)
class Endless:
    """A file whose beginning is given and whose end never comes."""

    head: bytes

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, piece: slice, /) -> bytes:
        return self.head[piece].ljust(piece.stop - piece.start, b"\0")


class Wrongs:
    """One chip's faults and how far it has come."""

    def __init__(self, faults: tuple[Fault, ...], sleep: Callable[[float], None] = time.sleep) -> None:
        self.faults = faults
        self.apdus = 0
        """APDUs that have come."""
        self._sleep = sleep
        self._file = ""
        self.pulled: Fault | None = None
        """The fault that took the card away; None: it is there."""
        self._last = b"\x6f\x00"

    def reset(self) -> None:
        """The card is back, if somebody had taken it."""
        self.pulled = None

    def add(self, fault: Fault) -> None:
        """One more, on the wire only: files stay as they are. `at` counts from the next APDU."""
        self.faults = (*self.faults, msgspec.structs.replace(fault, at=self.apdus + fault.at))

    def now(self, kind: FaultKind) -> Fault | None:
        """The fault of this kind that holds for the APDU at work."""
        return next((f for f in self.faults if f.kind is kind and f.holds(self.apdus, self._file)), None)

    def around(self, chip: _Chip, apdu: bytes) -> bytes:
        """The answer to an APDU, faults included. Raises `CardGone` and `CardSilent`."""
        if self.pulled:
            raise CardGone("card", "taken away")
        self.apdus += 1
        self._file = chip.selected
        if slow := self.now(FaultKind.SLOW):
            self._sleep(slow.seconds)
        for kind, error in ((FaultKind.PULLED, CardGone), (FaultKind.SILENT, CardSilent)):
            if fault := self.now(kind):
                self.pulled = fault
                raise error("card", f"at command {self.apdus}")
        answer = self._instead(apdu)
        if answer is None:
            answer = self._bent(chip.answer(apdu))
        if not self.now(FaultKind.REPLAYED):
            self._last = answer
        return answer

    def _instead(self, apdu: bytes) -> bytes | None:
        """What comes without the chip being asked."""
        if status := self.now(FaultKind.STATUS):
            return status.status.to_bytes(2, "big")
        if self.now(FaultKind.REPLAYED):
            return self._last
        if self.now(FaultKind.ENDLESS_MORE):
            return bytes(16) + b"\x61\x10"
        if self.now(FaultKind.ENDLESS_LENGTH):
            return bytes((0x6C, 0x10 + self.apdus % 16))
        if self.now(FaultKind.SHORT):
            return apdu[:1]
        return None

    def _bent(self, answer: bytes) -> bytes:
        """A sound answer made unsound."""
        data, status = answer[:-2], answer[-2:]
        protected = len(data) >= _CHECKSUM and data[-_CHECKSUM : 2 - _CHECKSUM] == b"\x8e\x08"
        if protected and self.now(FaultKind.BAD_MAC):
            data = data[:-1] + bytes((data[-1] ^ 1,))
        if protected and self.now(FaultKind.NO_MAC):
            data = data[:-_CHECKSUM]
        if self.now(FaultKind.NOISE):
            data = hashlib.shake_128(self.apdus.to_bytes(4, "big") + data).digest(len(data))
        if self.now(FaultKind.OVERLONG):
            data += bytes(_OVERLONG)
        return data + status

    def before_wrapping(self, session: CardMessaging, data: bytes, status: int) -> tuple[bytes, int]:
        """What goes under secure messaging; the session is told where it has to do wrong."""
        session.with_status = self.now(FaultKind.NO_STATUS) is None
        if self.now(FaultKind.WRONG_SSC):
            session.step_back()
        if failed := self.now(FaultKind.PROTECTED_STATUS):
            return b"", failed.status
        return data, status

    def in_pace(self, *, last: bool) -> None:
        """Before a step of PACE; raises `Refusal` where it must fail."""
        broken = self.now(FaultKind.PACE_BROKEN)
        if broken is not None and last:
            raise Refusal(broken.status)

    def files(self, files: Mapping[str, bytes]) -> dict[str, Content]:
        """The files as the chip shows them; a fault of a file that is not there changes nothing."""
        shown: dict[str, Content] = dict(files)
        for fault in self.faults:
            match fault.kind:
                case FaultKind.PACE_STRIPPED:
                    shown.pop(CARD_ACCESS, None)
                case FaultKind.MISSING:
                    shown.pop(fault.file, None)
                case FaultKind.HIDDEN_KEYS:
                    for name in _KEYS.values():
                        shown.pop(name, None)
                    shown[COM] = _without_keys(files[COM])
                case kind if kind in _BENDS and fault.file in files:
                    shown[fault.file] = _BENDS[kind](files[fault.file])
        return shown


def _bomb(file: bytes) -> Content:
    return Endless(file[:1] + b"\x84" + BOMB.to_bytes(4, "big"))


def _nested(file: bytes) -> Content:
    inner = b""
    for _ in range(_NESTING):
        inner = write_tlv(0x30, inner)
    return file[:1] + write_tlv(0x30, inner)[1:]


def _half(file: bytes) -> Content:
    return file[: len(file) // 2]


_BENDS: dict[FaultKind, Callable[[bytes], Content]] = {
    FaultKind.ENDLESS_FILE: Endless,
    FaultKind.LENGTH_BOMB: _bomb,
    FaultKind.NESTED_BOMB: _nested,
    FaultKind.TRUNCATED: _half,
}
"""What is shown instead of a file. Every file's outermost tag has one byte."""


def _without_keys(com: bytes) -> bytes:
    """EF.COM that names neither DG14 nor DG15."""
    outer = read_tlv(com)
    out, position = b"", 0
    while position < len(outer.value):
        inner = read_tlv(outer.value, position)
        value = bytes(tag for tag in inner.value if tag not in _KEYS) if inner.tag == 0x5C else inner.value
        out += write_tlv(inner.tag, value)
        position = inner.end
    return write_tlv(outer.tag, out)
