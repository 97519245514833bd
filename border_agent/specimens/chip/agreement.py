"""Key agreement over standardised domain parameters, curves and prime groups alike, as the card does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from border_agent.crypto.curves import PACE_PARAMETERS, Curve
from border_agent.crypto.errors import GroupError, PointError
from border_agent.crypto.groups import ModpGroup, read_public, write_public
from border_agent.crypto.points import add, decode_point, encode_point, multiply
from border_agent.specimens.chip import card_apdu as sw
from border_agent.specimens.chip.card_apdu import Refusal

Random = Callable[[int], bytes]
"""Gives so many bytes; a test may give those of a worked example."""
Element = tuple[int, int] | int
"""A point of a curve or a member of a group."""

_SPARE = 8  # bytes more than the order has, so that taking the remainder favours no scalar


@dataclass(frozen=True)
class Domain:
    """A group with a generator, which PACE replaces by a mapped one."""

    group: Curve | ModpGroup
    generator: Element

    @classmethod
    def standard(cls, parameter_id: int) -> Domain:
        """By its number in 9303-11, table 6."""
        group = PACE_PARAMETERS[parameter_id]
        return cls(group, (group.x, group.y) if isinstance(group, Curve) else group.g)

    @property
    def order(self) -> int:
        return self.group.n if isinstance(self.group, Curve) else self.group.q

    @property
    def is_curve(self) -> bool:
        return isinstance(self.group, Curve)

    @property
    def size(self) -> int:
        """Bytes of a coordinate or of a member."""
        return self.group.size

    def private(self, random: Random) -> int:
        """A private key from 1 to the order less one; takes eight bytes more than the order has."""
        size = (self.order.bit_length() + 7) // 8
        return int.from_bytes(random(size + _SPARE), "big") % (self.order - 1) + 1

    def public(self, private: int) -> Element:
        """The public key over this generator."""
        return self.power(self.generator, private)

    def power(self, element: Element, scalar: int) -> Element:
        """Multiple of a point, power of a member. Raises `Refusal` where that is the neutral element."""
        if isinstance(self.group, Curve):
            assert isinstance(element, tuple)
            point = multiply(self.group, scalar, element)
            if point is None:
                raise Refusal(sw.BAD_DATA)
            return point
        assert isinstance(element, int)
        return pow(element, scalar, self.group.p)

    def combine(self, one: Element, other: Element) -> Element:
        """Sum of points, product of members; raises `Refusal` on the neutral element."""
        if isinstance(self.group, Curve):
            assert isinstance(one, tuple)
            assert isinstance(other, tuple)
            point = add(self.group, one, other)
            if point is None:
                raise Refusal(sw.BAD_DATA)
            return point
        assert isinstance(one, int)
        assert isinstance(other, int)
        return one * other % self.group.p

    def encode(self, element: Element) -> bytes:
        """A public key as it travels: an uncompressed point, or an unsigned integer in the fewest bytes."""
        if isinstance(self.group, Curve):
            assert isinstance(element, tuple)
            return encode_point(self.group, element)
        assert isinstance(element, int)
        return write_public(element)

    def decode(self, data: bytes) -> Element:
        """The terminal's public key, checked; raises `Refusal` 6A80."""
        try:
            if isinstance(self.group, Curve):
                return decode_point(self.group, data)
            return read_public(self.group, data)
        except (PointError, GroupError) as error:
            raise Refusal(sw.BAD_DATA) from error

    def secret(self, private: int, theirs: Element) -> bytes:
        """The shared secret: the x coordinate, or the member, in full length."""
        shared = self.power(theirs, private)
        return (shared[0] if isinstance(shared, tuple) else shared).to_bytes(self.size, "big")

    def with_generator(self, generator: Element) -> Domain:
        return Domain(self.group, generator)
