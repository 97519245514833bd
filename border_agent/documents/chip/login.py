"""Opening a chip (Doc 9303-11 section 4.2): EF.CardAccess, then PACE, or BAC where the chip knows nothing better.

EF.CardAccess is read before anybody is logged in and nobody signs it; DG14 repeats what it says, see `withheld`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from border_agent.documents.chip.apdu import SHORT_ANSWER, CommandApdu
from border_agent.documents.chip.bac import establish_bac
from border_agent.documents.chip.capabilities import Capabilities, read_atr, read_atr_info
from border_agent.documents.chip.errors import (
    AccessRefused,
    ChipProtocolError,
    FileMissing,
    PaceFailed,
    Reason,
    Unsupported,
)
from border_agent.documents.chip.files import FileId, read_file, select_application, select_master_file
from border_agent.documents.chip.pace import CamData, choose_pace, establish_pace
from border_agent.documents.chip.passwords import MrzPassword, Password
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.errors import LdsError
from border_agent.documents.lds.security_infos import PaceInfo, SecurityInfo, read_security_infos

LARGEST_CARD_ACCESS: Final = 4096
LONGEST_ANSWER: Final = 16_384
"""Bytes asked for at once, though a chip take more: what is lost with a contact, and a step of the progress shown."""
_END_REACHED: Final = 0x6282


class Offer(msgspec.Struct, frozen=True):
    """What a chip says before anybody is logged in."""

    card_access: bytes
    """EF.CardAccess; empty where there is none."""
    infos: tuple[PaceInfo, ...]
    capabilities: Capabilities


class Access(msgspec.Struct, frozen=True):
    """How the chip was opened."""

    protocol: str
    """pace-gm, pace-im, pace-cam or bac."""
    pace_failed: bool
    cam: CamData | None


class Keys(msgspec.Struct, frozen=True):
    """What opens a chip, and where the terminal's random numbers come from."""

    password: Password
    random: Callable[[int], bytes]
    private: Callable[[int], int]


def read_offer(session: ChipSession, atr: bytes) -> Offer:
    """Raises `Unsupported` for an EF.CardAccess that cannot be read, and what reading a file raises."""
    select_master_file(session)
    try:
        card_access = read_file(session, FileId.CARD_ACCESS, largest=LARGEST_CARD_ACCESS)
    except (FileMissing, AccessRefused):  # an older chip; some answer 6982 for what they do not have
        card_access = b""
    infos: tuple[SecurityInfo, ...] = ()
    if card_access:
        try:
            infos = read_security_infos(card_access)
        except LdsError as error:
            raise Unsupported(FileId.CARD_ACCESS, str(error), reason=Reason.structure) from None
    found = _atr_info(session)
    if found.extended is None:
        found = read_atr(atr)
    return Offer(card_access, tuple(info for info in infos if isinstance(info, PaceInfo)), found)


def log_in(session: ChipSession, offer: Offer, keys: Keys, *, bac_after_pace: bool) -> Access:
    """Open the chip; the session has secure messaging after it. BAC leaves the application chosen, PACE does not.

    A PACE that fails is the end unless `bac_after_pace`. Raises `AccessRefused`, `PaceFailed`, `ChipProtocolError`,
    `Unsupported` (no access both sides know), `FileMissing` (no eMRTD application).
    """
    session.extended = offer.capabilities.extended or None
    session.answer_size = min(offer.capabilities.answer_size, LONGEST_ANSWER)
    info = choose_pace(offer.infos)
    failed = False
    if info is not None:
        try:
            result = establish_pace(session, info, keys.password, random=keys.random, private=keys.private)
            return Access(result.access, False, result.cam_data)
        except (AccessRefused, PaceFailed):
            if not bac_after_pace:
                raise
            failed = True
            session.messaging = None
    if not isinstance(keys.password, MrzPassword):
        raise Unsupported("BAC", "a card access number opens nothing here", reason=Reason.key)
    select_application(session)
    try:
        establish_bac(session, keys.password.mrz_information, random=keys.random)
    except ChipProtocolError as error:
        if error.reason is not Reason.status_word:
            raise
        raise Unsupported("BAC", "the chip knows neither this nor a PACE we know", sw=error.sw) from None
    return Access("bac", failed, None)


def withheld(offer: Offer, dg14: Iterable[SecurityInfo]) -> bool:
    """Whether DG14 names PACE protocols that EF.CardAccess did not: somebody in between took them out, so that a
    weaker one be used (Doc 9303-11 4.2). A DG14 that repeats none of them says nothing."""
    signed = {(info.oid, info.parameter_id) for info in dg14 if isinstance(info, PaceInfo)}
    return bool(signed - {(info.oid, info.parameter_id) for info in offer.infos})


def _atr_info(session: ChipSession) -> Capabilities:
    """EF.ATR/INFO has no length at its head: one short answer holds what matters."""
    if not session.send(CommandApdu(0x00, 0xA4, 0x02, 0x0C, FileId.ATR_INFO.fid)).ok:
        return Capabilities()
    response = session.send(CommandApdu(0x00, 0xB0, 0x00, 0x00, ne=SHORT_ANSWER))
    return read_atr_info(response.data) if response.ok or response.sw == _END_REACHED else Capabilities()
