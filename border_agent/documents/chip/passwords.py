"""What opens a chip: the lines of its document, or the card access number printed on it."""

from __future__ import annotations

import hashlib

import msgspec

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.crypto.kdf import PACE, derive


class MrzPassword(msgspec.Struct, frozen=True, tag="mrz"):
    """`mrz_information`: document number (the whole of a long one), date of birth and date of expiry, each with its
    check digit (Doc 9303-11 4.3.2); `border_agent.documents.mrz.mrz_information` makes it."""

    mrz_information: str

    reference = 0x01
    """How MSE:Set AT names it."""

    @property
    def secret(self) -> bytes:
        return hashlib.sha1(_ascii(self.mrz_information), usedforsecurity=False).digest()

    def __repr__(self) -> str:
        return "MrzPassword(…)"


class CanPassword(msgspec.Struct, frozen=True, tag="can"):
    """The card access number: six digits as a rule."""

    can: str

    reference = 0x02

    @property
    def secret(self) -> bytes:
        return _ascii(self.can)

    def __repr__(self) -> str:
        return "CanPassword(…)"


Password = MrzPassword | CanPassword


def pace_key(password: Password, cipher: SymmetricCipher) -> bytes:
    """The key that the chip's nonce is encrypted with (Doc 9303-11 9.7.3)."""
    return derive(password.secret, PACE, cipher)


def _ascii(text: str) -> bytes:
    """The bytes of what stands on the document; anything else than its characters only makes a wrong password."""
    return text.encode("latin-1", "replace")
