"""The journal's hash chain: salted digests, random epochs, signed heads.

    salt_n = HMAC-SHA256(secret, "borne/v1/salt\\0" || epoch || n)
    head_0 = SHA-256("borne/v1/epoch\\0" || epoch || device)
    head_n = SHA-256(head_(n-1) || n || SHA-256(salt_n || body_n))

`n` is the sequence as 8 bytes, big-endian, from 1; `epoch` is 16 random bytes; `body` is the exact stored
bytes. A salt comes from a secret that serves from one sequence on (a day's entries in practice) and is sent
once: a proof of one entry shows only its neighbours' digests, from which nothing can be guessed, and once a
body is erased with its secret the chain still verifies. Nothing here may change within the major version.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mqtt_schemas.errors import BadSignature

EPOCH_BYTES = 16
SECRET_BYTES = 32
HEAD_BYTES = 32
SIGNATURE_BYTES = 64
LAST_SEQUENCE = 2**63 - 1

_SALT = b"borne/v1/salt\0"
_EPOCH = b"borne/v1/epoch\0"
_HEAD = b"borne/v1/head\0"

_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def new_epoch() -> bytes:
    """A fresh random stream id, 16 bytes."""
    return secrets.token_bytes(EPOCH_BYTES)


def new_secret() -> bytes:
    """A fresh salt secret, 32 bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def sequence_bytes(sequence: int) -> bytes:
    """A sequence number as it is hashed. Raises ValueError outside 1..2^63-1."""
    if not 1 <= sequence <= LAST_SEQUENCE:
        raise ValueError(f"sequence {sequence} is outside 1..2^63-1")
    return sequence.to_bytes(8, "big")


def _must_have(size: int, name: str, value: bytes) -> None:
    # The formulas put values side by side without lengths: only fixed sizes make them unambiguous.
    if len(value) != size:
        raise ValueError(f"{name} has {len(value)} bytes instead of {size}")


def genesis(device: str, epoch: bytes) -> bytes:
    """Head of an epoch without entries; it binds the stream to its device. Raises ValueError for a wrong size."""
    _must_have(EPOCH_BYTES, "epoch", epoch)
    return sha256(_EPOCH + epoch + device.encode()).digest()


def salt(secret: bytes, epoch: bytes, sequence: int) -> bytes:
    """The salt of one entry, 32 bytes."""
    return hmac.digest(secret, _SALT + epoch + sequence_bytes(sequence), "sha256")


class Salts:
    """The salts of one secret in one epoch, one after the other: the key is set up once, which is most of `salt`.

    Raises ValueError for a wrong size.
    """

    def __init__(self, secret: bytes, epoch: bytes) -> None:
        _must_have(SECRET_BYTES, "secret", secret)
        _must_have(EPOCH_BYTES, "epoch", epoch)
        # RFC 2104: the key, filled up to a block of the hash, goes before everything, in two disguises.
        key = secret.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(key.translate(_INNER) + _SALT + epoch)
        self._outer = sha256(key.translate(_OUTER))

    def of(self, sequence: int) -> bytes:
        """The salt of an entry, 32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(sequence_bytes(sequence))
        outer.update(inner.digest())
        return outer.digest()


def digest(entry_salt: bytes, body: bytes) -> bytes:
    """What stands for an entry in the chain: all that a neighbour's proof reveals of it."""
    return sha256(entry_salt + body).digest()


def link(head: bytes, sequence: int, entry_digest: bytes) -> bytes:
    """The head after entry `sequence`, from the head before it and the entry's digest."""
    return sha256(head + sequence_bytes(sequence) + entry_digest).digest()


def extend(head: bytes, epoch: bytes, sequence: int, secret: bytes, body: bytes) -> bytes:
    """The head after one more entry, from its body."""
    return link(head, sequence, digest(salt(secret, epoch, sequence), body))


def head_statement(device: str, epoch: bytes, sequence: int, head: bytes) -> bytes:
    """The bytes a device signs to stand by everything up to `sequence`. Raises ValueError for a wrong size."""
    _must_have(EPOCH_BYTES, "epoch", epoch)
    _must_have(HEAD_BYTES, "head", head)
    return _HEAD + epoch + sequence_bytes(sequence) + head + device.encode()


def sign_head(key: Ed25519PrivateKey, device: str, epoch: bytes, sequence: int, head: bytes) -> bytes:
    """The device's signature over a head, 64 bytes."""
    return key.sign(head_statement(device, epoch, sequence, head))


def verify_head(
    key: Ed25519PublicKey, device: str, epoch: bytes, sequence: int, head: bytes, signature: bytes
) -> None:
    """Raises BadSignature unless `signature` is the device's over this head."""
    try:
        key.verify(signature, head_statement(device, epoch, sequence, head))
    except InvalidSignature:
        raise BadSignature(device, f"head of sequence {sequence}") from None
