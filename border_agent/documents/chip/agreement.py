"""Diffie-Hellman for PACE and Chip Authentication: one face for curves and for groups modulo a prime.

An element is a point or a number. Reading one checks it: on the curve and not infinity, or in the subgroup where its
order is known. `cryptography` multiplies the standard base point where it knows the curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from secrets import randbelow
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from border_agent.crypto.curves import Curve
from border_agent.crypto.ecdsa import library_curve
from border_agent.crypto.errors import CryptoError, GroupError
from border_agent.crypto.groups import ModpGroup, write_public
from border_agent.crypto.points import add, decode_point, encode_point, multiply

LONGEST_PRIME: Final = 4096
"""Bits of a prime: beyond it one agreement takes longer than a traveller has time for."""
_LONGEST_EXPONENT: Final = 512
"""Bits of a private exponent: twice the strength of the longest prime, and more than that."""

Element = tuple[int, int] | int
Private = Callable[[int], int]
"""Gives a private key for an order n: 1 to n - 1."""


def random_private(order: int) -> int:
    return 1 + randbelow(order - 1)


@dataclass(frozen=True)
class EcDomain:
    """A curve with a base point."""

    curve: Curve
    base: tuple[int, int]

    @property
    def order(self) -> int:
        return self.curve.n

    @property
    def name(self) -> str:
        return self.curve.name

    def public(self, private: int) -> Element:
        if self.base == self.curve.base and (known := library_curve(self.curve)) is not None:
            try:
                numbers = ec.derive_private_key(private, known).public_key().public_numbers()
            except (ValueError, UnsupportedAlgorithm):
                pass  # a build of OpenSSL without this curve
            else:
                return numbers.x, numbers.y
        return self.times(private, self.base)

    def times(self, scalar: int, element: Element) -> Element:
        """Raises `CryptoError` where the product is infinity."""
        assert isinstance(element, tuple)
        point = multiply(self.curve, scalar, element)
        if point is None:
            raise GroupError(self.name, "infinity")
        return point

    def combine(self, left: Element, right: Element) -> Element:
        """Raises `CryptoError` where the sum is infinity."""
        assert isinstance(left, tuple) and isinstance(right, tuple)
        point = add(self.curve, left, right)
        if point is None:
            raise GroupError(self.name, "infinity")
        return point

    def secret(self, private: int, element: Element) -> bytes:
        """What keys are derived from: the x coordinate of the product, as long as the field (9303-11 9.6)."""
        assert isinstance(element, tuple)
        if (known := library_curve(self.curve)) is not None:
            try:
                theirs = ec.EllipticCurvePublicNumbers(*element, known).public_key()
                return ec.derive_private_key(private, known).exchange(ec.ECDH(), theirs)
            except (ValueError, UnsupportedAlgorithm):
                pass
        product = self.times(private, element)
        assert isinstance(product, tuple)
        return product[0].to_bytes(self.curve.size, "big")

    def write(self, element: Element) -> bytes:
        assert isinstance(element, tuple)
        return encode_point(self.curve, element)

    def read(self, data: bytes) -> Element:
        """Uncompressed only, as 9303-11 9.4.5 has it. Raises `CryptoError`."""
        if data[:1] not in (b"\x04", b"\x00"):
            raise GroupError(self.name, "a point that is not uncompressed")
        return decode_point(self.curve, data)

    def with_base(self, base: Element) -> EcDomain:
        assert isinstance(base, tuple)
        return replace(self, base=base)


@dataclass(frozen=True)
class DhDomain:
    """A prime p and a generator, of order q where that is known."""

    name: str
    p: int
    base: int
    q: int | None

    @property
    def size(self) -> int:
        return (self.p.bit_length() + 7) // 8

    @property
    def order(self) -> int:
        """What private keys stay below; cut where the order is unknown or longer than strength asks for."""
        return min(self.q or self.p - 1, 1 << _LONGEST_EXPONENT)

    def public(self, private: int) -> Element:
        return pow(self.base, private, self.p)

    def times(self, scalar: int, element: Element) -> Element:
        assert isinstance(element, int)
        return pow(element, scalar, self.p)

    def combine(self, left: Element, right: Element) -> Element:
        """Raises `CryptoError` where the product is 1."""
        assert isinstance(left, int) and isinstance(right, int)
        product = left * right % self.p
        if product == 1:
            raise GroupError(self.name, "the neutral element")
        return product

    def secret(self, private: int, element: Element) -> bytes:
        """The power, as long as the prime."""
        assert isinstance(element, int)
        return pow(element, private, self.p).to_bytes(self.size, "big")

    def write(self, element: Element) -> bytes:
        assert isinstance(element, int)
        return write_public(element)

    def read(self, data: bytes) -> Element:
        """Raises `CryptoError`."""
        if len(data) > self.size:
            raise GroupError(self.name, f"{len(data)} bytes")
        return self.checked(int.from_bytes(data, "big"))

    def checked(self, y: int) -> int:
        """RFC 2631 2.1.5: in range, and in the subgroup where its order is known. Raises `CryptoError`."""
        if not 1 < y < self.p - 1:
            raise GroupError(self.name, "out of range")
        if self.q is not None and pow(y, self.q, self.p) != 1:
            raise GroupError(self.name, "in a small subgroup")
        return y

    def with_base(self, base: Element) -> DhDomain:
        assert isinstance(base, int)
        return replace(self, base=base)


Domain = EcDomain | DhDomain


def domain_of(parameters: Curve | ModpGroup) -> Domain:
    """The domain of standardised parameters, with their own base."""
    if isinstance(parameters, Curve):
        return EcDomain(parameters, parameters.base)
    return DhDomain(parameters.name, parameters.p, parameters.g, parameters.q)


__all__ = [
    "LONGEST_PRIME",
    "CryptoError",
    "DhDomain",
    "Domain",
    "EcDomain",
    "Element",
    "Private",
    "domain_of",
    "random_private",
]
