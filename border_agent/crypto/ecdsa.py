"""ECDSA on any curve: `cryptography` where it knows the curve, own arithmetic otherwise."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from border_agent.crypto.curves import Curve
from border_agent.crypto.points import Point, multiply, multiply_sum, on_curve

_KNOWN: Final[dict[str, ec.EllipticCurve]] = {
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
_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {
    one.digest_size: one
    for one in (hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())  # noqa: S303
}


def library_curve(curve: Curve) -> ec.EllipticCurve | None:
    """The same curve in `cryptography`, None where it has none."""
    return _KNOWN.get(curve.name)


def verify_ecdsa(curve: Curve, public: Point, digest: bytes, r: int, s: int) -> bool:
    """Whether (r, s) is a signature of `digest` (FIPS 186-4 6.4); False for a key off the curve."""
    if public is None or not on_curve(curve, public) or not (0 < r < curve.n and 0 < s < curve.n):
        return False
    known, algorithm = library_curve(curve), _HASHES.get(len(digest))
    if known is not None and algorithm is not None:
        try:
            key = ec.EllipticCurvePublicNumbers(*public, known).public_key()
            key.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(utils.Prehashed(algorithm)))
        except InvalidSignature:
            return False
        except (ValueError, UnsupportedAlgorithm):
            pass  # a build of OpenSSL without this curve or hash
        else:
            return True
    inverse = pow(s, -1, curve.n)
    u1, u2 = _leftmost(curve, digest) * inverse % curve.n, r * inverse % curve.n
    point = multiply_sum(curve, (u1, curve.base), (u2, public))
    return point is not None and point[0] % curve.n == r


def sign_ecdsa(curve: Curve, private: int, digest: bytes) -> tuple[int, int]:
    """A signature whose secret number comes from key and digest (RFC 6979): the same each time. For specimens."""
    for k in _nonces(curve, private, digest):
        point = multiply(curve, k, curve.base)
        r = point[0] % curve.n if point is not None else 0
        s = pow(k, -1, curve.n) * (_leftmost(curve, digest) + r * private) % curve.n
        if r and s:
            return r, s
    raise AssertionError("the nonces never end")


def read_plain(data: bytes) -> tuple[int, int]:
    """r and s side by side in equal halves (TR-03111 5.2.1). `ValueError` for an odd number of bytes or none."""
    if not data or len(data) % 2:
        raise ValueError("no two equal halves")
    half = len(data) // 2
    return int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big")


def write_plain(curve: Curve, r: int, s: int) -> bytes:
    size = (curve.n.bit_length() + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def read_der(data: bytes) -> tuple[int, int]:
    """An Ecdsa-Sig-Value. `ValueError` where it is none."""
    return utils.decode_dss_signature(data)


def write_der(r: int, s: int) -> bytes:
    return utils.encode_dss_signature(r, s)


def _leftmost(curve: Curve, digest: bytes) -> int:
    """The leftmost bits of a digest, as many as the order has."""
    return int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.n.bit_length())


def _nonces(curve: Curve, private: int, digest: bytes) -> Iterator[int]:
    """RFC 6979 section 3.2, with the hash that made the digest (by its size; SHA-256 for an unusual one)."""
    algorithm = _HASHES.get(len(digest), hashes.SHA256()).name
    size = (curve.n.bit_length() + 7) // 8

    def keyed(key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, algorithm)

    width = hashlib.new(algorithm, usedforsecurity=False).digest_size
    seed = private.to_bytes(size, "big") + (_leftmost(curve, digest) % curve.n).to_bytes(size, "big")
    key, value = bytes(width), b"\x01" * width
    for separator in (b"\x00", b"\x01"):
        key = keyed(key, value + separator + seed)
        value = keyed(key, value)
    while True:
        stream = b""
        while len(stream) < size:
            value = keyed(key, value)
            stream += value
        k = _leftmost(curve, stream[:size])
        if 0 < k < curve.n:
            yield k
        key = keyed(key, value + b"\x00")
        value = keyed(key, value)
