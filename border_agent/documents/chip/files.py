"""Files of a chip (Doc 9303-10 section 3): choosing the application, and reading a file piece by piece.

A file says its length in its first bytes, and nothing is asked for beyond it: some chips answer that with an error
outside secure messaging, which ends the session.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from border_agent.documents.chip.apdu import LONG_ANSWER, OK, SHORT_ANSWER, CommandApdu, ResponseApdu
from border_agent.documents.chip.errors import AccessRefused, ChipProtocolError, FileMissing, Reason
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.tlv import TlvError, read_header, read_only, write_length, write_tlv

APPLICATION: Final = bytes.fromhex("a0000002471001")
LARGEST_FILE: Final = 1 << 20
"""No file of a chip is longer, whatever a caller allows."""
_SAFE_PIECE: Final = 0xDF
"""Bytes of one short answer that every chip manages."""
_LEAST_PIECE: Final = 16
"""Fewer bytes in the middle of a file are no answer: a hostile chip could go on for ever."""
_HEAD: Final = 4
_SHORT_OFFSET: Final = 0x8000
"""From here on READ BINARY has an odd instruction and the offset in its data."""
_END_REACHED: Final = 0x6282
_NOT_FOUND: Final = frozenset({0x6A82, 0x6A83, 0x6A88})
_NOT_ALLOWED: Final = frozenset({0x6982, 0x6985, 0x6986})
_TOO_MUCH: Final = frozenset({0x6700, 0x6A80, 0x6A86, 0x6F00})


class FileId(StrEnum):
    """Files by the names they go by; `fid` is what SELECT wants."""

    CARD_ACCESS = "EF.CardAccess"
    CARD_SECURITY = "EF.CardSecurity"
    ATR_INFO = "EF.ATR/INFO"
    COM = "EF.COM"
    SOD = "EF.SOD"
    DG1 = "DG1"
    DG2 = "DG2"
    DG3 = "DG3"
    DG4 = "DG4"
    DG5 = "DG5"
    DG6 = "DG6"
    DG7 = "DG7"
    DG8 = "DG8"
    DG9 = "DG9"
    DG10 = "DG10"
    DG11 = "DG11"
    DG12 = "DG12"
    DG13 = "DG13"
    DG14 = "DG14"
    DG15 = "DG15"
    DG16 = "DG16"

    @property
    def fid(self) -> bytes:
        """Two bytes. EF.CardSecurity (in the master file) and EF.SOD (in the application) share theirs."""
        number = _OTHERS.get(self.value)
        return (number if number is not None else 0x0100 + int(self.value[2:])).to_bytes(2, "big")

    @property
    def in_application(self) -> bool:
        return self not in (FileId.CARD_ACCESS, FileId.CARD_SECURITY, FileId.ATR_INFO)


_OTHERS: Final = {
    "EF.CardAccess": 0x011C,
    "EF.CardSecurity": 0x011D,
    "EF.ATR/INFO": 0x2F01,
    "EF.COM": 0x011E,
    "EF.SOD": 0x011D,
}


class PartialFile:
    """What has been read of a file: kept by the caller, so that reading goes on after a lost contact."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.total: int | None = None
        """Length of the whole file in bytes, once its head is read."""


def select_master_file(session: ChipSession) -> None:
    """Go to where EF.CardAccess lies. Chips that are there already refuse this (6985), which says nothing."""
    session.send(CommandApdu(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00"))


def select_application(session: ChipSession) -> None:
    """Choose the eMRTD application. Raises `FileMissing` where the chip has none, `ChipProtocolError`."""
    response = session.send(CommandApdu(0x00, 0xA4, 0x04, 0x0C, APPLICATION))
    if response.sw in _NOT_FOUND:
        raise FileMissing("eMRTD application", reason=Reason.status_word, sw=response.sw)
    if not response.ok:
        raise ChipProtocolError("eMRTD application", reason=Reason.status_word, sw=response.sw)


def read_file(
    session: ChipSession,
    file: FileId,
    *,
    largest: int,
    partial: PartialFile | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> bytes:
    """A whole file, from `partial` on where something of it is there already.

    `largest`: bytes allowed. `progress` hears the bytes read and their total after every piece, and may raise. The
    size of pieces follows `session.extended` and `session.answer_size`; where the chip refuses long answers, the
    session goes over to shorter ones.

    Raises `FileMissing`, `AccessRefused` (not allowed to read it), `ChipProtocolError` (too long, truncated, or
    answers that do not fit), `MessagingError`.
    """
    kept = partial if partial is not None else PartialFile()
    _check(session.send(CommandApdu(0x00, 0xA4, 0x02, 0x0C, file.fid)), file)
    while kept.total is None:
        kept.data += _piece(session, file, len(kept.data), _HEAD)
        kept.total = _total(bytes(kept.data), file, min(largest, LARGEST_FILE))
    while (left := kept.total - len(kept.data)) > 0:
        kept.data += _piece(session, file, len(kept.data), left)
        if progress is not None:
            progress(len(kept.data), kept.total)
    return bytes(kept.data[: kept.total])


def _total(head: bytes, file: FileId, largest: int) -> int | None:
    """Length of the file by its head, None while the head is not all there."""
    try:
        total = read_header(head, 0, file).end
    except TlvError as error:
        if len(head) < 2 * _HEAD:
            return None
        raise ChipProtocolError(file, error.detail, reason=Reason.structure) from None
    if total > largest:
        raise ChipProtocolError(file, f"{total} bytes, at most {largest}", reason=Reason.too_long)
    return total


def _piece(session: ChipSession, file: FileId, offset: int, wanted: int) -> bytes:
    """At least one byte, at most `wanted`."""
    odd = offset >= _SHORT_OFFSET
    while True:
        size = min(wanted, _piece_size(session) - (_HEAD if odd else 0))
        response = session.send(_read_binary(offset, size, odd))
        if response.sw not in (OK, _END_REACHED):
            too_much = response.sw in _TOO_MUCH or response.sw1 == 0x6C
            if too_much and session.answer_size > SHORT_ANSWER and size > _SAFE_PIECE:
                session.answer_size = max(SHORT_ANSWER, session.answer_size // 2)
                continue
            _check(response, file, offset)
        data = _unwrapped(response.data, file) if odd else response.data
        if len(data) > size:
            raise ChipProtocolError(file, f"{len(data)} bytes instead of {size}", reason=Reason.length)
        if len(data) < min(size, _LEAST_PIECE):
            raise ChipProtocolError(file, f"ends after {offset + len(data)} bytes", reason=Reason.truncated)
        return data


def _piece_size(session: ChipSession) -> int:
    """Bytes asked for at once."""
    if session.extended and session.answer_size > SHORT_ANSWER:
        return session.largest_answer(min(session.answer_size, LONG_ANSWER))
    return min(_SAFE_PIECE, session.largest_answer(SHORT_ANSWER))


def _read_binary(offset: int, size: int, odd: bool) -> CommandApdu:
    if not odd:
        return CommandApdu(0x00, 0xB0, offset >> 8, offset & 0xFF, ne=size)
    place = write_tlv(0x54, offset.to_bytes(3 if offset > 0xFFFF else 2, "big"))
    return CommandApdu(0x00, 0xB1, 0x00, 0x00, place, 1 + len(write_length(size)) + size)


def _unwrapped(data: bytes, file: FileId) -> bytes:
    try:
        return read_only(data, 0x53, file)
    except TlvError as error:
        raise ChipProtocolError(file, error.detail, reason=Reason.structure) from None


def _check(response: ResponseApdu, file: FileId, offset: int = 0) -> None:
    if response.ok:
        return
    if response.sw in _NOT_FOUND and not offset:
        raise FileMissing(file, reason=Reason.status_word, sw=response.sw)
    if response.sw in _NOT_ALLOWED:
        raise AccessRefused(file, reason=Reason.status_word, sw=response.sw)
    raise ChipProtocolError(file, f"at {offset}", reason=Reason.status_word, sw=response.sw)
