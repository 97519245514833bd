"""A fictional certificate authority for the demo and the tests. Not for production: see the package.

Files of an authority's folder: `ca.pem`, `ca.key`, and `<name>.pem`, `<name>.key` of each identity. Keys are
P-256, PEM without a password, mode 0600. Asked again for a name, the authority hands out what it made before.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mqtt_schemas.lab.errors import BadLabFiles

LOOPBACK = ("localhost", "127.0.0.1", "::1")
CENTRE = "centre"
"""Common name of the data centre's client certificate: the broker's rules know it by this name."""

_VALID_DAYS = 5 * 365


@dataclass(frozen=True)
class Identity:
    """A certificate, its key and the authority to trust, as files in PEM."""

    name: str
    certificate: Path
    key: Path
    ca: Path

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate's DER bytes, as the device register keeps it."""
        certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        return sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()


class LabAuthority:
    """A fictional certificate authority in a folder; made on first use, found again afterwards.

    Raises BadLabFiles where the folder holds something else under its files' names.
    """

    def __init__(self, folder: Path, name: str = "Borne laboratory (fictional)") -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        folder.mkdir(parents=True, exist_ok=True)
        key_file = folder / "ca.key"
        if not self.ca.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            _write_key(key_file, key)
            self.ca.write_bytes(_pem(_self_signed(name, key)))
        try:
            self._certificate = x509.load_pem_x509_certificate(self.ca.read_bytes())
            loaded = serialization.load_pem_private_key(key_file.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise BadLabFiles(str(folder), str(error)) from None
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise BadLabFiles(str(key_file), "not a P-256 key")
        self._key = loaded

    def server(self, name: str = "broker", hosts: Sequence[str] = LOOPBACK) -> Identity:
        """A server's certificate, valid for `hosts` (names or addresses)."""
        return self._identity(name, ExtendedKeyUsageOID.SERVER_AUTH, hosts)

    def client(self, common_name: str) -> Identity:
        """A client's certificate: the common name is the device id, or `centre`."""
        return self._identity(common_name, ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def _identity(self, name: str, usage: x509.ObjectIdentifier, hosts: Sequence[str]) -> Identity:
        made = Identity(name, self.folder / f"{name}.pem", self.folder / f"{name}.key", self.ca)
        if not (made.certificate.exists() and made.key.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            _write_key(made.key, key)
            made.certificate.write_bytes(_pem(self._sign(name, key.public_key(), usage, hosts)))
        return made

    def _sign(
        self, name: str, public: ec.EllipticCurvePublicKey, usage: x509.ObjectIdentifier, hosts: Sequence[str]
    ) -> x509.Certificate:
        builder = (
            _builder(name, public)
            .issuer_name(self._certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _builder(name: str, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        # A day back: two machines of a laboratory need not agree on the minute.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _self_signed(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    builder = _builder(name, key.public_key())
    return (
        builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Never readable by others, not even between creation and a later chmod.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
