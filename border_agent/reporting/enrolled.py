"""The device's certificates as files: what it asks for, and how a believed bundle gets in, whole or not at all.

Beside the device's certificate lies `enrolment.json`: the number of the bundle taken last, the newest national root
and the version of the keys document, so that nothing older is ever taken again. It is written last: what broke off
before is done again with the same bundle.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from border_agent.config import Config
from border_agent.reporting.errors import NotInstalled
from mqtt_schemas.certificates import halfway, load_chain, make_csr, server_names
from mqtt_schemas.enrolment import (
    Believed,
    EnrolmentRequest,
    MachineFacts,
    Own,
    believe,
    new_nonce,
    open_answer,
    sign_request,
)
from mqtt_schemas.enrolment_errors import BadCertificate
from mqtt_schemas.keys import public_bytes

STATE = "enrolment.json"


class DeviceKeys(Struct, frozen=True, kw_only=True):
    """The device's keys. They are made on it, and never leave it."""

    journal: Ed25519PrivateKey
    sealing: bytes
    """X25519 public key, 32 bytes; empty: it has none."""
    tls: ec.EllipticCurvePrivateKey
    server: ec.EllipticCurvePrivateKey | None = None


class JournalEnd(Struct, frozen=True, kw_only=True):
    """Where the device's journal stands, for whoever enrols it to see."""

    epoch: bytes | None = None
    sequence: int = 0
    head: bytes | None = None
    acknowledged: int = 0


class Taken(Struct, frozen=True, kw_only=True):
    """What was believed before (`enrolment.json`)."""

    number: int = 0
    keys_version: int = 0
    root: str = ""
    """Hexadecimal; empty: the configuration's."""
    post: str = ""


class Enrolled:
    """The files of a device's enrolment, by its configuration."""

    def __init__(self, config: Config) -> None:
        self.device = config.device.id
        self.post = config.device.post
        self.role = config.device.role.value
        self.authority = config.path(config.mqtt.authority)
        self.certificate = config.path(config.mqtt.certificate)
        self.server = config.path(config.console.certificate) if config.console is not None else None
        self.console_names = config.console.names if config.console is not None else ()
        self._pinned = config.identity.root
        self._state = self.certificate.parent / STATE

    def taken(self) -> Taken:
        """What was believed before. Raises NotInstalled where the note of it is damaged: nothing older must pass."""
        try:
            return msgspec.json.decode(self._state.read_bytes(), type=Taken)
        except FileNotFoundError:
            return Taken()
        except (OSError, msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise NotInstalled(str(self._state), str(error)) from None

    def own_certificate(self) -> x509.Certificate | None:
        """The device's certificate as it is installed; None where there is none, or none that can be read."""
        return _read(self.certificate)

    def server_certificate(self) -> x509.Certificate | None:
        """The server's certificate as it is installed, likewise."""
        return None if self.server is None else _read(self.server)

    def due(self, at: datetime) -> bool:
        """Whether one of the certificates has passed half its life."""
        found = (self.own_certificate(), self.server_certificate())
        return any(certificate is not None and halfway(certificate) <= at for certificate in found)

    def request(
        self,
        keys: DeviceKeys,
        at: datetime,
        *,
        renewal: bool,
        names: Sequence[str] = (),
        journal: JournalEnd | None = None,
        facts: MachineFacts | None = None,
    ) -> bytes:
        """A request in this device's name.

        The server's names are those of the configuration, those the present certificate has, and `names`. Raises
        NotInstalled, BadRequest.
        """
        journal = journal or JournalEnd()
        present = self.server_certificate()
        known = server_names(present) if present is not None else ()
        wanted = tuple(dict.fromkeys((*self.console_names, *known, *names)))
        serves = keys.server is not None and bool(wanted)
        return sign_request(
            keys.journal,
            EnrolmentRequest(
                device=self.device,
                post=self.post,
                role=self.role,
                renewal=renewal,
                nonce=new_nonce(),
                made_at=at,
                journal_key=public_bytes(keys.journal),
                sealing_key=keys.sealing,
                csr=make_csr(keys.tls, self.device),
                server_csr=make_csr(keys.server, self.device, wanted) if serves and keys.server is not None else b"",
                epoch=journal.epoch,
                sequence=journal.sequence,
                head=journal.head,
                acknowledged=journal.acknowledged,
                facts=facts or MachineFacts(),
            ),
        )

    def own(self, keys: DeviceKeys) -> Own:
        """What a bundle is held against. Raises NotInstalled."""
        taken = self.taken()
        return Own(
            device=self.device,
            post=self.post,
            journal_key=public_bytes(keys.journal),
            sealing_key=keys.sealing,
            tls=keys.tls.public_key(),
            server=keys.server.public_key() if keys.server is not None else None,
            root=bytes.fromhex(taken.root or self._pinned),
            authority=self._anchors(),
            keys_version=taken.keys_version,
            number=taken.number,
        )

    def install(self, payload: bytes, keys: DeviceKeys, at: datetime) -> Believed:
        """Take a bundle: believed first, then written. The same one again changes nothing.

        Raises what `open_answer` and `believe` raise, and NotInstalled where the files cannot be written.
        """
        believed = believe(open_answer(payload), self.own(keys), at)
        chain = b"".join(_pem(link) for link in believed.chain[:-1])
        files = {self.certificate: _pem(believed.certificate) + chain}
        if believed.server is not None and self.server is not None:
            files[self.server] = _pem(believed.server) + chain
        if not self.authority.exists():
            files[self.authority] = b"".join(_pem(link) for link in believed.chain)
        state = Taken(
            number=believed.bundle.number,
            keys_version=believed.keys_version,
            root=believed.root.hex(),
            post=self.post,
        )
        files[self._state] = msgspec.json.encode(state)
        self._write(files)
        return believed

    def _anchors(self) -> tuple[x509.Certificate, ...]:
        try:
            return tuple(load_chain(self.authority.read_bytes(), str(self.authority)))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise NotInstalled(str(self.authority), str(error)) from None

    def _write(self, files: dict[Path, bytes]) -> None:
        """Each file whole or not at all, in this order; all are on the disk before the first one changes."""
        ready: list[tuple[Path, Path]] = []
        try:
            for path, content in files.items():
                if path.exists() and path.read_bytes() == content:
                    continue
                _folder(path.parent)
                ready.append((_aside(path, content), path))
            for temporary, path in ready:
                temporary.replace(path)
                _sync(path.parent)
        except OSError as error:
            raise NotInstalled(str(self.certificate.parent), str(error)) from None
        finally:
            for temporary, _ in ready:
                temporary.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    if not path.exists():
        path.mkdir(mode=0o750)
        _give(path, path.parent)


def _give(path: Path, beside: Path) -> None:
    """What a technician makes as root belongs to whoever owns the folder: the agent must be able to renew it."""
    if os.geteuid() == 0:
        owner = beside.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _aside(path: Path, content: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _give(Path(name), path.parent)
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> x509.Certificate | None:
    with contextlib.suppress(OSError, BadCertificate):
        return load_chain(path.read_bytes(), str(path))[0]
    return None


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
