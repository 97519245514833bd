"""Signatures: own arithmetic and the library verify each other's; the reproducible ones are those of RFC 6979."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given
from hypothesis import strategies as st

from border_agent.crypto import ecdsa
from border_agent.crypto.curves import CURVES, Curve, curve_by_name
from border_agent.crypto.ecdsa import (
    library_curve,
    read_der,
    read_plain,
    sign_ecdsa,
    verify_ecdsa,
    write_der,
    write_plain,
)
from border_agent.crypto.points import multiply

P256 = curve_by_name("secp256r1")
assert P256 is not None
KNOWN = [curve for curve in CURVES if library_curve(curve) is not None]
ALGORITHMS = {"sha1": hashes.SHA1(), "sha224": hashes.SHA224(), "sha256": hashes.SHA256(), "sha512": hashes.SHA512()}


@pytest.fixture(params=["library", "own"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to verify: the second as on a machine whose library knows no curve."""
    if request.param == "own":
        monkeypatch.setattr(ecdsa, "library_curve", lambda curve: None)
    return str(request.param)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_a_signature_holds_and_nothing_else_does(way: str, curve: Curve, algorithm: str) -> None:
    private = curve.n // 5
    public = multiply(curve, private, curve.base)
    digest = hashlib.new(algorithm, b"Utopia").digest()
    r, s = sign_ecdsa(curve, private, digest)
    assert verify_ecdsa(curve, public, digest, r, s)
    assert not verify_ecdsa(curve, public, digest, r, s + 1)
    assert not verify_ecdsa(curve, public, digest, r + 1, s)
    assert not verify_ecdsa(curve, public, hashlib.new(algorithm, b"utopia").digest(), r, s)
    assert not verify_ecdsa(curve, curve.base, digest, r, s)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("curve", KNOWN, ids=lambda curve: curve.name)
def test_the_library_takes_ours_and_we_take_theirs(way: str, curve: Curve, algorithm: str) -> None:
    private = curve.n // 7
    key = ec.derive_private_key(private, ecdsa._KNOWN[curve.name])
    digest = hashlib.new(algorithm, b"Utopia").digest()
    way_of_digest = ec.ECDSA(utils.Prehashed(ALGORITHMS[algorithm]))
    key.public_key().verify(write_der(*sign_ecdsa(curve, private, digest)), digest, way_of_digest)
    theirs = key.sign(digest, way_of_digest)
    assert verify_ecdsa(curve, multiply(curve, private, curve.base), digest, *read_der(theirs))
    with pytest.raises(InvalidSignature):
        key.public_key().verify(theirs, digest[::-1], way_of_digest)


@pytest.mark.parametrize("curve", KNOWN, ids=lambda curve: curve.name)
def test_the_secret_number_is_that_of_rfc_6979(curve: Curve) -> None:
    known = library_curve(curve)
    assert known is not None
    private, digest = curve.n // 11, hashlib.sha256(b"sample").digest()
    theirs = ec.derive_private_key(private, known).sign(
        digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)
    )
    assert read_der(theirs) == sign_ecdsa(curve, private, digest)


def test_numbers_out_of_range_and_keys_off_the_curve_do_not_hold(way: str) -> None:
    curve = P256
    assert curve is not None
    digest = bytes(32)
    public = multiply(curve, 5, curve.base)
    r, s = sign_ecdsa(curve, 5, digest)
    assert verify_ecdsa(curve, public, digest, r, s)
    for bad in ((0, s), (r, 0), (-r, s), (r + curve.n, s), (r, s + curve.n), (curve.n, curve.n)):
        assert not verify_ecdsa(curve, public, digest, *bad)
    assert not verify_ecdsa(curve, None, digest, r, s)
    assert not verify_ecdsa(curve, (curve.x, curve.y + 1), digest, r, s)


@given(st.binary(max_size=70), st.integers(0, 2**260), st.integers(0, 2**260))
def test_any_digest_and_any_numbers_get_an_answer(digest: bytes, r: int, s: int) -> None:
    curve = P256
    assert curve is not None
    assert verify_ecdsa(curve, curve.base, digest, r, s) in (True, False)


def test_an_unusual_digest_length_can_be_signed_and_verified() -> None:
    for curve in CURVES:
        public = multiply(curve, 9, curve.base)
        r, s = sign_ecdsa(curve, 9, b"\x17" * 25)
        assert verify_ecdsa(curve, public, b"\x17" * 25, r, s)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_plain_signatures_have_two_halves(curve: Curve) -> None:
    encoded = write_plain(curve, 1, curve.n - 1)
    assert len(encoded) == 2 * ((curve.n.bit_length() + 7) // 8)
    assert read_plain(encoded) == (1, curve.n - 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_signature_or_a_value_error(data: bytes) -> None:
    for read in (read_plain, read_der):
        try:
            r, s = read(data)
        except ValueError:
            continue
        assert isinstance(r, int) and isinstance(s, int)
