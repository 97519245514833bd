"""Sealing: bytes that one enrolled device alone can open (HPKE, RFC 9180, base mode, AES-256-GCM).

A feed reaches every device, and a stick may be lost: what is meant for one device is sealed to its X25519 key.
The context is bound in, so that a box made for one purpose opens for no other.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mqtt_schemas.errors import NotOpened

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal(public: bytes, context: str, plain: bytes) -> bytes:
    """`plain` for the holder of an X25519 key (32 bytes). Raises NotOpened for what is no key."""
    try:
        # Points of low order are refused by the exchange itself.
        return _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(public), info=_info(context))
    except ValueError as error:
        raise NotOpened(context, str(error)) from None


def open_sealed(private: X25519PrivateKey, context: str, box: bytes) -> bytes:
    """What was sealed to this key in this context. Raises NotOpened."""
    try:
        return _SUITE.decrypt(box, private, info=_info(context))
    except (InvalidTag, ValueError) as error:
        raise NotOpened(context, str(error)) from None


def sealing_public(key: X25519PrivateKey) -> bytes:
    """A key's public half, 32 bytes (RFC 7748)."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _info(context: str) -> bytes:
    return b"borne/v1/seal/" + context.encode()
