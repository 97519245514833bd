"""Arithmetic on points against its own laws, against a slow textbook, and against hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.crypto.curves import CURVES, Curve, curve_by_name
from border_agent.crypto.errors import CryptoError, PointError
from border_agent.crypto.points import (
    Point,
    add,
    decode_point,
    encode_point,
    multiply,
    multiply_sum,
    on_curve,
    square_root,
)

BRAINPOOL = curve_by_name("brainpoolP256r1")
NIST = curve_by_name("secp192r1")
assert BRAINPOOL is not None and NIST is not None
SOME = (BRAINPOOL, NIST)
curves = st.sampled_from(CURVES)


def negate(curve: Curve, point: Point) -> Point:
    return None if point is None else (point[0], -point[1] % curve.p)


def double_and_add(curve: Curve, scalar: int, point: Point) -> Point:
    total: Point = None
    while scalar:
        if scalar & 1:
            total = add(curve, total, point)
        point = add(curve, point, point)
        scalar >>= 1
    return total


@given(curves, st.data())
def test_multiplication_is_that_of_the_textbook(curve: Curve, data: st.DataObject) -> None:
    scalar = data.draw(st.integers(0, curve.n - 1))
    point = double_and_add(curve, data.draw(st.integers(1, 50)), curve.base)
    assert multiply(curve, scalar, point) == double_and_add(curve, scalar, point)


@pytest.mark.parametrize("curve", SOME, ids=lambda curve: curve.name)
@pytest.mark.parametrize("scalar", [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 2**64 - 1])
def test_small_and_last_scalars(curve: Curve, scalar: int) -> None:
    assert multiply(curve, scalar, curve.base) == double_and_add(curve, scalar, curve.base)
    assert multiply(curve, curve.n - scalar, curve.base) == negate(curve, multiply(curve, scalar, curve.base))
    assert multiply(curve, curve.n + scalar, curve.base) == multiply(curve, scalar, curve.base)


@given(st.integers(0, 2**256), st.integers(0, 2**256))
def test_multiplication_is_additive(left: int, right: int) -> None:
    curve = BRAINPOOL
    assert curve is not None
    apart = add(curve, multiply(curve, left, curve.base), multiply(curve, right, curve.base))
    assert multiply(curve, left + right, curve.base) == apart


@given(st.integers(0, 2**256), st.integers(0, 2**256), st.integers(1, 2**64))
def test_a_sum_is_the_sum_of_its_products(u: int, v: int, other: int) -> None:
    curve = BRAINPOOL
    assert curve is not None
    point = multiply(curve, other, curve.base)
    expected = add(curve, multiply(curve, u, curve.base), multiply(curve, v, point))
    assert multiply_sum(curve, (u, curve.base), (v, point)) == expected


@pytest.mark.parametrize("curve", SOME, ids=lambda curve: curve.name)
def test_infinity_and_opposites(curve: Curve) -> None:
    base = curve.base
    assert add(curve, None, base) == add(curve, base, None) == base
    assert add(curve, None, None) is None
    assert add(curve, base, negate(curve, base)) is None
    assert multiply(curve, 5, None) is None
    assert multiply_sum(curve) is None
    assert multiply_sum(curve, (7, base), (curve.n - 7, base)) is None
    assert multiply_sum(curve, (7, base), (7, base)) == multiply(curve, 14, base)


@given(curves, st.integers(1, 2**64), st.booleans())
def test_points_survive_their_bytes(curve: Curve, scalar: int, compressed: bool) -> None:
    point = multiply(curve, scalar, curve.base)
    assert point is not None
    encoded = encode_point(curve, point)
    if compressed:
        encoded = bytes((2 | (point[1] & 1),)) + encoded[1 : 1 + curve.size]
    assert decode_point(curve, encoded) == point


@given(curves, st.binary(max_size=150))
def test_any_bytes_are_a_point_of_the_curve_or_a_typed_error(curve: Curve, data: bytes) -> None:
    try:
        point = decode_point(curve, data)
    except PointError:
        return
    assert on_curve(curve, point)


@given(curves, st.data())
def test_any_x_is_a_point_of_the_curve_or_a_typed_error(curve: Curve, data: st.DataObject) -> None:
    encoded = data.draw(st.sampled_from([b"\x02", b"\x03"])) + data.draw(
        st.binary(min_size=curve.size, max_size=curve.size)
    )
    try:
        point = decode_point(curve, encoded)
    except PointError:
        return
    assert on_curve(curve, point) and point[1] & 1 == encoded[0] & 1


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_bad_points_are_refused(curve: Curve) -> None:
    good = encode_point(curve, curve.base)
    too_large = b"\x04" + (curve.x + curve.p).to_bytes(curve.size + 1, "big")[-curve.size :] + good[1 + curve.size :]
    for bad in (
        b"",
        b"\x00",
        b"\x04",
        good[:-1],
        good + b"\x00",
        good[:-1] + bytes((good[-1] ^ 1,)),
        b"\x05" + good[1:],
    ):
        with pytest.raises(PointError):
            decode_point(curve, bad)
    if curve.x + curve.p < 256**curve.size:
        with pytest.raises(PointError):
            decode_point(curve, too_large)
    with pytest.raises(PointError):
        encode_point(curve, None)


def test_a_coordinate_that_is_not_reduced_is_off_the_curve() -> None:
    curve = NIST
    assert curve is not None
    assert not on_curve(curve, (curve.x + curve.p, curve.y))
    assert not on_curve(curve, (curve.x, curve.y - curve.p))
    assert on_curve(curve, None)


@given(st.integers(0, 2**200), st.integers(0, 2**200), st.integers(0, 2**200))
def test_a_point_that_lies_on_no_curve_ends_in_a_point_or_a_typed_error(x: int, y: int, scalar: int) -> None:
    curve = NIST
    assert curve is not None
    try:
        multiply(curve, scalar, (x % curve.p, y % curve.p))
    except CryptoError:
        pass


@given(curves, st.integers(0, 2**521))
def test_square_roots(curve: Curve, number: int) -> None:
    root = square_root(number * number % curve.p, curve.p)
    assert root is not None and (root - number) % curve.p * ((root + number) % curve.p) % curve.p == 0
    other = square_root(number, curve.p)
    assert other is None or (other * other - number) % curve.p == 0
