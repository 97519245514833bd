"""Signers' certificates: explicit curve parameters, other keys, and what is broken."""

from __future__ import annotations

import datetime

import pytest
from asn1crypto import core, keys, x509
from cryptography import x509 as pyca
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from msgspec import structs
from seal_samples import content, signer

from border_agent.crypto.curves import CURVES, Curve, curve_by_oid, curve_of_parameters
from border_agent.crypto.ecdsa import library_curve
from border_agent.seals import (
    CertificateUnusable,
    SignatureCheck,
    VisaSigner,
    check_signature,
    decode_seal,
    encode_visa,
    read_certificate,
)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


KNOWN_CURVES = [(known, curve) for known in CURVES if (curve := library_curve(known)) is not None]


def certificate_for(key: Key) -> bytes:
    name = pyca.Name([pyca.NameAttribute(NameOID.COUNTRY_NAME, "UT")])
    builder = pyca.CertificateBuilder(name, name, key.public_key(), 7)
    builder = builder.not_valid_before(datetime.datetime(2026, 1, 1)).not_valid_after(datetime.datetime(2030, 1, 1))
    signed = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def with_explicit_curve(der: bytes, known: Curve, *, compressed: bool = False) -> bytes:
    """The same certificate with its curve written out; its own signature is then wrong, which nobody looks
    at."""
    size = (known.p.bit_length() + 7) // 8
    x, y = known.x.to_bytes(size, "big"), known.y.to_bytes(size, "big")
    base = bytes((2 + known.y % 2,)) + x if compressed else b"\x04" + x + y
    domain = keys.SpecifiedECDomain(
        {
            "version": "ecdpVer1",
            "field_id": {"field_type": "prime_field", "parameters": core.Integer(known.p)},
            "curve": {"a": known.a.to_bytes(size, "big"), "b": known.b.to_bytes(size, "big")},
            "base": base,
            "order": known.n,
        }
    )
    certificate = x509.Certificate.load(der)
    info = certificate["tbs_certificate"]["subject_public_key_info"]
    info["algorithm"]["parameters"] = keys.ECDomainParameters("specified", domain)
    return certificate.dump(force=True)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(("known", "curve"), KNOWN_CURVES, ids=lambda value: getattr(value, "name", ""))
def test_explicit_parameters_of_every_known_curve(known: Curve, curve: ec.EllipticCurve, compressed: bool) -> None:
    key = ec.generate_private_key(curve)
    der = with_explicit_curve(certificate_for(key), known, compressed=compressed)
    certificate = read_certificate(der)
    assert certificate.key.curve.name == curve.name and certificate.may_sign
    visa = decode_seal(encode_visa(content(), VisaSigner(der, key)).encode())
    assert check_signature(visa, der) is SignatureCheck.GOOD


def test_a_curve_that_differs_in_one_number_is_refused() -> None:
    for known, curve in KNOWN_CURVES:
        fields = {field: getattr(known, field) for field in ("p", "a", "b", "x", "y", "n")}
        assert curve_of_parameters(**fields) is known
        for field in fields:
            assert curve_of_parameters(**(fields | {field: fields[field] + 2})) is None
        key = ec.generate_private_key(curve)
        forged = structs.replace(known, y=known.p - known.y)
        with pytest.raises(CertificateUnusable):
            read_certificate(with_explicit_curve(certificate_for(key), forged))
        with pytest.raises(CertificateUnusable):
            read_certificate(with_explicit_curve(certificate_for(key), forged, compressed=True))


def test_named_curves() -> None:
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.BrainpoolP256R1(), ec.BrainpoolP512R1()):
        key = ec.generate_private_key(curve)
        der = certificate_for(key)
        assert read_certificate(der).key.curve.name == curve.name
        visa = decode_seal(encode_visa(content(), VisaSigner(der, key)).encode())
        assert check_signature(visa, der) is SignatureCheck.GOOD
    assert curve_by_oid("1.3.132.0.10") is None


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.SECP224R1()),
    ],
    ids=["rsa", "ed25519", "secp256k1", "secp224r1"],
)
def test_keys_of_other_kinds(key: Key) -> None:
    with pytest.raises(CertificateUnusable) as caught:
        read_certificate(certificate_for(key))
    assert caught.value.code == "seal.certificate_unusable"


def test_a_point_that_is_not_on_the_curve() -> None:
    certificate = x509.Certificate.load(signer().certificate)
    info = certificate["tbs_certificate"]["subject_public_key_info"]
    info["public_key"] = b"\x04" + bytes(63) + b"\x07"
    with pytest.raises(CertificateUnusable):
        read_certificate(certificate.dump(force=True))


def test_a_certificate_cut_anywhere_is_refused() -> None:
    der = signer().certificate
    for length in range(len(der)):
        with pytest.raises(CertificateUnusable):
            read_certificate(der[:length])
    with pytest.raises(CertificateUnusable):
        read_certificate(der + b"\x00")
