"""Whether one certificate's key made one seal's signature. Nothing else: see `border_agent.trust`."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from border_agent.seals.certificates import SignerCertificate, read_certificate
from border_agent.seals.errors import CertificateUnusable
from border_agent.seals.types import IdbSeal, SealedVisa, SignatureCheck

_HASHES: dict[int, hashes.HashAlgorithm] = {1: hashes.SHA256(), 2: hashes.SHA384(), 3: hashes.SHA512()}


def verify_signature(seal: SealedVisa | IdbSeal, certificate_der: bytes) -> bool:
    """Whether the certificate's key made the signature. False too for no signature or an unusable
    certificate."""
    return check_signature(seal, certificate_der) is SignatureCheck.GOOD


def check_signature(seal: SealedVisa | IdbSeal, certificate_der: bytes) -> SignatureCheck:
    """As `verify_signature`, telling a bad signature from a certificate that cannot be used. Never raises."""
    try:
        certificate = read_certificate(certificate_der)
    except CertificateUnusable:
        return SignatureCheck.CERTIFICATE_UNUSABLE
    return SignatureCheck.GOOD if signed_by(seal, certificate) else SignatureCheck.BAD


def signed_by(seal: SealedVisa | IdbSeal, certificate: SignerCertificate) -> bool:
    """Whether this certificate's key made the signature."""
    algorithm = _HASHES.get(seal.algorithm)
    size = (certificate.key.curve.key_size + 7) // 8
    if algorithm is None or len(seal.signature) != 2 * size:
        return False
    r = int.from_bytes(seal.signature[:size], "big")
    s = int.from_bytes(seal.signature[size:], "big")
    try:
        certificate.key.verify(utils.encode_dss_signature(r, s), seal.signed_bytes, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True
