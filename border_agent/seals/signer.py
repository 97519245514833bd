"""Who signs: a certificate and the private key that should belong to it.

Consulates sign on the centre's tools; here are the signer those tools hand to `encode_visa`, and fictional
ones for specimens, training and tests. Specimen signers never enter a production trust list.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from border_agent.seals.certificates import certificate_reference
from border_agent.seals.errors import SealUnwritable


@dataclass(frozen=True)
class VisaSigner:
    """A signer's certificate (X.509, DER) and an EC private key.

    That both belong together is not checked: a forger's do not, and specimens need forgers.
    """

    certificate: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def reference(self) -> str:
        """The certificate reference a seal's header carries, 10 hexadecimal digits."""
        return certificate_reference(self.certificate)

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256 as raw r||s, each as long as the curve's order."""
        r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        size = (self.key.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def make_signer(
    *,
    country: str = "UT",
    name: str = "Specimen visa signer",
    not_before: datetime.date,
    not_after: datetime.date,
    digital_signature: bool = True,
) -> VisaSigner:
    """A fictional signer: a new P-256 key and a certificate for it, signed by itself.

    `country` is two letters (UT: Utopia), both days are included. Without `digital_signature` the
    certificate's key usage forbids what it is for. Raises `SealUnwritable` on values no certificate can
    have.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    try:
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, country),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SPECIMEN"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime.combine(not_before, datetime.time.min))
            .not_valid_after(datetime.datetime.combine(not_after, datetime.time(23, 59, 59)))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=digital_signature,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=not digital_signature,
                    key_cert_sign=False,
                    crl_sign=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(key, hashes.SHA256())
        )
    except ValueError as error:
        raise SealUnwritable("certificate", str(error)) from error
    return VisaSigner(certificate.public_bytes(serialization.Encoding.DER), key)
