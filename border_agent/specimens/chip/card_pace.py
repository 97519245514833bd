"""Password Authenticated Connection Establishment, the card's end (9303-11, 4.4), step by step."""

from __future__ import annotations

import hashlib
import hmac

from border_agent.crypto.ciphers import cbc_encrypt, ecb_block, pad
from border_agent.crypto.kdf import PACE, derive
from border_agent.crypto.macs import mac
from border_agent.documents.tlv import write_tlv
from border_agent.specimens.chip import card_apdu as sw
from border_agent.specimens.chip.agreement import Domain, Element, Random
from border_agent.specimens.chip.card_apdu import Refusal
from border_agent.specimens.chip.card_mapping import mapped, nonce_size
from border_agent.specimens.chip.card_messaging import CardMessaging
from border_agent.specimens.chip.der import oid_content
from border_agent.specimens.chip.oids import pace_oid
from border_agent.specimens.chip.profile import Mapping, PaceOffer

MRZ, CAN = 1, 2
"""Password references (9303-11, table 9)."""


def mrz_secret(mrz_information: str) -> bytes:
    """K from the MRZ: SHA-1 of number, birth and expiry with their check digits."""
    return hashlib.sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()


class CardPace:
    """One run. Steps must come in their order; whatever goes wrong ends it."""

    def __init__(self, offer: PaceOffer, secret: bytes, random: Random, mapping_key: bytes = b"") -> None:
        """`secret`: K of the password. `mapping_key`: static scalar for Chip Authentication Mapping."""
        self._offer = offer
        self._random = random
        self._password = derive(secret, PACE, offer.cipher)
        self._static = int.from_bytes(mapping_key, "big")
        self._domain = Domain.standard(offer.parameter_id)
        self._step = 0
        self._nonce = b""
        self._mapping_private = 0
        self._ours: Element = 0
        self._theirs: Element = 0
        self._session: CardMessaging | None = None

    def answer(self, objects: dict[int, bytes]) -> tuple[bytes, CardMessaging | None]:
        """Dynamic authentication data in, and out; the session comes with the last. Raises `Refusal`."""
        step, self._step = self._step, self._step + 1
        if step == 0 and not objects:
            return self._encrypted_nonce(), None
        if step == 1 and list(objects) == [0x81]:
            return self._map(objects[0x81]), None
        if step == 2 and list(objects) == [0x83]:
            return self._agree(objects[0x83]), None
        if step == 3 and list(objects) == [0x85]:
            return self._prove(objects[0x85]), self._session
        raise Refusal(sw.CONDITIONS if step > 3 else sw.BAD_DATA)

    def _encrypted_nonce(self) -> bytes:
        cipher = self._offer.cipher
        size = nonce_size(cipher) if self._offer.mapping is Mapping.INTEGRATED else 16
        self._nonce = self._random(size)
        return write_tlv(0x80, cbc_encrypt(cipher, self._password, bytes(cipher.block), self._nonce))

    def _map(self, data: bytes) -> bytes:
        if self._offer.mapping is Mapping.INTEGRATED:
            generator = mapped(self._domain, self._offer.cipher, self._nonce, data)
            self._domain = self._domain.with_generator(generator)
            return write_tlv(0x82, b"")
        domain = self._domain
        theirs = domain.decode(data)
        self._mapping_private = domain.private(self._random)
        ours = domain.public(self._mapping_private)
        shared = domain.power(theirs, self._mapping_private)
        base = domain.power(domain.generator, int.from_bytes(self._nonce, "big"))
        self._domain = domain.with_generator(domain.combine(base, shared))
        return write_tlv(0x82, domain.encode(ours))

    def _agree(self, data: bytes) -> bytes:
        self._theirs = self._domain.decode(data)
        private = self._domain.private(self._random)
        self._ours = self._domain.public(private)
        if self._ours == self._theirs:
            raise Refusal(sw.BAD_DATA)
        self._session = CardMessaging(self._offer.cipher, self._domain.secret(private, self._theirs))
        return write_tlv(0x84, self._domain.encode(self._ours))

    def _prove(self, token: bytes) -> bytes:
        assert self._session is not None
        if not hmac.compare_digest(self._token(self._ours), token):
            raise Refusal(sw.NOT_VERIFIED)
        out = write_tlv(0x86, self._token(self._theirs))
        if self._offer.mapping is Mapping.CHIP_AUTHENTICATION:
            out += write_tlv(0x8A, self._authentication_data(self._session))
        return out

    def _token(self, key: Element) -> bytes:
        """The checksum over the other side's public key."""
        assert self._session is not None
        public = write_tlv(0x86 if self._domain.is_curve else 0x84, self._domain.encode(key))
        oid = write_tlv(0x06, oid_content(pace_oid(self._offer)))
        return mac(self._offer.cipher, self._session.authentication, write_tlv(0x7F49, oid + public))

    def _authentication_data(self, session: CardMessaging) -> bytes:
        """CA.IC, which ties the mapping's ephemeral key to the static one (9303-11, 4.4.3.3.3 and 4.4.3.5)."""
        order = self._domain.order
        scalar = pow(self._static, -1, order) * self._mapping_private % order
        size = (order.bit_length() + 7) // 8
        vector = ecb_block(self._offer.cipher, session.encryption, b"\xff" * 16)
        return cbc_encrypt(self._offer.cipher, session.encryption, vector, pad(scalar.to_bytes(size, "big"), 16))
