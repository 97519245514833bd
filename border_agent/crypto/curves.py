"""Named curves, and the domain parameters of PACE by number.

The numbers in `curves.json` are those of FIPS 186-4 (SEC 2) and RFC 5639. Some states write their curve out as
numbers: such parameters are taken for a named curve only if the prime, both coefficients, the base point and its
order are all that curve's; anything else could be a curve made for forging.
"""

from __future__ import annotations

from importlib import resources
from types import MappingProxyType
from typing import Final

import msgspec

from border_agent.crypto.groups import GROUPS, ModpGroup


class Curve(msgspec.Struct, frozen=True):
    """y² = x³ + ax + b over the integers modulo the prime p, with a base point (x, y) of prime order n.

    The cofactor `h` is 1 on every curve here, so each point but infinity has order n: no small subgroups.
    """

    name: str
    oid: str
    p: int
    a: int
    b: int
    x: int
    y: int
    n: int
    h: int = 1

    @property
    def size(self) -> int:
        """Bytes of one coordinate."""
        return (self.p.bit_length() + 7) // 8

    @property
    def base(self) -> tuple[int, int]:
        return self.x, self.y


class _Row(msgspec.Struct, frozen=True):
    name: str
    oid: str
    p: str
    a: str
    b: str
    x: str
    y: str
    n: str


def _load() -> tuple[Curve, ...]:
    data = resources.files(__package__).joinpath("curves.json").read_bytes()
    rows = msgspec.json.decode(data, type=list[_Row])
    return tuple(
        Curve(row.name, row.oid, *(int(number, 16) for number in (row.p, row.a, row.b, row.x, row.y, row.n)))
        for row in rows
    )


CURVES: Final = _load()
"""secp192r1 to secp521r1 and brainpoolP192r1 to brainpoolP512r1."""

_BY_NAME: Final = {curve.name: curve for curve in CURVES}
_BY_OID: Final = {curve.oid: curve for curve in CURVES}
_BY_NUMBERS: Final = {(curve.p, curve.a, curve.b, curve.x, curve.y, curve.n): curve for curve in CURVES}


def curve_by_name(name: str) -> Curve | None:
    """The curve of a name as RFC 5639 or SEC 2 writes it, None for one that is not here."""
    return _BY_NAME.get(name)


def curve_by_oid(oid: str) -> Curve | None:
    """The curve of a dotted object identifier, None for one that is not here."""
    return _BY_OID.get(oid)


def curve_of_parameters(p: int, a: int, b: int, x: int, y: int, n: int) -> Curve | None:
    """The named curve all of whose parameters these are, None otherwise. Coefficients are reduced first."""
    if p <= 0:
        return None
    return _BY_NUMBERS.get((p, a % p, b % p, x, y, n))


_PACE_NAMES: Final = {
    0: "modp1024_160",
    1: "modp2048_224",
    2: "modp2048_256",
    8: "secp192r1",
    9: "brainpoolP192r1",
    10: "secp224r1",
    11: "brainpoolP224r1",
    12: "secp256r1",
    13: "brainpoolP256r1",
    14: "brainpoolP320r1",
    15: "secp384r1",
    16: "brainpoolP384r1",
    17: "brainpoolP512r1",
    18: "secp521r1",
}

PACE_PARAMETERS: Final[MappingProxyType[int, Curve | ModpGroup]] = MappingProxyType(
    {number: _BY_NAME.get(name) or GROUPS[name] for number, name in _PACE_NAMES.items()}
)
"""Standardised domain parameters, Doc 9303-11 table 6. Numbers 3 to 7 and from 19 on are reserved."""
