"""The issuing authority: what signs devices' certificates, and the data centre's own.

Files of the folder `pki/`: `issuing.key` (mode 0600), `issuing.pem`, `root.pem`. The root's key is on the offline
machine and signs the issuing authority's certificate, nothing else; a pilot has it here as `root.key`. A P-384 or
P-256 key, either way. What is issued is written here and nowhere else: of a signing request only key and names count.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mqtt_schemas.centre.errors import BadAuthority
from mqtt_schemas.certificates import device_urn, host_name

FOLDER = "pki"
DAYS = 4 * 365 + 1
"""A certificate's life: renewed after two years, so that a device may stand two more in a cupboard."""
LEAST_DAYS = 30
"""An authority that ends sooner issues nothing more."""
ROOT_DAYS = 25 * 365
ISSUING_DAYS = 15 * 365
_BACKDATED = timedelta(days=1)
"""A device whose clock is a little behind must not find a certificate of the future."""


class Authority:
    """An issuing authority with its key at hand."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, issuing: x509.Certificate, root: x509.Certificate) -> None:
        """Raises BadAuthority where the three do not belong together."""
        where = issuing.subject.rfc4514_string()
        if key.public_key() != issuing.public_key():
            raise BadAuthority(where, "the key is not that of its certificate")
        try:
            issuing.verify_directly_issued_by(root)
            constraints = issuing.extensions.get_extension_for_class(x509.BasicConstraints).value
        except Exception as error:
            raise BadAuthority(where, f"not issued by the root: {error}") from None
        if not constraints.ca:
            raise BadAuthority(where, "not an authority's certificate")
        self._key = key
        self.issuing = issuing
        self.root = root

    @classmethod
    def load(cls, centre: Path) -> Authority:
        """The authority of a centre's folder. Raises BadAuthority."""
        folder = centre / FOLDER
        certificates = [_read_certificate(folder / name) for name in ("issuing.pem", "root.pem")]
        return cls(_read_key(folder / "issuing.key"), certificates[0], certificates[1])

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Issuing authority first, root last; DER."""
        return tuple(_der(certificate) for certificate in (self.issuing, self.root))

    def pem(self) -> bytes:
        """The same for devices to trust, PEM."""
        return b"".join(_pem(certificate) for certificate in (self.issuing, self.root))

    def device(self, key: ec.EllipticCurvePublicKey, device: str, at: datetime) -> x509.Certificate:
        """A device's certificate for the lines. Raises BadAuthority."""
        names = [x509.UniformResourceIdentifier(device_urn(device))]
        return self._issue(key, device, names, ExtendedKeyUsageOID.CLIENT_AUTH, at)

    def server(
        self, key: ec.EllipticCurvePublicKey, name: str, hosts: Sequence[str], at: datetime
    ) -> x509.Certificate:
        """A server's certificate. Raises BadAuthority, and BadRequest for a host that is none."""
        names = [host_name(host) for host in hosts]
        return self._issue(key, name, names, ExtendedKeyUsageOID.SERVER_AUTH, at)

    def _issue(
        self,
        key: ec.EllipticCurvePublicKey,
        name: str,
        names: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        at: datetime,
    ) -> x509.Certificate:
        end = min(self.issuing.not_valid_after_utc, self.root.not_valid_after_utc)
        if end - at < timedelta(days=LEAST_DAYS):
            raise BadAuthority(self.issuing.subject.rfc4514_string(), f"ends on {end.date()}; renew it first")
        builder = _builder(name, key, self.issuing.subject, at, min(at + timedelta(days=DAYS), end))
        return (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(_issuer(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA384())
        )


def make_pilot(centre: Path, at: datetime, name: str = "Borne") -> Authority:
    """An authority with its root on this machine, for a demo or a pilot. Raises BadAuthority where there is one."""
    folder = centre / FOLDER
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise BadAuthority(str(folder), str(error)) from None
    root_key, key = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
    root = _authority(f"{name} root", root_key.public_key(), f"{name} root", root_key, at, ROOT_DAYS, 1)
    issuing = _authority(f"{name} issuing", key.public_key(), f"{name} root", root_key, at, ISSUING_DAYS, 0)
    write_private(folder / "root.key", root_key)
    write_private(folder / "issuing.key", key)
    (folder / "root.pem").write_bytes(_pem(root))
    (folder / "issuing.pem").write_bytes(_pem(issuing))
    return Authority(key, issuing, root)


def write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """A key in a new file that only its owner may read. Raises BadAuthority."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BadAuthority(str(path), str(error)) from None


def _authority(
    name: str,
    key: ec.EllipticCurvePublicKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    at: datetime,
    days: int,
    below: int,
) -> x509.Certificate:
    return (
        _builder(name, key, _name(issuer), at, at + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(_issuer(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA384())
    )


def _builder(
    name: str, key: ec.EllipticCurvePublicKey, issuer: x509.Name, at: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _issuer(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadAuthority(str(path), "others than its owner may read it")
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadAuthority(str(path), str(error)) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.key_size not in (256, 384):
        raise BadAuthority(str(path), "not a P-384 or P-256 key")
    return key


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadAuthority(str(path), str(error)) from None


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
