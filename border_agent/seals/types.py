"""What a signed code says, as values.

ICAO Datastructure for Barcode (IDB) carrying a VISA message (number 1, sub-tags as in Doc 9303-7 and
9303-13).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from msgspec import Struct

from border_agent.documents.mrz import Mrz


class SealFormat(StrEnum):
    IDB = "idb"


class SignatureCheck(StrEnum):
    """What one certificate says of one signature, nothing else considered."""

    GOOD = "good"
    BAD = "bad"
    CERTIFICATE_UNUSABLE = "certificate_unusable"
    """The certificate cannot be parsed, or its key is of a kind that cannot be used here."""


class IdbMessage(Struct, frozen=True):
    """One message of the group: its type (0-255) and its bytes, unread."""

    tag: int
    value: bytes


class IdbSeal(Struct, frozen=True, kw_only=True):
    """A barcode of the ICAO datastructure, whatever it is a seal of. Nothing in it is verified."""

    issuer: str
    """State code of the header, without fillers: `UTO`, `D`."""
    signed: bool
    """What the flag says. Not signed: the next four fields and `signature` are empty."""
    algorithm: int = 0
    """1: ECDSA with SHA-256, 2: with SHA-384, 3: with SHA-512."""
    certificate_ref: str = ""
    """Last five bytes of the SHA-1 of the signer's certificate, 10 hexadecimal digits."""
    issued: str = ""
    """Date of the signature as `YYYY-MM-DD`, unknown digits as `x`."""
    certificate: bytes = b""
    """A certificate that came with the seal (tag 7E); never a reason to trust it."""
    messages: tuple[IdbMessage, ...]
    signed_bytes: bytes
    """Header and message group as they were signed."""
    signature: bytes = b""
    """Raw r||s."""
    unknown_tags: tuple[int, ...] = ()
    """Tags beside the message group that this reader does not know. They are not signed."""

    def message(self, tag: int) -> bytes | None:
        """The bytes of the message of this type, or None."""
        return next((message.value for message in self.messages if message.tag == tag), None)


class SealedVisa(Struct, frozen=True, kw_only=True):
    """A visa as its signed code gives it. Nothing in it is verified: see `verify_signature` and
    `border_agent.trust`."""

    format: SealFormat
    issuer: str
    """State code of the header, without fillers."""
    certificate_ref: str
    """10 hexadecimal digits; empty: the seal is not signed."""
    issued: date | None
    """Date of the signature; None: not signed, or a date with unknown parts."""
    mrz_lines: tuple[str, str]
    """Both lines of the MRV-A (44) or MRV-B (36); the seal carries 28 characters of the second, the rest is
    filler."""
    mrv: Mrz | None
    """The lines read; None: there is no date from which centuries could be told."""
    passport_number: str
    """Number of the passport the visa is for, without fillers; empty: not stated."""
    entries: int = 0
    """Number of entries, 0: unlimited. Look at `entries_stated` first."""
    entries_stated: bool = False
    """Doc 9303-7 leaves the number of entries to the issuer; not stated is not unlimited."""
    duration_days: int = 0
    duration_months: int = 0
    duration_years: int = 0
    """Length of stay; all three 0: not stated."""
    visa_type: str = ""
    """Letters and digits if that is what it is, else the bytes as hexadecimal digits after `0x`."""
    visa_id: str | None = None
    """Our own field: number of the e-visa, 16 hexadecimal digits, as in the centre's list."""
    portrait_sha256: bytes | None = None
    """Our own field: SHA-256 (32 bytes) of the portrait in the centre's list."""
    valid_from: date | None = None
    """Our own field."""
    valid_until: date | None = None
    """The "valid until" of the machine readable zone."""
    unknown_tags: tuple[int, ...] = ()
    """Fields of the visa message this reader does not know; they do not make it invalid (Doc 9303-13)."""
    algorithm: int = 0
    signed_bytes: bytes = b""
    signature: bytes = b""
    """Raw r||s; empty: the seal is not signed."""


class VisaContent(Struct, frozen=True, kw_only=True):
    """What a consulate puts into a signed code; see `encode_visa`."""

    issuer: str
    issued: date
    mrz_lines: tuple[str, str]
    """MRV-A (2 x 44) or MRV-B (2 x 36) as `build_mrz` gives them."""
    passport_number: str
    entries: int | None = 1
    """0: unlimited; None: not stated."""
    duration_days: int = 0
    duration_months: int = 0
    duration_years: int = 0
    visa_type: str = ""
    """Up to 4 letters or digits."""
    visa_id: str | None = None
    """16 hexadecimal digits. None leaves out our own field, and with it the two below."""
    portrait_sha256: bytes | None = None
    valid_from: date | None = None
