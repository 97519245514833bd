"""Active Authentication, Doc 9303-11 section 6.1: the chip signs a random number with the key of DG15.

RSA: ISO/IEC 9796-2 scheme 1 with partial recovery. The signature gives back a header, what the chip chose (M1), a
hash and a trailer; the hash is over M1 and the terminal's number. ECDSA: a plain signature (TR-03111) of the number.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable
from typing import Final

from border_agent.crypto.ecdsa import read_der, read_plain, verify_ecdsa
from border_agent.documents.chip.apdu import LONG_ANSWER, SHORT_ANSWER, CommandApdu
from border_agent.documents.chip.chip_authentication import ChipProof, ProofMethod
from border_agent.documents.chip.errors import ChipCloned, Reason, Unsupported
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.public_keys import EcKey, PublicKey, RsaKey
from border_agent.documents.lds.security_infos import ActiveAuthenticationInfo, SecurityInfo

WHERE: Final = "active authentication"
CHALLENGE: Final = 8
LONGEST_MODULUS: Final = 8192
LONGEST_EXPONENT: Final = 64
"""Bits; beyond either one verification takes longer than a traveller has time for."""
_LONGEST_SIGNATURE: Final = LONGEST_MODULUS // 8

_TRAILERS: Final = {0x33: "sha1", 0x34: "sha256", 0x35: "sha512", 0x36: "sha384", 0x38: "sha224"}
"""Hash identifiers of ISO/IEC 10118-3, before CC. The trailer BC alone is SHA-1 in eMRTDs."""
_PLAIN_ECDSA: Final = {
    f"0.4.0.127.0.7.1.1.4.1.{number}": name
    for number, name in ((1, "sha1"), (2, "sha224"), (3, "sha256"), (4, "sha384"), (5, "sha512"))
}
"""Signature algorithms of TR-03111 5.2.1.1, as ActiveAuthenticationInfo names them."""
_BY_SIZE: Final = ((512, "sha512"), (384, "sha384"), (256, "sha256"), (224, "sha224"), (0, "sha1"))


def authenticate_active(
    session: ChipSession,
    key: PublicKey,
    infos: Iterable[SecurityInfo] = (),
    *,
    random: Callable[[int], bytes] = os.urandom,
) -> ChipProof:
    """Have the chip sign a random number and verify it.

    `key` is DG15's, `infos` DG14's: they name the hash of an ECDSA key. Raises `Unsupported` for another kind of key
    or hash, `ChipCloned` where the chip refuses or its signature does not hold.
    """
    hashes = _ecdsa_hashes(key, infos) if isinstance(key, EcKey) else ()
    _check(key)
    challenge = random(CHALLENGE)
    response = session.send(CommandApdu(0x00, 0x88, 0, 0, challenge, _answer_size(session, key)))
    if not response.ok:
        raise ChipCloned(WHERE, reason=Reason.status_word, sw=response.sw)
    signature = response.data
    if not 0 < len(signature) <= _LONGEST_SIGNATURE:
        raise ChipCloned(WHERE, f"{len(signature)} bytes", reason=Reason.length)
    if isinstance(key, RsaKey):
        algorithm = verify_rsa(key.n, key.e, signature, challenge)
    else:
        assert isinstance(key, EcKey)
        algorithm = _verify_ecdsa(key, hashes, signature, challenge)
    if algorithm is None:
        raise ChipCloned(WHERE, reason=Reason.signature)
    return ChipProof(ProofMethod.ACTIVE_AUTHENTICATION, f"{key}, {algorithm}")


def verify_rsa(n: int, e: int, signature: bytes, challenge: bytes) -> str | None:
    """The hash of an ISO/IEC 9796-2 scheme 1 signature with partial recovery that holds, None where it does not.

    The representative may be the power or its complement to n: the smaller of both was signed (ISO/IEC 9796-2 B.6).
    """
    size = (n.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= n:
        return None
    power = pow(number, e, n)
    for representative in (power, n - power):
        algorithm = _verify_recovered(representative.to_bytes(size, "big"), challenge)
        if algorithm is not None:
            return algorithm
    return None


def _verify_recovered(recovered: bytes, challenge: bytes) -> str | None:
    """Header, M1, hash, trailer (ISO/IEC 9796-2 section 8), as long as the modulus: no shorter string counts."""
    if recovered[-1] == 0xBC:
        algorithm, trailer = "sha1", 1
    elif recovered[-1] == 0xCC and recovered[-2] in _TRAILERS:
        algorithm, trailer = _TRAILERS[recovered[-2]], 2
    else:
        return None
    start = _message_start(recovered)
    end = len(recovered) - trailer - hashlib.new(algorithm, usedforsecurity=False).digest_size
    if start is None or end < start:
        return None
    digest = hashlib.new(algorithm, recovered[start:end] + challenge, usedforsecurity=False).digest()
    return algorithm if hmac.compare_digest(digest, recovered[end:-trailer]) else None


def _message_start(recovered: bytes) -> int | None:
    """Where M1 begins: after 6A, or 6B BB … BA where padding fills up. Another header is no partial recovery."""
    if recovered[0] == 0x6A:
        return 1
    if recovered[0] != 0x6B:
        return None
    position = 1
    while position < len(recovered) and recovered[position] == 0xBB:
        position += 1
    return position + 1 if position < len(recovered) and recovered[position] == 0xBA else None


def _verify_ecdsa(key: EcKey, hashes: tuple[str, ...], signature: bytes, challenge: bytes) -> str | None:
    pairs = []
    for read in (read_plain, read_der):  # plain by the standard; some chips write DER (Portuguese ones)
        try:
            pairs.append(read(signature))
        except ValueError:
            continue
    for algorithm in hashes:
        digest = hashlib.new(algorithm, challenge, usedforsecurity=False).digest()
        if any(verify_ecdsa(key.curve, key.point, digest, r, s) for r, s in pairs):
            return algorithm
    return None


def _ecdsa_hashes(key: EcKey, infos: Iterable[SecurityInfo]) -> tuple[str, ...]:
    """The hash DG14 names. Where it names none: the longest that the key's order has room for, then shorter ones."""
    named = [info.signature_algorithm for info in infos if isinstance(info, ActiveAuthenticationInfo)]
    if not named:
        return tuple(name for size, name in _BY_SIZE if size <= key.curve.n.bit_length())
    known = tuple(_PLAIN_ECDSA[oid] for oid in named if oid in _PLAIN_ECDSA)
    if not known:
        raise Unsupported(WHERE, named[0], reason=Reason.key)
    return known


def _check(key: PublicKey) -> None:
    if isinstance(key, RsaKey):
        if key.n.bit_length() > LONGEST_MODULUS or key.e.bit_length() > LONGEST_EXPONENT or key.n < 1 << 511:
            raise Unsupported(WHERE, str(key), reason=Reason.key)
    elif not isinstance(key, EcKey):
        raise Unsupported(WHERE, str(key), reason=Reason.key)


def _answer_size(session: ChipSession, key: PublicKey) -> int:
    """A long signature does not fit a short answer; a chip with such a key takes extended length (9303-11 6.1)."""
    if isinstance(key, RsaKey) and (key.n.bit_length() + 7) // 8 > session.largest_answer(SHORT_ANSWER):
        return LONG_ANSWER
    return SHORT_ANSWER
