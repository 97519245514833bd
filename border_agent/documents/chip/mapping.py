"""From the chip's nonce to a new generator, Doc 9303-11 section 4.4.3.3: what makes PACE proof against guessing.

Generic mapping: a first Diffie-Hellman gives H, and the generator becomes s·G + H (g^s · h). Integrated mapping: both
nonces go through a pseudo-random function into the field, and from there onto the curve or into the group. Both sides
of the protocol use these functions.
"""

from __future__ import annotations

from typing import Final

from border_agent.crypto.ciphers import SymmetricCipher, cbc_encrypt
from border_agent.crypto.curves import Curve
from border_agent.crypto.errors import GroupError
from border_agent.documents.chip.agreement import DhDomain, Domain, EcDomain, Element

_C0_SHORT: Final = bytes.fromhex("a668892a7c41e3ca739f40b057d85904")
_C1_SHORT: Final = bytes.fromhex("a4e136ac725f738b01c1f60217c188ad")
_C0_LONG: Final = bytes.fromhex("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676")
_C1_LONG: Final = bytes.fromhex("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517")
"""Constants of Doc 9303-11 4.4.3.3.2, for nonces of 128 and of 256 bits."""
_MARGIN: Final = 64
"""Bits beyond the field's, so that the remainder is as good as uniform."""


def nonce_size(cipher: SymmetricCipher) -> int:
    """Bytes of the chip's nonce s in the integrated mapping: whole AES blocks that hold a key."""
    return 16 if cipher.key_size == 16 else 32


def map_generic(domain: Domain, s: bytes, shared: Element) -> Domain:
    """The domain with the generator s·G + H. Raises `CryptoError` where that generates nothing."""
    return domain.with_base(domain.combine(domain.times(int.from_bytes(s, "big"), domain.base), shared))


def map_integrated(domain: Domain, cipher: SymmetricCipher, s: bytes, t: bytes) -> Domain:
    """The domain with the generator f(R(s, t)). `s`: `nonce_size` bytes; `t`: as many as a key has.

    Raises `CryptoError` where that generates nothing, or the curve's prime is not 3 modulo 4.
    """
    if isinstance(domain, EcDomain):
        field = pseudo_random(cipher, s, t, domain.curve.p)
        return domain.with_base(encode_to_curve(domain.curve, field))
    return domain.with_base(_encode_to_group(domain, pseudo_random(cipher, s, t, domain.p)))


def pseudo_random(cipher: SymmetricCipher, s: bytes, t: bytes, p: int) -> int:
    """R_p(s, t): the cipher in CBC mode with IV 0, keyed by t, then by its own output, until the field is filled."""
    if len(s) != nonce_size(cipher) or len(t) != cipher.key_size:
        raise GroupError("nonce", f"{len(s)} and {len(t)} bytes")
    c0, c1 = (_C0_SHORT, _C1_SHORT) if len(s) == len(_C0_SHORT) else (_C0_LONG, _C1_LONG)
    iv = bytes(cipher.block)
    key = cbc_encrypt(cipher, t, iv, s)
    output = b""
    while 8 * len(output) < p.bit_length() + _MARGIN:
        key = key[: cipher.key_size]
        output += cbc_encrypt(cipher, key, iv, c1)
        key = cbc_encrypt(cipher, key, iv, c0)
    return int.from_bytes(output, "big") % p


def encode_to_curve(curve: Curve, t: int) -> tuple[int, int]:
    """A field element as a point: the simplified encoding of Brier et al., Doc 9303-11 appendix B.2.

    Of two candidates for x one always lies on the curve; one power tells which and gives y as well. Raises
    `CryptoError` where the prime is not 3 modulo 4 (secp224r1), or for the few elements without a point.
    """
    p = curve.p
    if p & 3 != 3:
        raise GroupError(curve.name, "no integrated mapping: the prime is not 3 modulo 4")
    alpha = -t * t % p
    both = (alpha + alpha * alpha) % p
    if both == 0:
        raise GroupError(curve.name, "an element without a point")
    x2 = -curve.b * (1 + both) * pow(curve.a * both, -1, p) % p
    h2 = (x2 * x2 * x2 + curve.a * x2 + curve.b) % p
    root = pow(h2, p - 1 - (p + 1) // 4, p)
    if root * root * h2 % p == 1:
        return x2, root * h2 % p
    return alpha * x2 % p, root * (t * t * t * h2) % p


def _encode_to_group(domain: DhDomain, x: int) -> int:
    """x to the power of the cofactor lies in the subgroup. Raises `CryptoError` where it is 1, or 0."""
    if domain.q is None:
        raise GroupError(domain.name, "of unknown order")
    element = pow(x, (domain.p - 1) // domain.q, domain.p)
    if element < 2:
        raise GroupError(domain.name, "the neutral element")
    return element
