"""Named curves, by identifier or by explicit parameters.

Some states write their curve out as numbers. Such parameters are taken for a named curve only if the prime,
both coefficients, the base point and its order are all that curve's: anything else could be a curve made
for forging. The numbers in `curves.json` are those of FIPS 186-4 and RFC 5639.
"""

from __future__ import annotations

from importlib import resources

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

_CLASSES: dict[str, ec.EllipticCurve] = {
    curve.name: curve
    for curve in (
        ec.SECP256R1(),
        ec.SECP384R1(),
        ec.SECP521R1(),
        ec.BrainpoolP256R1(),
        ec.BrainpoolP384R1(),
        ec.BrainpoolP512R1(),
    )
}


class _Curve(msgspec.Struct, frozen=True):
    name: str
    oid: str
    p: str
    a: str
    b: str
    x: str
    y: str
    n: str


class CurveParameters(msgspec.Struct, frozen=True):
    """A short Weierstrass curve over a prime field with a base point (x, y) of order n.

    `y` is 0 or 1, its parity, where the base point was written compressed.
    """

    p: int
    a: int
    b: int
    x: int
    y: int
    n: int
    compressed: bool = False


def _load() -> tuple[dict[str, ec.EllipticCurve], list[tuple[CurveParameters, ec.EllipticCurve]]]:
    data = resources.files(__package__).joinpath("curves.json").read_bytes()
    rows = msgspec.json.decode(data, type=list[_Curve])
    by_oid = {row.oid: _CLASSES[row.name] for row in rows}
    by_parameters = [
        (
            CurveParameters(
                p=int(row.p, 16),
                a=int(row.a, 16),
                b=int(row.b, 16),
                x=int(row.x, 16),
                y=int(row.y, 16),
                n=int(row.n, 16),
            ),
            _CLASSES[row.name],
        )
        for row in rows
    ]
    return by_oid, by_parameters


_BY_OID, KNOWN_CURVES = _load()


def curve_of_oid(oid: str) -> ec.EllipticCurve | None:
    """The curve of a dotted object identifier, None for one that is not supported."""
    return _BY_OID.get(oid)


def curve_of_parameters(parameters: CurveParameters) -> ec.EllipticCurve | None:
    """The named curve all of whose parameters these are, None otherwise."""
    for known, curve in KNOWN_CURVES:
        y = known.y % 2 if parameters.compressed else known.y
        same_field = (known.p, known.a, known.b) == (parameters.p, parameters.a, parameters.b)
        if same_field and (known.x, y, known.n) == (parameters.x, parameters.y, parameters.n):
            return curve
    return None
