"""Ciphers, padding, codes and key derivation."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.crypto.ciphers import SymmetricCipher, cbc_decrypt, cbc_encrypt, ecb_block, pad, unpad
from border_agent.crypto.errors import PaddingError
from border_agent.crypto.kdf import ENC, MAC, PACE, derive, odd_parity
from border_agent.crypto.macs import MAC_SIZE, cmac8, mac, retail_mac

ciphers = st.sampled_from(SymmetricCipher)


@given(ciphers, st.binary(max_size=200), st.data())
def test_what_is_encrypted_comes_back(cipher: SymmetricCipher, text: bytes, data: st.DataObject) -> None:
    key = data.draw(st.binary(min_size=cipher.key_size, max_size=cipher.key_size))
    iv = data.draw(st.binary(min_size=cipher.block, max_size=cipher.block))
    encrypted = cbc_encrypt(cipher, key, iv, pad(text, cipher.block))
    assert len(encrypted) % cipher.block == 0
    assert unpad(cbc_decrypt(cipher, key, iv, encrypted)) == text


@given(st.binary(max_size=100), st.sampled_from([8, 16]))
def test_padding_always_adds_and_comes_off(data: bytes, block: int) -> None:
    padded = pad(data, block)
    assert len(padded) % block == 0 and 1 <= len(padded) - len(data) <= block
    assert unpad(padded) == data


@pytest.mark.parametrize("data", [b"", b"\x00" * 8, b"\x01", b"\x80\x01", b"\x40" + b"\x00" * 7])
def test_what_is_not_padded_is_refused(data: bytes) -> None:
    with pytest.raises(PaddingError):
        unpad(data)


@pytest.mark.parametrize("cipher", SymmetricCipher)
def test_keys_and_blocks_of_other_lengths_are_mistakes(cipher: SymmetricCipher) -> None:
    key, block = bytes(cipher.key_size), bytes(cipher.block)
    for broken in (key[:-1], key + b"\x00"):
        with pytest.raises(ValueError):
            cbc_encrypt(cipher, broken, block, block)
    with pytest.raises(ValueError):
        ecb_block(cipher, key, block + block)
    with pytest.raises(ValueError):
        cbc_decrypt(cipher, key, block, block[:-1])


def test_aes_and_3des_are_those_of_their_standards() -> None:
    # FIPS 197 appendix C.1 to C.3
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    for cipher, result in (
        (SymmetricCipher.AES128, "69c4e0d86a7b0430d8cdb78070b4c55a"),
        (SymmetricCipher.AES192, "dda97ca4864cdfe06eaf70a0ec0d7191"),
        (SymmetricCipher.AES256, "8ea2b7ca516745bfeafc49904b496089"),
    ):
        assert ecb_block(cipher, bytes(range(cipher.key_size)), plain).hex() == result
    # with K1 = K2 it is single DES: FIPS 81's "Now is t"
    key = bytes.fromhex("0123456789abcdef") * 2
    assert ecb_block(SymmetricCipher.TDES, key, b"Now is t").hex() == "3fa40e8a984d4815"


def test_codes_are_those_of_their_standards() -> None:
    # RFC 4493, examples 1 and 2: the first eight bytes
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert cmac8(key, b"").hex() == "bb1d6929e9593728"
    assert cmac8(key, bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == "070a16b46b4d4144"


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=60))
def test_the_retail_mac_is_des_over_all_and_3des_over_the_last(key: bytes, data: bytes) -> None:
    chain = bytes(8)
    blocks = pad(data, 8)
    for position in range(0, len(blocks), 8):
        mixed = bytes(left ^ right for left, right in zip(chain, blocks[position : position + 8], strict=True))
        last = position + 8 == len(blocks)
        chain = ecb_block(SymmetricCipher.TDES, key if last else key[:8] * 2, mixed)
    assert retail_mac(key, data) == mac(SymmetricCipher.TDES, key, data) == chain


@pytest.mark.parametrize("cipher", SymmetricCipher)
def test_every_cipher_has_a_code_of_eight_bytes(cipher: SymmetricCipher) -> None:
    assert len(mac(cipher, bytes(cipher.key_size), b"Utopia")) == MAC_SIZE


@pytest.mark.parametrize("cipher", SymmetricCipher)
def test_keys_have_the_length_of_their_cipher_and_differ_by_counter(cipher: SymmetricCipher) -> None:
    keys = {derive(b"secret", counter, cipher) for counter in (ENC, MAC, PACE)}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {cipher.key_size}


def test_derivation_hashes_secret_and_counter() -> None:
    short, long = hashlib.sha1(b"k\x00\x00\x00\x02").digest(), hashlib.sha256(b"k\x00\x00\x00\x02").digest()
    assert derive(b"k", MAC, SymmetricCipher.AES128) == short[:16]
    assert derive(b"k", MAC, SymmetricCipher.AES192) == long[:24]
    assert derive(b"k", MAC, SymmetricCipher.AES256) == long
    assert derive(b"k", MAC, SymmetricCipher.TDES) == odd_parity(short[:16])


@given(st.binary(max_size=32))
def test_parity_changes_nothing_but_the_lowest_bits(key: bytes) -> None:
    adjusted = odd_parity(key)
    assert all(byte.bit_count() % 2 for byte in adjusted)
    assert all(before | 1 == after | 1 for before, after in zip(key, adjusted, strict=True))
