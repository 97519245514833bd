"""Points of a curve: addition, multiplication by any base point, and their bytes.

Multiplication runs in Jacobian coordinates (X/Z², Y/Z³) over a signed sliding window (wNAF), a sum of products over
all its windows at once; one inversion at the end. It is not in constant time: see the package.
"""

from __future__ import annotations

from typing import Final

from border_agent.crypto.curves import Curve
from border_agent.crypto.errors import PointError

Point = tuple[int, int] | None
"""Affine coordinates; None is the point at infinity."""

_Jacobian = tuple[int, int, int]
_INFINITY: Final[_Jacobian] = (1, 1, 0)
_WINDOW: Final = 5
"""Bits of a window: eight odd multiples of each base point are kept, one addition falls on six doublings."""


def on_curve(curve: Curve, point: Point) -> bool:
    """Whether both coordinates are reduced and satisfy the equation. Infinity lies on every curve."""
    if point is None:
        return True
    x, y = point
    if not (0 <= x < curve.p and 0 <= y < curve.p):
        return False
    return (y * y - (x * x + curve.a) * x - curve.b) % curve.p == 0


def add(curve: Curve, left: Point, right: Point) -> Point:
    """The sum of two points of the curve (not checked to lie on it)."""
    if left is None or right is None:
        return right if left is None else left
    p = curve.p
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % p == 0:
            return None
        slope = (3 * x1 * x1 + curve.a) * pow(2 * y1, -1, p) % p
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, p) % p
    x = (slope * slope - x1 - x2) % p
    return x, (slope * (x1 - x) - y1) % p


def multiply(curve: Curve, scalar: int, point: Point) -> Point:
    """`scalar` times a point of the curve. Whether it lies on it is not checked; `PointError` where it cannot."""
    return multiply_sum(curve, (scalar, point))


def multiply_sum(curve: Curve, *terms: tuple[int, Point]) -> Point:
    """The sum of scalar times point over all terms, for little more than the price of one product."""
    tables: list[list[tuple[int, int]]] = []
    digits: list[list[int]] = []
    for scalar, point in terms:
        if point is not None and scalar % curve.n:
            tables.append(_odd_multiples(curve, point))
            digits.append(_wnaf(scalar % curve.n))
    total = _INFINITY
    p = curve.p
    for position in range(max(map(len, digits), default=0) - 1, -1, -1):
        total = _double(curve, total)
        for table, windows in zip(tables, digits, strict=True):
            digit = windows[position] if position < len(windows) else 0
            if digit > 0:
                total = _add_affine(curve, total, table[digit >> 1])
            elif digit < 0:
                x, y = table[-digit >> 1]
                total = _add_affine(curve, total, (x, p - y))
    return _affine(curve, total)


def _wnaf(scalar: int) -> list[int]:
    """Signed digits, least significant first: each 0 or odd and below 2^(window-1) in size, few of them not 0."""
    digits: list[int] = []
    whole, half = 1 << _WINDOW, 1 << (_WINDOW - 1)
    while scalar:
        digit = 0
        if scalar & 1:
            digit = scalar & (whole - 1)
            if digit >= half:
                digit -= whole
            scalar -= digit
        digits.append(digit)
        scalar >>= 1
    return digits


def _odd_multiples(curve: Curve, point: tuple[int, int]) -> list[tuple[int, int]]:
    """1, 3, 5 … times a point, affine: one inversion for all of them (Montgomery's trick)."""
    p = curve.p
    twice = _affine(curve, _double(curve, (*point, 1)))
    if twice is None:
        raise PointError(curve.name, "of a small order")
    jacobian: list[_Jacobian] = [(*point, 1)]
    for _ in range((1 << (_WINDOW - 2)) - 1):
        jacobian.append(_add_affine(curve, jacobian[-1], twice))
    products = [1]
    for _, _, z in jacobian:
        products.append(products[-1] * z % p)
    if products[-1] == 0:
        raise PointError(curve.name, "of a small order")
    inverse = pow(products[-1], -1, p)
    multiples: list[tuple[int, int]] = []
    for (x, y, z), before in zip(reversed(jacobian), reversed(products[:-1]), strict=True):
        one = inverse * before % p
        inverse = inverse * z % p
        square = one * one % p
        multiples.append((x * square % p, y * square * one % p))
    multiples.reverse()
    return multiples


def _double(curve: Curve, point: _Jacobian) -> _Jacobian:
    x, y, z = point
    p = curve.p
    if z == 0 or y == 0:
        return _INFINITY
    yy = y * y % p
    s = 4 * x * yy % p
    zz = z * z % p
    m = 3 * (x - zz) * (x + zz) % p if curve.a == p - 3 else (3 * x * x + curve.a * (zz * zz % p)) % p
    x3 = (m * m - 2 * s) % p
    return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p


def _add_affine(curve: Curve, left: _Jacobian, right: tuple[int, int]) -> _Jacobian:
    x1, y1, z1 = left
    x2, y2 = right
    if z1 == 0:
        return x2, y2, 1
    p = curve.p
    zz = z1 * z1 % p
    h = (x2 * zz - x1) % p
    r = (y2 * zz * z1 - y1) % p
    if h == 0:
        return _double(curve, left) if r == 0 else _INFINITY
    hh = h * h % p
    hhh = h * hh % p
    v = x1 * hh % p
    x3 = (r * r - hhh - 2 * v) % p
    return x3, (r * (v - x3) - y1 * hhh) % p, z1 * h % p


def _affine(curve: Curve, point: _Jacobian) -> Point:
    x, y, z = point
    if z == 0:
        return None
    p = curve.p
    inverse = pow(z, -1, p)
    square = inverse * inverse % p
    return x * square % p, y * square * inverse % p


def encode_point(curve: Curve, point: Point) -> bytes:
    """Uncompressed: 04, x, y (TR-03111 3.2.1). Raises `PointError` for infinity."""
    if point is None:
        raise PointError(curve.name, "infinity")
    return b"\x04" + point[0].to_bytes(curve.size, "big") + point[1].to_bytes(curve.size, "big")


def decode_point(curve: Curve, data: bytes) -> tuple[int, int]:
    """A point of the curve, uncompressed (04) or compressed (02, 03).

    Raises `PointError` for infinity, another length or form, and anything off the curve.
    """
    size, form = curve.size, data[:1]
    if form == b"\x04" and len(data) == 1 + 2 * size:
        point = (int.from_bytes(data[1 : 1 + size], "big"), int.from_bytes(data[1 + size :], "big"))
        if not on_curve(curve, point):
            raise PointError(curve.name, "not on the curve")
        return point
    if form in (b"\x02", b"\x03") and len(data) == 1 + size:
        return _decompress(curve, int.from_bytes(data[1:], "big"), data[0] & 1)
    if form == b"\x00":
        raise PointError(curve.name, "infinity")
    raise PointError(curve.name, f"{len(data)} bytes that begin with {form.hex() or 'nothing'}")


def _decompress(curve: Curve, x: int, parity: int) -> tuple[int, int]:
    p = curve.p
    if x >= p:
        raise PointError(curve.name, "not on the curve")
    square = ((x * x + curve.a) * x + curve.b) % p
    y = square_root(square, p)
    if y is None:
        raise PointError(curve.name, "not on the curve")
    return x, (y if y & 1 == parity else p - y)


def square_root(square: int, p: int) -> int | None:
    """A square root modulo the prime p, None where there is none (Tonelli and Shanks; one power if p = 3 mod 4)."""
    if p & 3 == 3:
        root = pow(square, (p + 1) >> 2, p)
        return root if root * root % p == square % p else None
    if pow(square, (p - 1) >> 1, p) != 1:
        return 0 if square % p == 0 else None
    odd, twos = p - 1, 0
    while odd & 1 == 0:
        odd, twos = odd >> 1, twos + 1
    other = next(number for number in range(2, p) if pow(number, (p - 1) >> 1, p) == p - 1)
    c, t, root = pow(other, odd, p), pow(square, odd, p), pow(square, (odd + 1) >> 1, p)
    while t != 1:
        order, power = 0, t
        while power != 1:
            power, order = power * power % p, order + 1
        b = pow(c, 1 << (twos - order - 1), p)
        twos, c = order, b * b % p
        t, root = t * c % p, root * b % p
    return root
