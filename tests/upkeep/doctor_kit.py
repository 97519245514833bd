"""A device's folder for the doctor, certificates of any age, and a machine that is broken in one way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from border_agent.store import create_key
from border_agent.upkeep.doctor import Found, Machine, Ran, Report
from border_agent.upkeep.doctor.values import State
from mqtt_schemas.lab.pki import Identity, LabAuthority

DEVICE = "doctor-device-1"
NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def write_private(path: Path, key: object) -> None:
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(  # type: ignore[attr-defined]
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


class Signer:
    """An authority that dates certificates as a test wants them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.lab = LabAuthority(folder, name)
        self._key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        self._name = x509.load_pem_x509_certificate(self.lab.ca.read_bytes()).subject

    def sign(
        self,
        name: str,
        begins: datetime,
        ends: datetime,
        *,
        hosts: Sequence[str] = (),
        server: bool = False,
    ) -> Identity:
        made = Identity(name, self.lab.folder / f"{name}.pem", self.lab.folder / f"{name}.key", self.lab.ca)
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(made.key, key)
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
        )
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())  # type: ignore[arg-type]
        made.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return made


def write_device(
    folder: Path,
    tls: Identity,
    brokers: Sequence[str] = ("mqtts://localhost:1",),
    *,
    extra: str = "",
    key: Path | None = None,
) -> Path:
    """A device's keys and configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "store.key").exists():
        create_key(folder / "store.key")
        write_private(folder / "journal.key", Ed25519PrivateKey.generate())
    config = folder / "agent.toml"
    config.write_text(
        f"""\
[device]
id = "{DEVICE}"
[store]
path = "store.db"
key = "store.key"
[identity]
journal_key = "journal.key"
root = "{"00" * 32}"
[mqtt]
brokers = {list(brokers)!r}
authority = "{tls.ca}"
certificate = "{tls.certificate}"
key = "{key or tls.key}"
[api]
socket = "agent.sock"
{extra}
""",
        encoding="utf-8",
    )
    return config


class FakeMachine(Machine):
    """Files below a folder, answers of programs by their first word, a clock that stands where it is put."""

    def __init__(self, root: Path, at: datetime = NOW, programs: dict[str, Ran] | None = None) -> None:
        answers = programs or {}
        super().__init__(root, now=at.timestamp, run=lambda *words: answers.get(words[0]))

    def put(self, name: str, text: str = "") -> None:
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def codes(report: Report, *prefixes: str) -> list[str]:
    """Codes of the findings whose code begins so."""
    return [one.code for one in report.checks if one.code.startswith(prefixes or "")]


def one(report: Report, code: str) -> Found:
    """The finding with this code, the only one."""
    (only,) = (each for each in report.checks if each.code == code)
    return only


def failed(report: Report) -> set[str]:
    return {each.code for each in report.checks if each.state is State.FAIL}
