"""What kind of chip a booklet has: which accesses it offers, with which keys it proves itself, what fits in an APDU.

All of it is data that can be written to a file: a twin's process reads it there.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from border_agent.crypto.ciphers import SymmetricCipher

SECP256R1, BRAINPOOLP256R1, MODP1024 = 12, 13, 0
"""Standardised domain parameters, by their number (9303-11, table 6): the three used most here."""


class Mapping(StrEnum):
    """How PACE gets its generator (9303-11, 4.4.3.3)."""

    GENERIC = "gm"
    INTEGRATED = "im"
    CHIP_AUTHENTICATION = "cam"
    """Generic mapping whose last answer also proves the chip; elliptic curves and AES only."""


class PaceOffer(msgspec.Struct, frozen=True, kw_only=True):
    """One PACEInfo."""

    mapping: Mapping = Mapping.GENERIC
    cipher: SymmetricCipher = SymmetricCipher.AES128
    parameter_id: int = BRAINPOOLP256R1


class Written(StrEnum):
    """How a public key's parameters are written."""

    NAMED = "named"
    """A curve's name; for prime groups the numbers, which have no name."""
    EXPLICIT = "explicit"
    """All numbers, as most passports do."""
    STANDARD = "standard"
    """The number of 9303-11, table 6."""


class ChipAuthenticationOffer(msgspec.Struct, frozen=True, kw_only=True):
    """One ChipAuthenticationInfo with its key."""

    cipher: SymmetricCipher = SymmetricCipher.AES128
    parameter_id: int = BRAINPOOLP256R1
    key_id: int | None = None
    written: Written = Written.NAMED


class ActiveKind(StrEnum):
    """Keys for Active Authentication."""

    RSA = "rsa"
    ECDSA = "ecdsa"


class ActiveAuthenticationOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The key of DG15 and the hash it signs with."""

    kind: ActiveKind = ActiveKind.ECDSA
    digest: str = "sha256"
    parameter_id: int = SECP256R1
    """ECDSA: the curve."""
    bits: int = 2048
    """RSA: of the modulus, a multiple of eight."""


class ChipProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A chip's abilities."""

    bac: bool = True
    pace: tuple[PaceOffer, ...] = ()
    can: str = ""
    """Six digits printed on the page; empty: the chip knows its MRZ only."""
    chip_authentication: ChipAuthenticationOffer | None = None
    active_authentication: ActiveAuthenticationOffer | None = None
    extended: bool = True
    """Whether EF.ATR/INFO offers extended length; without it a longer command is refused (6700)."""
    largest_command: int = 4096
    """Bytes of a whole command APDU in extended length, header included."""
    largest_response: int = 4096
    """Bytes of a whole response APDU in extended length, status word included."""
    odd_read: bool = True
    """Whether READ BINARY with odd INS (B1) is known, as files above 32 KiB need it."""

    @property
    def cam(self) -> PaceOffer | None:
        """The offer with Chip Authentication Mapping, if there is one."""
        return next((offer for offer in self.pace if offer.mapping is Mapping.CHIP_AUTHENTICATION), None)
