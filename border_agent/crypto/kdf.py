"""Key derivation, Doc 9303-11 9.7.1: a hash over the secret and a counter."""

from __future__ import annotations

import hashlib
from typing import Final

from border_agent.crypto.ciphers import SymmetricCipher

ENC: Final = 1
MAC: Final = 2
PACE: Final = 3


def derive(secret: bytes, counter: int, cipher: SymmetricCipher) -> bytes:
    """The key for `counter` (`ENC`, `MAC`, or `PACE`: from a password to the key of the nonce).

    SHA-1 for 3DES and AES-128, SHA-256 for longer keys; 3DES keys get odd parity.
    """
    data = secret + counter.to_bytes(4, "big")
    long = cipher in (SymmetricCipher.AES192, SymmetricCipher.AES256)
    digest = hashlib.sha256(data).digest() if long else hashlib.sha1(data, usedforsecurity=False).digest()
    key = digest[: cipher.key_size]
    return odd_parity(key) if cipher is SymmetricCipher.TDES else key


def odd_parity(key: bytes) -> bytes:
    """DES keys with the lowest bit of every byte set so that the byte has an odd number of ones."""
    return bytes(byte ^ 1 if byte.bit_count() % 2 == 0 else byte for byte in key)
