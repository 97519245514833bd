"""A hostile chip, in four ways: answers of random bytes, a true chip whose answers are bent, one whose files are
strange, and protected answers whose checksum holds and whose content does not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.documents.chip.apdu import ResponseApdu, read_response
from border_agent.documents.chip.budget import Allowance
from border_agent.documents.chip.capabilities import read_atr, read_atr_info
from border_agent.documents.chip.errors import ChipError
from border_agent.documents.chip.messaging import SecureMessaging
from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipReading, ChipReadPolicy
from border_agent.documents.tlv import write_tlv
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.sample import ACTIVE, BAC_ONLY, MODERN, sample_booklet, sample_holder
from firmware_bridge.roles import CardTransport
from tests.lds.lds_samples import FILES

_ALLOWANCE = Allowance(seconds=5.0, apdus=300, octets=200_000)
_POLICY = ChipReadPolicy(wait=0.0, resumes=1, bac_after_pace=True)
_NAMES = ("EF.COM", "EF.SOD", "DG1", "DG2", "DG7", "DG11", "DG12", "DG14", "EF.CardAccess", "EF.ATR/INFO")


@lru_cache(maxsize=4)
def _booklet(kind: int) -> Booklet:
    return sample_booklet((BAC_ONLY, MODERN, ACTIVE)[kind % 3], holder=sample_holder(details=False))


def _random() -> Callable[[int], bytes]:
    """The same numbers in every run, so that a failure can be repeated."""
    counter = itertools.count(1)
    return lambda count: next(counter).to_bytes(count, "big")


def _read(open_card: Callable[[float], CardTransport | None], kind: int) -> ChipReading:
    counter = itertools.count(0x1234567)
    return read_chip(
        open_card,
        MrzPassword(_booklet(kind).mrz_information),
        policy=_POLICY,
        allowance=_ALLOWANCE,
        random=_random(),
        private=lambda order: next(counter) % (order - 1) + 1,
    )


class _Wild:
    """Answers with the input, piece after piece: a length, then so many bytes. Nothing left: 6A82."""

    atr = bytes.fromhex("3B8780018031807380014085")

    def __init__(self, data: bytes) -> None:
        self._pieces = self._cut(data)

    @staticmethod
    def _cut(data: bytes) -> Iterator[bytes]:
        position = 0
        while position < len(data):
            length = data[position]
            yield data[position + 1 : position + 1 + length]
            position += 1 + length

    def transmit(self, apdu: bytes) -> bytes:
        return next(self._pieces, b"\x6a\x82")


def wild_chip(data: bytes) -> None:
    cards = iter([_Wild(data)])
    _read(lambda seconds: next(cards, None), 1)


def wild_seeds() -> list[bytes]:
    def pieces(*answers: bytes) -> bytes:
        return b"".join(bytes((len(answer),)) + answer for answer in answers)

    access = _booklet(1).files["EF.CardAccess"]
    return [
        pieces(b"\x90\x00", access + b"\x90\x00", b"\x90\x00", b"\x7c\x12\x80\x10" + bytes(16) + b"\x90\x00"),
        pieces(b"\x6a\x82", b"\x90\x00", b"\x01" * 8 + b"\x90\x00", bytes(40) + b"\x90\x00"),
        pieces(b"\x61\x10", b"\x6c\x08", b"\x61\x00", b"\x61\x00"),
    ]


class _Bent:
    """A true chip, some of whose answers are changed: number of the answer, what to do, a byte to do it with."""

    def __init__(self, chip: VirtualChip, data: bytes) -> None:
        self._chip = chip
        self._bends = {data[at]: data[at + 1 : at + 4] for at in range(0, len(data) - 3, 4)}
        self._number = -1

    @property
    def atr(self) -> bytes:
        return self._chip.atr

    def transmit(self, apdu: bytes) -> bytes:
        self._number += 1
        answer = self._chip.transmit(apdu)
        bend = self._bends.get(self._number)
        return answer if bend is None else _bent(bytearray(answer), *bend)


def _bent(answer: bytearray, kind: int, place: int, value: int) -> bytes:
    at = place % max(1, len(answer))
    match kind % 6:
        case 0 if answer:
            answer[at] ^= value
        case 1:
            del answer[at:]
        case 2:
            answer[at:at] = bytes((value,)) * (1 + place % 64)
        case 3:
            answer[-2:] = bytes((0x60 | (place & 0x0F), value))
        case 4:
            answer[:] = bytes((value,)) * place
        case _:
            answer += bytes(answer)
    return bytes(answer)


def bent_answers(data: bytes) -> None:
    kind = data[0] if data else 0
    chips = iter([_Bent(VirtualChip(_booklet(kind), random=_random()), data[1:]), VirtualChip(_booklet(kind))])
    _read(lambda seconds: next(chips, None), kind)


def bent_seeds() -> list[bytes]:
    return [bytes((kind, number, how, 3, 1)) for kind in range(3) for number in (0, 2, 5, 8, 12) for how in range(6)]


def strange_files(data: bytes) -> None:
    """The first byte chooses the chip and the file that is replaced by the rest."""
    if not data:
        return
    kind, name = data[0] >> 6, _NAMES[data[0] % len(_NAMES)]
    booklet = _booklet(kind)
    changed = msgspec.structs.replace(booklet, files={**booklet.files, name: data[1:]})
    chips = iter([VirtualChip(changed, random=_random())])
    _read(lambda seconds: next(chips, None), kind)


def file_seeds() -> list[bytes]:
    own = [bytes((number,)) + _booklet(1).files.get(name, b"")[:4000] for number, name in enumerate(_NAMES)]
    return [*own, *(bytes((number % len(_NAMES),)) + content for number, (_, content) in enumerate(FILES.values()))]


def messages(data: bytes) -> None:
    """Answers, ATRs, and protected answers of any content whose checksum holds."""
    for parse in (read_response, read_atr, read_atr_info):
        try:
            parse(data)
        except ChipError:
            pass
    for cipher, size in ((SymmetricCipher.TDES, 16), (SymmetricCipher.AES256, 32)):
        session, peer = (SecureMessaging(cipher, bytes(range(size)), bytes(range(1, size + 1))) for _ in range(2))
        peer._count()
        for sealed in (data, data + write_tlv(0x8E, peer._checksum(data)), write_tlv(0x87, b"\x01" + data) + data):
            try:
                session.unprotect(ResponseApdu(sealed, 0x9000))
            except ChipError:
                session.dead, session.ssc = False, 0


def message_seeds() -> list[bytes]:
    return [
        b"\x90\x00",
        write_tlv(0x87, b"\x01" + bytes(16)) + write_tlv(0x99, b"\x90\x00"),
        write_tlv(0x99, b"\x90\x00") + write_tlv(0x8E, bytes(8)),
        bytes.fromhex("3B8780018031807380014085"),
    ]
