"""One booklet's chip as data: its profile, its files, its secrets. What a twin's process reads from a file.

Private keys are in it: they are specimens', made for one run, and the file belongs in that run's folder.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from border_agent.errors import BorneError
from border_agent.specimens.chip.faults import Fault
from border_agent.specimens.chip.profile import ChipProfile

MAX_BOOKLET = 64 * 1024 * 1024
"""Bytes of a booklet's file."""

CARD_ACCESS, CARD_SECURITY, ATR_INFO = "EF.CardAccess", "EF.CardSecurity", "EF.ATR/INFO"
COM, SOD = "EF.COM", "EF.SOD"
"""Names of files; data groups are DG1 to DG16."""


class BookletUnreadable(BorneError):
    """A file that does not hold a booklet."""

    code = "specimens.booklet_unreadable"


class ChipKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The chip's private keys. Scalars are big-endian."""

    chip_authentication: bytes = b""
    """Of DG14's key."""
    mapping: bytes = b""
    """Of EF.CardSecurity's key, for PACE with Chip Authentication Mapping."""
    active: bytes = b""
    """Of DG15's key: PKCS #8 (DER) for RSA, a scalar for ECDSA."""


class Booklet(msgspec.Struct, frozen=True, kw_only=True):
    """A booklet as the reader meets it."""

    profile: ChipProfile
    mrz_information: str
    """Number, birth and expiry with their check digits, as printed: the password of BAC and PACE."""
    files: dict[str, bytes]
    keys: ChipKeys = ChipKeys()
    faults: tuple[Fault, ...] = ()

    def save(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_bytes(msgspec.json.encode(self))


def load_booklet(file: Path) -> Booklet:
    """Read what `save` wrote; raises `BookletUnreadable`."""
    try:
        if file.stat().st_size > MAX_BOOKLET:
            raise BookletUnreadable(str(file), "too long")
        return msgspec.json.decode(file.read_bytes(), type=Booklet)
    except (OSError, msgspec.DecodeError) as error:
        raise BookletUnreadable(str(file), str(error)) from error
