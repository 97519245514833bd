"""Basic Access Control, the card's end (9303-11, 4.3)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from border_agent.crypto.ciphers import SymmetricCipher, cbc_decrypt, cbc_encrypt
from border_agent.crypto.kdf import ENC, MAC, derive
from border_agent.crypto.macs import retail_mac
from border_agent.specimens.chip import card_apdu as sw
from border_agent.specimens.chip.card_apdu import Refusal
from border_agent.specimens.chip.card_messaging import CardMessaging

_TDES = SymmetricCipher.TDES


class CardBac:
    """One chip's basic access: its challenge is good for one answer."""

    def __init__(self, mrz_information: str, random: Callable[[int], bytes]) -> None:
        seed = hashlib.sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()[:16]
        self._encryption = derive(seed, ENC, _TDES)
        self._authentication = derive(seed, MAC, _TDES)
        self._random = random
        self._challenge = b""

    def challenge(self) -> bytes:
        """RND.IC, eight bytes."""
        self._challenge = self._random(8)
        return self._challenge

    def authenticate(self, data: bytes) -> tuple[bytes, CardMessaging]:
        """EXTERNAL AUTHENTICATE: the answer and the new session. Raises `Refusal`."""
        challenge, self._challenge = self._challenge, b""
        if not challenge:
            raise Refusal(sw.CONDITIONS)
        if len(data) != 40:
            raise Refusal(sw.WRONG_LENGTH)
        cryptogram, checksum = data[:32], data[32:]
        if not hmac.compare_digest(retail_mac(self._authentication, cryptogram), checksum):
            raise Refusal(sw.NOT_ALLOWED)
        plain = cbc_decrypt(_TDES, self._encryption, bytes(8), cryptogram)
        terminal, seen, terminal_key = plain[:8], plain[8:16], plain[16:]
        if not hmac.compare_digest(seen, challenge):
            raise Refusal(sw.NOT_ALLOWED)
        key = self._random(16)
        answer = cbc_encrypt(_TDES, self._encryption, bytes(8), challenge + terminal + key)
        secret = bytes(a ^ b for a, b in zip(terminal_key, key, strict=True))
        session = CardMessaging(_TDES, secret, challenge[4:] + terminal[4:])
        return answer + retail_mac(self._authentication, answer), session
