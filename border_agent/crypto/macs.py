"""Message authentication codes of Doc 9303-11, eight bytes each."""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from border_agent.crypto.ciphers import SymmetricCipher, ecb_block, pad

MAC_SIZE = 8


def retail_mac(key: bytes, data: bytes) -> bytes:
    """ISO/IEC 9797-1 algorithm 3 with DES, IV 0 and padding method 2, which it adds itself. `key`: K1 and K2."""
    blocks = pad(data, 8)
    chain = bytes(8)
    if len(blocks) > 8:
        worker = Cipher(TripleDES(key[:8] * 3), modes.CBC(bytes(8))).encryptor()
        chain = worker.update(blocks[:-8])[-8:]
    last = bytes(left ^ right for left, right in zip(chain, blocks[-8:], strict=True))
    return ecb_block(SymmetricCipher.TDES, key, last)


def cmac8(key: bytes, data: bytes) -> bytes:
    """AES-CMAC (SP 800-38B), its first eight bytes."""
    worker = CMAC(AES(key))
    worker.update(data)
    return worker.finalize()[:MAC_SIZE]


def mac(cipher: SymmetricCipher, key: bytes, data: bytes) -> bytes:
    """The code that goes with a cipher. Neither wants padding from the caller."""
    return retail_mac(key, data) if cipher is SymmetricCipher.TDES else cmac8(key, data)
