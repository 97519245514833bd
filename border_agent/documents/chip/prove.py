"""Having the chip prove that it is no copy (Doc 9303-11 section 6): by the best of what it offers.

PACE-CAM has done it already; else Chip Authentication; else Active Authentication. Files that nobody signs may hide
what a chip can do: which keys it must have is in EF.SOD, and for passive authentication to compare.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from border_agent.documents.chip.active_authentication import authenticate_active
from border_agent.documents.chip.chip_authentication import authenticate_chip, choose_chip_key, verify_cam
from border_agent.documents.chip.errors import ChipCloned, Unsupported
from border_agent.documents.chip.files import FileId
from border_agent.documents.chip.login import Access, Keys
from border_agent.documents.chip.reading import ChipAuthenticity
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.errors import LdsError
from border_agent.documents.lds.keys import read_dg14, read_dg15
from border_agent.documents.lds.public_keys import EcKey
from border_agent.documents.lds.security_infos import ChipAuthenticationPublicKeyInfo, SecurityInfo
from border_agent.documents.lds.signed_data import read_card_security


class Proof(msgspec.Struct, frozen=True):
    authenticity: ChipAuthenticity
    file: str = ""
    """Where the key stands."""
    over: bool = False
    """The session is of no use any more."""


def infos_of(files: dict[str, bytes]) -> tuple[SecurityInfo, ...]:
    """DG14's; none where it is missing or malformed (whether it is the issuer's is not asked here)."""
    try:
        return read_dg14(files[FileId.DG14])
    except (KeyError, LdsError):
        return ()


def prove(session: ChipSession, access: Access, files: dict[str, bytes], keys: Keys) -> Proof:
    """Raises what the session raises where it breaks before anything is proved or refuted."""
    infos = infos_of(files)
    if access.cam is not None:
        return _by_mapping(access, infos, files)
    if choose_chip_key(infos) is not None:
        try:
            authenticate_chip(session, infos, private=keys.private)
            return Proof(ChipAuthenticity.proved_ca, FileId.DG14)
        except ChipCloned:
            return Proof(ChipAuthenticity.failed, FileId.DG14, over=True)
        except Unsupported:
            pass
    try:
        key = read_dg15(files[FileId.DG15]).key
        authenticate_active(session, key, infos, random=keys.random)
        return Proof(ChipAuthenticity.proved_aa, FileId.DG15)
    except (KeyError, LdsError, Unsupported):
        return Proof(ChipAuthenticity.unsupported)
    except ChipCloned:
        return Proof(ChipAuthenticity.failed, FileId.DG15)


def _by_mapping(access: Access, infos: Iterable[SecurityInfo], files: dict[str, bytes]) -> Proof:
    """The key is in DG14 where the chip can do Chip Authentication too, and always in EF.CardSecurity."""
    tried = ""
    for file, offered in ((FileId.DG14, infos), (FileId.CARD_SECURITY, _card_security(files))):
        of_curve = [info for info in offered if _is_on(info, access)]
        if not of_curve:
            continue
        tried = file
        try:
            verify_cam(access.cam, of_curve)
            return Proof(ChipAuthenticity.proved_cam, file)
        except ChipCloned:
            continue  # the mapping may have a key of its own
    return Proof(ChipAuthenticity.failed, tried or FileId.CARD_SECURITY)


def _is_on(info: SecurityInfo, access: Access) -> bool:
    return (
        access.cam is not None
        and isinstance(info, ChipAuthenticationPublicKeyInfo)
        and isinstance(info.key, EcKey)
        and info.key.curve == access.cam.curve
    )


def _card_security(files: dict[str, bytes]) -> tuple[SecurityInfo, ...]:
    try:
        return read_card_security(files[FileId.CARD_SECURITY])
    except (KeyError, LdsError):
        return ()
