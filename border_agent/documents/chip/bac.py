"""Basic Access Control, Doc 9303-11 section 4.3: mutual authentication with a key from the document's lines.

Both sides prove to know the key by encrypting the other's random number; 3DES and the retail MAC throughout.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Final

from border_agent.crypto.ciphers import SymmetricCipher, cbc_decrypt, cbc_encrypt
from border_agent.crypto.kdf import ENC, MAC, derive
from border_agent.crypto.macs import MAC_SIZE, retail_mac
from border_agent.documents.chip.apdu import CommandApdu
from border_agent.documents.chip.errors import AccessRefused, ChipProtocolError, Reason
from border_agent.documents.chip.messaging import SecureMessaging
from border_agent.documents.chip.session import ChipSession

_CHALLENGE: Final = 8
_KEYING: Final = 16
_CRYPTOGRAM: Final = 32
_CIPHER: Final = SymmetricCipher.TDES
_IV: Final = bytes(8)


def bac_seed(mrz_information: str) -> bytes:
    """The seed of both access keys: 16 bytes (Doc 9303-11 4.3.2)."""
    return hashlib.sha1(mrz_information.encode("latin-1", "replace"), usedforsecurity=False).digest()[:_KEYING]


def establish_bac(session: ChipSession, mrz_information: str, random: Callable[[int], bytes] = os.urandom) -> None:
    """Log in and turn secure messaging on.

    `mrz_information` has the whole document number where it is longer than nine characters. `random` gives that many
    bytes; it is asked for the terminal's challenge (8), then for its keying material (16).

    Raises `AccessRefused` where the chip does not take the key, `ChipProtocolError` where it does not prove to know
    it either.
    """
    seed = bac_seed(mrz_information)
    k_enc, k_mac = derive(seed, ENC, _CIPHER), derive(seed, MAC, _CIPHER)
    rnd_ic = _challenge(session)
    rnd_ifd, k_ifd = random(_CHALLENGE), random(_KEYING)
    cryptogram = cbc_encrypt(_CIPHER, k_enc, _IV, rnd_ifd + rnd_ic + k_ifd)
    command = CommandApdu(0x00, 0x82, 0, 0, cryptogram + retail_mac(k_mac, cryptogram), _CRYPTOGRAM + MAC_SIZE)
    response = session.send(command)
    where = "EXTERNAL AUTHENTICATE"
    if not response.ok:
        raise AccessRefused(where, reason=Reason.status_word, sw=response.sw)
    if len(response.data) != _CRYPTOGRAM + MAC_SIZE:
        raise ChipProtocolError(where, f"{len(response.data)} bytes", reason=Reason.length)
    answer, checksum = response.data[:_CRYPTOGRAM], response.data[_CRYPTOGRAM:]
    if not hmac.compare_digest(checksum, retail_mac(k_mac, answer)):
        raise ChipProtocolError(where, reason=Reason.mac)
    plain = cbc_decrypt(_CIPHER, k_enc, _IV, answer)
    if not hmac.compare_digest(plain[8:16], rnd_ifd):
        raise ChipProtocolError(where, reason=Reason.rnd_ifd)
    if not hmac.compare_digest(plain[:8], rnd_ic):
        raise ChipProtocolError(where, reason=Reason.rnd_ic)
    shared = bytes(left ^ right for left, right in zip(k_ifd, plain[16:], strict=True))
    counter = int.from_bytes(rnd_ic[4:] + rnd_ifd[4:], "big")
    session.messaging = SecureMessaging(_CIPHER, derive(shared, ENC, _CIPHER), derive(shared, MAC, _CIPHER), counter)


def _challenge(session: ChipSession) -> bytes:
    where = "GET CHALLENGE"
    response = session.send(CommandApdu(0x00, 0x84, 0, 0, ne=_CHALLENGE))
    if not response.ok:
        raise ChipProtocolError(where, reason=Reason.status_word, sw=response.sw)
    if len(response.data) != _CHALLENGE:
        raise ChipProtocolError(where, f"{len(response.data)} bytes", reason=Reason.length)
    return response.data
