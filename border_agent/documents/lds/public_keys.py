"""Public keys as documents and certificates carry them (RFC 3279, RFC 5480, BSI TR-03111; Doc 9303-11 and -12).

Elliptic-curve parameters may be named, standardised by number (Doc 9303-11 table 6) or written out. Written-out
parameters count only where the prime, both coefficients, the base point and its order are all those of a curve we
know: anything else could be a curve made for forging.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asn1crypto import core

from border_agent.crypto.curves import PACE_PARAMETERS, Curve, curve_by_oid, curve_of_parameters
from border_agent.crypto.groups import ModpGroup
from border_agent.crypto.points import Point, decode_point
from border_agent.documents.lds.asn1 import OPTIONAL, SubjectPublicKeyInfo, bounded, refusing, sequence, unsigned
from border_agent.documents.lds.errors import LdsMalformed, LdsUnsupported

LARGEST_KEY = 4096
"""Longest SubjectPublicKeyInfo looked at, in bytes."""
LARGEST_MODULUS = 8192
"""Longest RSA modulus or MODP prime, in bits: beyond it one verification costs more than a traveller has time for."""
LARGEST_EXPONENT = 33
"""Longest RSA exponent, in bits: F4 in practice; a long one only makes a verification slow."""

_RSA = frozenset({"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10"})
_EC = "1.2.840.10045.2.1"
_DH_X942 = "1.2.840.10046.2.1"
_DH_PKCS3 = "1.2.840.113549.1.3.1"
_STANDARDISED = "0.4.0.127.0.7.1.2"
"""Domain parameters by their number in Doc 9303-11 table 6."""

_RsaPublicKey = sequence("RSAPublicKey", ("n", core.Integer), ("e", core.Integer))
_FieldId = sequence("FieldID", ("kind", core.ObjectIdentifier), ("prime", core.Integer))
_Curve = sequence("Curve", ("a", core.OctetString), ("b", core.OctetString), ("seed", core.OctetBitString, OPTIONAL))
_SpecifiedDomain = sequence(
    "ECParameters",
    ("version", core.Integer),
    ("field", _FieldId),
    ("curve", _Curve),
    ("base", core.OctetString),
    ("order", core.Integer),
    ("cofactor", core.Integer, OPTIONAL),
)
"""X9.62, over a prime field: a binary one fails to parse, as it should."""
_X942Domain = sequence(
    "DomainParameters",
    ("p", core.Integer),
    ("g", core.Integer),
    ("q", core.Integer),
    ("j", core.Integer, OPTIONAL),
    ("validation", core.Any, OPTIONAL),
)
_Pkcs3Domain = sequence("DHParameter", ("p", core.Integer), ("g", core.Integer), ("length", core.Integer, OPTIONAL))


@dataclass(frozen=True)
class RsaKey:
    n: int
    e: int

    def __str__(self) -> str:
        return f"RSA {self.n.bit_length()}"


@dataclass(frozen=True)
class EcKey:
    curve: Curve
    point: Point
    """On the curve, and not its point at infinity."""
    explicit: bool = False
    """The curve was written out instead of named."""

    def __str__(self) -> str:
        return self.curve.name


@dataclass(frozen=True)
class DhKey:
    p: int
    g: int
    q: int | None
    """Order of g, where the key states it."""
    y: int

    def __str__(self) -> str:
        return f"DH {self.p.bit_length()}"


PublicKey = RsaKey | EcKey | DhKey


def read_public_key(where: str, data: bytes) -> PublicKey:
    """A SubjectPublicKeyInfo (DER). Raises `LdsTooLong`, `LdsMalformed`; `LdsUnsupported` for a kind of key, a curve
    or a size that is not used here."""
    bounded(where, data, LARGEST_KEY)
    with refusing(where):
        return _key(where, SubjectPublicKeyInfo.load(data, strict=True))


def _key(where: str, info: Any) -> PublicKey:
    algorithm = info["algorithm"]
    kind: str = algorithm["algorithm"].dotted
    bits: bytes = info["public_key"].native
    if kind in _RSA:
        return _rsa(where, bits)
    if kind == _EC:
        curve, explicit = _curve(where, algorithm)
        return EcKey(curve, decode_point(curve, bits), explicit)
    if kind in (_DH_X942, _DH_PKCS3):
        p, g, q = _dh_parameters(algorithm, kind)
        return _dh(where, p, g, q, unsigned(core.Integer.load(bits, strict=True)))
    if kind == _STANDARDISED:
        return _standardised(where, algorithm["parameters"].parse(core.Integer).native, bits)
    raise LdsUnsupported(where, f"key of kind {kind[:60]}")


def _rsa(where: str, bits: bytes) -> RsaKey:
    pair = _RsaPublicKey.load(bits, strict=True)
    n, e = unsigned(pair["n"]), unsigned(pair["e"])
    if not 1024 <= n.bit_length() <= LARGEST_MODULUS or not 1 < e.bit_length() <= LARGEST_EXPONENT:
        raise LdsUnsupported(where, f"RSA {n.bit_length()} with an exponent of {e.bit_length()} bits")
    if not n & e & 1:
        raise LdsMalformed(where, "even RSA modulus or exponent")
    return RsaKey(n, e)


def _curve(where: str, algorithm: Any) -> tuple[Curve, bool]:
    parameters = algorithm["parameters"]
    encoded: bytes = parameters.dump()
    if encoded[:1] == b"\x06":
        oid: str = parameters.parse(core.ObjectIdentifier).dotted
        curve, explicit, detail = curve_by_oid(oid), False, oid[:60]
    elif encoded[:1] == b"\x02":
        named = PACE_PARAMETERS.get(parameters.parse(core.Integer).native)
        curve, explicit, detail = named if isinstance(named, Curve) else None, False, "by number"
    elif encoded[:1] == b"\x30":
        curve, explicit, detail = _specified(parameters.parse(_SpecifiedDomain)), True, "written out"
    else:
        raise LdsUnsupported(where, "curve neither named nor written out")
    if curve is None:
        raise LdsUnsupported(where, f"unknown curve: {detail}")
    return curve, explicit


def _specified(domain: Any) -> Curve | None:
    """The curve all of whose parameters these are. A compressed base point names its y by parity, and that is
    compared."""
    base: bytes = domain["base"].native
    p = unsigned(domain["field"]["prime"])
    a = int.from_bytes(domain["curve"]["a"].native, "big")
    b = int.from_bytes(domain["curve"]["b"].native, "big")
    n = unsigned(domain["order"])
    width = (p.bit_length() + 7) // 8
    x = int.from_bytes(base[1 : 1 + width], "big")
    if len(base) == 1 + width and base[0] in (2, 3):
        y = _even_odd(p, a, b, x, base[0] & 1)
    elif len(base) == 1 + 2 * width and base[0] == 4:
        y = int.from_bytes(base[1 + width :], "big")
    else:
        return None
    return curve_of_parameters(p, a, b, x, y, n)


def _even_odd(p: int, a: int, b: int, x: int, parity: int) -> int:
    """The y with that parity over x, -1 where there is none. Every prime of a known curve of use here is 3 mod 4, but
    those of secp224r1: written out *and* compressed it is not supported."""
    if p.bit_length() > 521 or p % 4 != 3:
        return -1
    y = pow(x**3 + a * x + b, (p + 1) // 4, p)
    if (y * y - x**3 - a * x - b) % p:
        return -1
    return y if y & 1 == parity else p - y


def _dh_parameters(algorithm: Any, kind: str) -> tuple[int, int, int | None]:
    if kind == _DH_PKCS3:
        pkcs3 = algorithm["parameters"].parse(_Pkcs3Domain)
        return unsigned(pkcs3["p"]), unsigned(pkcs3["g"]), None
    x942 = algorithm["parameters"].parse(_X942Domain)
    return unsigned(x942["p"]), unsigned(x942["g"]), unsigned(x942["q"])


def _dh(where: str, p: int, g: int, q: int | None, y: int) -> DhKey:
    if not 1024 <= p.bit_length() <= LARGEST_MODULUS:
        raise LdsUnsupported(where, f"DH {p.bit_length()}")
    if not (1 < g < p - 1 and 1 < y < p - 1 and p & 1):
        raise LdsMalformed(where, "DH key outside its group")
    return DhKey(p, g, q, y)


def _standardised(where: str, number: int, bits: bytes) -> PublicKey:
    match PACE_PARAMETERS.get(number):
        case Curve() as curve:
            return EcKey(curve, decode_point(curve, bits))
        case ModpGroup() as group:
            return _dh(where, group.p, group.g, group.q, unsigned(core.Integer.load(bits, strict=True)))
        case _:
            raise LdsUnsupported(where, f"domain parameters {number}")
