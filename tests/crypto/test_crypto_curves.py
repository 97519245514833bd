"""Every constant is proved, not believed: curves, base points, orders, and what a library says of the same curve."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from border_agent.crypto.curves import (
    CURVES,
    PACE_PARAMETERS,
    Curve,
    curve_by_name,
    curve_by_oid,
    curve_of_parameters,
)
from border_agent.crypto.ecdsa import library_curve
from border_agent.crypto.groups import GROUPS
from border_agent.crypto.points import add, multiply, on_curve

NAMES = [
    *("secp192r1", "secp224r1", "secp256r1", "secp384r1", "secp521r1"),
    *(f"brainpoolP{bits}r1" for bits in (192, 224, 256, 320, 384, 512)),
]


def probably_prime(number: int) -> bool:
    """Fermat to a few bases: the constants are published ones, a slip of the pen is what is looked for."""
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11, 13))


def test_all_curves_are_there() -> None:
    assert [curve.name for curve in CURVES] == NAMES
    assert len({curve.oid for curve in CURVES}) == len(CURVES)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
class TestConstants:
    def test_the_field_and_the_order_are_primes_of_the_size_in_the_name(self, curve: Curve) -> None:
        bits = int("".join(character for character in curve.name[4:-2] if character.isdigit()))
        assert probably_prime(curve.p) and probably_prime(curve.n)
        assert curve.p.bit_length() == curve.n.bit_length() == bits
        assert curve.size == (bits + 7) // 8
        assert abs(curve.p + 1 - curve.n) <= 2 * 2 ** (bits // 2 + 1)  # Hasse: the cofactor is 1
        assert curve.h == 1 and curve.n != curve.p

    def test_the_curve_is_smooth_and_holds_its_base_point(self, curve: Curve) -> None:
        assert (4 * curve.a**3 + 27 * curve.b**2) % curve.p
        assert on_curve(curve, curve.base)

    def test_the_base_point_has_the_order(self, curve: Curve) -> None:
        before = multiply(curve, curve.n - 1, curve.base)  # multiply reduces the scalar: n itself proves nothing
        assert before == (curve.x, curve.p - curve.y)
        assert add(curve, before, curve.base) is None

    def test_the_library_agrees_where_it_knows_the_curve(self, curve: Curve) -> None:
        known = library_curve(curve)
        if known is None:
            assert curve.name not in {"secp256r1", "secp384r1", "secp521r1", "brainpoolP256r1", "brainpoolP384r1"}
            return
        for private in (1, 2, 3, curve.n // 3, curve.n - 1):
            theirs = ec.derive_private_key(private, known).public_key().public_numbers()
            assert multiply(curve, private, curve.base) == (theirs.x, theirs.y)

    def test_it_is_found_by_name_identifier_and_numbers(self, curve: Curve) -> None:
        assert curve_by_name(curve.name) is curve_by_oid(curve.oid) is curve
        numbers = (curve.p, curve.a, curve.b, curve.x, curve.y, curve.n)
        assert curve_of_parameters(*numbers) is curve
        assert curve_of_parameters(curve.p, curve.a - curve.p, *numbers[2:]) is curve
        for place in range(6):
            other = list(numbers)
            other[place] += 1
            assert curve_of_parameters(*other) is None


def test_identifiers_of_the_library() -> None:
    for one in (ec.SECP192R1(), ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        curve = curve_by_name(one.name)
        assert curve is not None
        assert getattr(ec.EllipticCurveOID, one.name.upper()).dotted_string == curve.oid
    for bits in (256, 384, 512):
        curve = curve_by_name(f"brainpoolP{bits}r1")
        assert curve is not None
        assert getattr(ec.EllipticCurveOID, f"BRAINPOOLP{bits}R1").dotted_string == curve.oid


def test_unknown_curves_are_none() -> None:
    assert curve_by_name("secp256k1") is None
    assert curve_by_oid("1.3.132.0.10") is None
    assert curve_of_parameters(0, 0, 0, 0, 0, 0) is None


def test_pace_parameters_are_those_of_table_6() -> None:
    names = {number: parameters.name for number, parameters in PACE_PARAMETERS.items()}
    assert sorted(names) == [0, 1, 2, *range(8, 19)]
    assert [names[number] for number in (0, 1, 2)] == list(GROUPS)
    assert (names[12], names[13], names[18]) == ("secp256r1", "brainpoolP256r1", "secp521r1")
