"""The block ciphers of Doc 9303-11: two-key 3DES and AES, in CBC mode without padding, and the padding apart."""

from __future__ import annotations

from enum import StrEnum

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from border_agent.crypto.errors import PaddingError


class SymmetricCipher(StrEnum):
    TDES = "3des"
    AES128 = "aes-128"
    AES192 = "aes-192"
    AES256 = "aes-256"

    @property
    def block(self) -> int:
        """Bytes of a block."""
        return 8 if self is SymmetricCipher.TDES else 16

    @property
    def key_size(self) -> int:
        """Bytes of a key: 3DES with two keys, K1 and K2."""
        return _KEY_SIZES[self]


_KEY_SIZES = {
    SymmetricCipher.TDES: 16,
    SymmetricCipher.AES128: 16,
    SymmetricCipher.AES192: 24,
    SymmetricCipher.AES256: 32,
}


def _algorithm(cipher: SymmetricCipher, key: bytes) -> TripleDES | algorithms.AES:
    if len(key) != cipher.key_size:
        raise ValueError(f"a key of {cipher} has {cipher.key_size} bytes")
    return TripleDES(key + key[:8]) if cipher is SymmetricCipher.TDES else algorithms.AES(key)


def cbc_encrypt(cipher: SymmetricCipher, key: bytes, iv: bytes, data: bytes) -> bytes:
    """`data` has whole blocks, `iv` one block; `ValueError` otherwise."""
    worker = Cipher(_algorithm(cipher, key), modes.CBC(iv)).encryptor()
    return worker.update(data) + worker.finalize()


def cbc_decrypt(cipher: SymmetricCipher, key: bytes, iv: bytes, data: bytes) -> bytes:
    """`data` has whole blocks, `iv` one block; `ValueError` otherwise."""
    worker = Cipher(_algorithm(cipher, key), modes.CBC(iv)).decryptor()
    return worker.update(data) + worker.finalize()


def ecb_block(cipher: SymmetricCipher, key: bytes, block: bytes) -> bytes:
    """One block, encrypted."""
    if len(block) != cipher.block:
        raise ValueError(f"a block of {cipher} has {cipher.block} bytes")
    return cbc_encrypt(cipher, key, bytes(cipher.block), block)


def pad(data: bytes, block: int) -> bytes:
    """ISO/IEC 9797-1 padding method 2: 80, then 00 up to a whole block; always at least one byte."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def unpad(data: bytes) -> bytes:
    """What stood before the padding. Raises `PaddingError`."""
    stripped = data.rstrip(b"\x00")
    if not stripped.endswith(b"\x80"):
        raise PaddingError("plaintext", "no padding")
    return stripped[:-1]
