"""Chip Authentication and Active Authentication, the card's end (9303-11, 6.1 and 6.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from border_agent.crypto.curves import PACE_PARAMETERS, Curve
from border_agent.crypto.ecdsa import sign_ecdsa
from border_agent.specimens.chip import card_apdu as sw
from border_agent.specimens.chip.agreement import Domain
from border_agent.specimens.chip.card_apdu import Refusal
from border_agent.specimens.chip.card_messaging import CardMessaging
from border_agent.specimens.chip.profile import ActiveAuthenticationOffer, ActiveKind, ChipAuthenticationOffer

_TRAILERS = {
    "sha1": b"\xbc",
    "sha224": b"\x38\xcc",
    "sha256": b"\x34\xcc",
    "sha384": b"\x36\xcc",
    "sha512": b"\x35\xcc",
}
"""Ends of an ISO/IEC 9796-2 message representative, by hash."""


def agree(offer: ChipAuthenticationOffer, private: bytes, public: bytes) -> CardMessaging:
    """Chip Authentication: the session under the static key. Raises `Refusal` on a bad public key."""
    domain = Domain.standard(offer.parameter_id)
    return CardMessaging(offer.cipher, domain.secret(int.from_bytes(private, "big"), domain.decode(public)))


def sign(offer: ActiveAuthenticationOffer, key: bytes, challenge: bytes, random: Callable[[int], bytes]) -> bytes:
    """INTERNAL AUTHENTICATE: the signature over the terminal's eight bytes. Raises `Refusal`."""
    if len(challenge) != 8:
        raise Refusal(sw.WRONG_LENGTH)
    if offer.kind is ActiveKind.RSA:
        return _sign_rsa(offer.digest, key, challenge, random)
    curve = PACE_PARAMETERS[offer.parameter_id]
    assert isinstance(curve, Curve)
    r, s = sign_ecdsa(curve, int.from_bytes(key, "big"), hashlib.new(offer.digest, challenge).digest())
    size = (curve.n.bit_length() + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _sign_rsa(digest: str, key: bytes, challenge: bytes, random: Callable[[int], bytes]) -> bytes:
    """ISO/IEC 9796-2, scheme 1, with partial recovery: nonce of the chip inside, the terminal's outside."""
    private = load_der_private_key(key, password=None)
    assert isinstance(private, RSAPrivateKey)
    numbers = private.private_numbers()
    modulus = numbers.public_numbers.n
    size = (modulus.bit_length() + 7) // 8
    trailer = _TRAILERS[digest]
    nonce = random(size - 1 - hashlib.new(digest).digest_size - len(trailer))
    hashed = hashlib.new(digest, nonce + challenge).digest()
    message = b"\x6a" + nonce + hashed + trailer
    return pow(int.from_bytes(message, "big"), numbers.d, modulus).to_bytes(size, "big")
