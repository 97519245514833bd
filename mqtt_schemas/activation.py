"""An officer's one-time activation: what the centre seals to each device of the officer's posts. Since 1.2.

The centre shows the code once and keeps it nowhere. Whoever types it at one of these posts proves to be the person
it was handed to, line or no line, and gets the TOTP secret into an authenticator. The record names the activation
by its id alone; a box whose secret names another one is not believed.
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Meta, Struct

from mqtt_schemas.entries import Moment, require_utc
from mqtt_schemas.errors import NotOpened
from mqtt_schemas.messages import VERSION, Version, decode_body, encode_body
from mqtt_schemas.records import OfficerRecord
from mqtt_schemas.sealing import open_sealed, seal

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is read as a digit or as another letter."""
CODE_LENGTH = 12
TOTP_BYTES = 20

_CODE = re.compile(f"[{ALPHABET}]{{{CODE_LENGTH}}}")
_MEANT = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None, "\u00a0": None})


class ActivationSecret(Struct, frozen=True, kw_only=True):
    """What an activation's box holds."""

    v: Version = VERSION
    number: Annotated[str, Meta(pattern=r"^[0-9]{4,8}(?!\n)$")]
    """Service number."""
    activation: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]
    """Id of the activation, as in the officer's record."""
    code: Annotated[str, Meta(pattern=r"^[0-9A-HJKMNP-TV-Z]{12}(?!\n)$")]
    """The one-time code, without its hyphens."""
    totp_secret: Annotated[bytes, Meta(min_length=TOTP_BYTES, max_length=TOTP_BYTES)]
    """Key of the authenticator's codes (RFC 6238, SHA-1, 6 digits, 30 s)."""
    not_after: Moment
    """From then on the code no longer serves."""

    def __post_init__(self) -> None:
        require_utc(self.not_after)


def new_code() -> str:
    """A fresh code: 60 random bits, without hyphens."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def shown_code(code: str) -> str:
    """A code as people see it: `XXXX-XXXX-XXXX`."""
    return "-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4))


def typed_code(typed: str) -> str:
    """The code somebody means: small letters, hyphens and spaces or none, O for 0, I and L for 1.

    Empty where it cannot be one.
    """
    code = typed[:64].strip().upper().translate(_MEANT)
    return code if _CODE.fullmatch(code) else ""


def seal_activation(public: bytes, secret: ActivationSecret) -> bytes:
    """The box for the device with this X25519 key (32 bytes). Raises NotOpened for what is no key."""
    return seal(public, _context(secret.number), encode_body(secret))


def open_activation(key: X25519PrivateKey, record: OfficerRecord, device: str) -> ActivationSecret | None:
    """The activation that a record holds for this device; None where it holds none for it.

    Raises NotOpened where the box is not for this key, or holds another activation than the record names;
    Malformed or UnknownVersion for what is in it.
    """
    box = next((sealed.box for sealed in record.activations if sealed.device == device), None)
    if box is None or not record.activation:
        return None
    secret = decode_body(ActivationSecret, open_sealed(key, _context(record.number), box))
    if (secret.number, secret.activation) != (record.number, record.activation):
        raise NotOpened(device, "another activation than the record names")
    return secret


def _context(number: str) -> str:
    return f"activation:{number}"
