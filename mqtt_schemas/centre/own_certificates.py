"""The data centre's own certificates: of its broker, and of its own line there. Their keys are made where they serve.

Asked again, what is there stays, until half its life is over: so whoever sets the machine up may ask every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct

from mqtt_schemas.centre.authority import Authority, write_private
from mqtt_schemas.centre.errors import BadAuthority
from mqtt_schemas.certificates import halfway, holds_key, server_names
from mqtt_schemas.topics import DEVICE_ID


class Issued(Struct, frozen=True, kw_only=True):
    """A certificate and its key, as files of a folder."""

    name: str
    certificate: str
    key: str
    until: datetime
    changed: bool


def issue(authority: Authority, name: str, hosts: Sequence[str], folder: Path, at: datetime) -> Issued:
    """A certificate for this machine: a server's for `hosts`, or where there are none a client's named `name`.

    Raises BadAuthority, BadRequest.
    """
    if not DEVICE_ID.fullmatch(name):
        raise BadAuthority(name[:60], "not a name: 3 to 40 of a-z, 0-9 and -")
    certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        if not key_file.exists():
            write_private(key_file, ec.generate_private_key(ec.SECP256R1()))
        loaded = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise BadAuthority(str(key_file), "not a P-256 key")
        key = loaded.public_key()
        present = _present(certificate_file)
        if present is not None and _still_good(present, authority, key, hosts, at):
            return _issued(name, certificate_file, key_file, present, changed=False)
        made = authority.server(key, name, hosts, at) if hosts else authority.device(key, name, at)
        temporary = certificate_file.with_name(f".{certificate_file.name}.new")
        chain = (made, authority.issuing)
        temporary.write_bytes(b"".join(link.public_bytes(serialization.Encoding.PEM) for link in chain))
        temporary.replace(certificate_file)
    except (OSError, ValueError, TypeError) as error:
        raise BadAuthority(str(folder), str(error)) from None
    return _issued(name, certificate_file, key_file, made, changed=True)


def _present(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return None


def _still_good(
    certificate: x509.Certificate,
    authority: Authority,
    key: ec.EllipticCurvePublicKey,
    hosts: Sequence[str],
    at: datetime,
) -> bool:
    return (
        certificate.issuer == authority.issuing.subject
        and holds_key(certificate, key)
        and sorted(server_names(certificate)) == sorted(hosts)
        and at < halfway(certificate)
    )


def _issued(name: str, certificate: Path, key: Path, made: x509.Certificate, *, changed: bool) -> Issued:
    return Issued(
        name=name,
        certificate=str(certificate),
        key=str(key),
        until=made.not_valid_after_utc,
        changed=changed,
    )
