"""What is needed of a signer's certificate: its reference, its period, its key usage and its key.

Read with asn1crypto, because `cryptography` refuses some certificates that states really use, and explicit
curve parameters that are not a NIST curve's. Whether to trust one is `border_agent.trust`'s question.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

from asn1crypto import keys, x509
from cryptography.hazmat.primitives.asymmetric import ec

from border_agent.crypto.ecdsa import library_curve
from border_agent.documents.lds.public_keys import EcKey, read_public_key
from border_agent.seals.errors import CertificateUnusable

MAX_CERTIFICATE = 8192
"""Longest certificate looked at, in bytes."""

_REFERENCE = 5


@dataclass(frozen=True)
class SignerCertificate:
    """A certificate that can be used. Both ends of its period are included, times in UTC."""

    reference: str
    subject: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    may_sign: bool
    """Its key usage, if it states one, allows digital signatures."""
    key: ec.EllipticCurvePublicKey


def certificate_reference(der: bytes) -> str:
    """The last five bytes of the certificate's SHA-1, 10 hexadecimal digits. A name, not a protection."""
    return hashlib.sha1(der, usedforsecurity=False).digest()[-_REFERENCE:].hex()


def read_certificate(der: bytes) -> SignerCertificate:
    """Read an X.509 certificate (DER) with an EC key. Raises `CertificateUnusable`, and nothing else."""
    reference = certificate_reference(der)
    if len(der) > MAX_CERTIFICATE:
        raise CertificateUnusable(reference, f"{len(der)} bytes")
    try:
        certificate = x509.Certificate.load(der, strict=True)
        period = certificate["tbs_certificate"]["validity"]
        usage = certificate.key_usage_value
        return SignerCertificate(
            reference=reference,
            subject=certificate.subject.human_friendly,
            not_before=period["not_before"].native,
            not_after=period["not_after"].native,
            may_sign=usage is None or "digital_signature" in usage.native,
            key=_public_key(reference, certificate.public_key),
        )
    except CertificateUnusable:
        raise
    except Exception as error:
        # The parser is lazy and answers hostile bytes with whatever its internals raise (ValueError,
        # TypeError, KeyError, OverflowError, ...): one broken certificate must not stop a scan over a trust
        # list.
        raise CertificateUnusable(reference, f"{type(error).__name__}") from error


def _public_key(reference: str, info: keys.PublicKeyInfo) -> ec.EllipticCurvePublicKey:
    key = read_public_key(reference, info.dump())
    if not isinstance(key, EcKey) or key.point is None:
        raise CertificateUnusable(reference, f"key of kind {key}")
    curve = library_curve(key.curve)
    if curve is None:
        raise CertificateUnusable(reference, f"curve that is not supported: {key.curve.name}")
    return ec.EllipticCurvePublicNumbers(*key.point, curve).public_key()
