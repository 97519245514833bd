"""PACE's integrated mapping as the card computes it (9303-11, 4.4.3.3.2 and appendix B): no logarithm is known."""

from __future__ import annotations

from border_agent.crypto.ciphers import SymmetricCipher, cbc_encrypt
from border_agent.crypto.curves import Curve
from border_agent.specimens.chip import card_apdu as sw
from border_agent.specimens.chip.agreement import Domain, Element
from border_agent.specimens.chip.card_apdu import Refusal

_CONSTANTS = {
    16: (
        bytes.fromhex("a668892a7c41e3ca739f40b057d85904"),
        bytes.fromhex("a4e136ac725f738b01c1f60217c188ad"),
    ),
    32: (
        bytes.fromhex("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"),
        bytes.fromhex("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"),
    ),
}
"""c0 and c1 by the length of the nonce in bytes."""


def nonce_size(cipher: SymmetricCipher) -> int:
    """Bytes of the nonce for integrated mapping: whole blocks, no shorter than a key."""
    return 32 if cipher.key_size > 16 else 16


def mapped(domain: Domain, cipher: SymmetricCipher, nonce: bytes, terminal_nonce: bytes) -> Element:
    """The new generator; raises `Refusal` 6A80 where there is none."""
    element = _pseudo_random(domain.group.p, cipher, nonce, terminal_nonce)
    if isinstance(domain.group, Curve):
        return _on_curve(domain.group, element)
    cofactor = (domain.group.p - 1) // domain.group.q
    generator = pow(element, cofactor, domain.group.p)
    if generator in (0, 1):
        raise Refusal(sw.BAD_DATA)
    return generator


def _pseudo_random(prime: int, cipher: SymmetricCipher, nonce: bytes, key: bytes) -> int:
    """R(s, t) modulo the prime: enough blocks for 64 bits more than the prime has."""
    if len(key) != cipher.key_size:
        raise Refusal(sw.BAD_DATA)
    c0, c1 = _CONSTANTS[len(nonce)]
    start = bytes(cipher.block)
    state = cbc_encrypt(cipher, key, start, nonce)
    out = b""
    while len(out) * 8 < prime.bit_length() + 64:
        chaining = state[: cipher.key_size]
        out += cbc_encrypt(cipher, chaining, start, c1)
        state = cbc_encrypt(cipher, chaining, start, c0)
    return int.from_bytes(out, "big") % prime


def _on_curve(curve: Curve, t: int) -> tuple[int, int]:
    """The point encoding of appendix B, affine."""
    p, a, b = curve.p, curve.a, curve.b
    alpha = -t * t % p
    denominator = (alpha + alpha * alpha) % p
    if not denominator:
        raise Refusal(sw.BAD_DATA)
    x2 = -b * pow(a, -1, p) * (1 + pow(denominator, -1, p)) % p
    x3 = alpha * x2 % p
    h2 = (pow(x2, 3, p) + a * x2 + b) % p
    u = pow(t, 3, p) * h2 % p
    root = pow(h2, p - 1 - (p + 1) // 4, p)
    if root * root * h2 % p == 1:
        return x2, root * h2 % p
    return x3, root * u % p
