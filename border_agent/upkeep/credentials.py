"""The device's keys: made here once, kept as systemd's encrypted credentials, in a laboratory as plain files.

    store.key     32 bytes, the store's        journal.key  Ed25519        sealing.key  X25519
    device.key    P-256, for the lines         server.key   P-256, for the officers' pages and the post's broker

`systemd-creds` seals them to the TPM where there is one, and to the machine's own key. In clear they exist in memory
alone: nothing of them is written anywhere else, and nothing of them is ever sent.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from border_agent.config import Config
from border_agent.errors import BorneError
from border_agent.reporting.enrolled import DeviceKeys
from border_agent.store.credential import KEY_BYTES
from mqtt_schemas.sealing import sealing_public

DEFAULT_FOLDER = Path("/etc/credstore.encrypted")
PREFIX = "borne."
_SECONDS = 60.0
"""A TPM may take its time."""

Private = Ed25519PrivateKey | X25519PrivateKey | ec.EllipticCurvePrivateKey


class NotSealed(BorneError):
    """A key of the device cannot be made or kept: no systemd-creds, a TPM that refuses, a folder that is full."""

    code = "device.not_sealed"


class KeyUnreadable(BorneError):
    """A key of the device is missing, damaged, or was sealed on another machine."""

    code = "device.key_unreadable"


class Made(Struct, frozen=True, kw_only=True):
    """What `make` came to."""

    created: tuple[str, ...]
    kept: tuple[str, ...]
    sealed_to: str
    """`tpm2`, `host` or `plain`."""


def names(role: str) -> tuple[str, ...]:
    """Keys of a device in this role: only a post serves pages."""
    return (*_MAKERS,) if role == "post" else tuple(name for name in _MAKERS if name != "server.key")


def make(folder: Path, role: str, *, plain: bool = False) -> Made:
    """Make the keys that are missing; those that are there stay. Raises NotSealed."""
    created, kept = [], []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NotSealed(str(folder), str(error)) from None
    for name in names(role):
        file = _file(folder, name, plain=plain)
        if file.exists():
            kept.append(name)
            continue
        secret = _MAKERS[name]()
        _put(file, secret if plain else _sealed(name, secret))
        created.append(name)
    return Made(created=tuple(created), kept=tuple(kept), sealed_to="plain" if plain else sealed_to())


def plain(config: Config, folder: Path = DEFAULT_FOLDER) -> bool:
    """Whether a configured device's keys are files in clear: a laboratory's."""
    path = config.path(config.identity.journal_key)
    return path.exists() and not _file(folder, path.name, plain=False).exists()


def sealed_to() -> str:
    """What systemd-creds seals to on this machine: `tpm2` (and the host's key besides) or `host`."""
    try:
        found = _systemd_creds(["has-tpm2"], b"")
    except NotSealed:
        return "host"
    # Its own "yes" wants UEFI too, and so does `--with-key=auto`: a machine that boots by BIOS has its TPM as well.
    return "tpm2" if {b"+driver", b"+system", b"+subsystem"} <= set(found.stdout.split()) else "host"


def device_keys(config: Config, folder: Path = DEFAULT_FOLDER) -> DeviceKeys:
    """The keys of a configured device: where the configuration says, else as credentials. Raises KeyUnreadable."""
    server = config.console.key if config.console is not None else ""
    journal = _load(config, config.identity.journal_key, folder, Ed25519PrivateKey)
    assert isinstance(journal, Ed25519PrivateKey)
    tls = _load(config, config.mqtt.key, folder, ec.EllipticCurvePrivateKey)
    assert isinstance(tls, ec.EllipticCurvePrivateKey)
    box = sealing_key(config, folder)
    public = sealing_public(box) if box is not None else b""
    serving = _load(config, server, folder, ec.EllipticCurvePrivateKey) if server else None
    assert serving is None or isinstance(serving, ec.EllipticCurvePrivateKey)
    return DeviceKeys(journal=journal, sealing=public, tls=tls, server=serving)


def sealing_key(config: Config, folder: Path = DEFAULT_FOLDER) -> X25519PrivateKey | None:
    """What opens that which is sealed to this device; None: it has no such key. Raises KeyUnreadable."""
    if not config.identity.sealing_key:
        return None
    key = _load(config, config.identity.sealing_key, folder, X25519PrivateKey)
    assert isinstance(key, X25519PrivateKey)
    return key


def store_key(config: Config, folder: Path = DEFAULT_FOLDER) -> bytes:
    """The store's key. Raises KeyUnreadable."""
    key = read_secret(config, config.store.key, folder)
    if len(key) != KEY_BYTES:
        raise KeyUnreadable(config.store.key, f"not {KEY_BYTES} bytes")
    return key


def read_secret(config: Config, name: str, folder: Path) -> bytes:
    """A key's bytes: from the file the configuration names, else from the credential of that file's name.

    Raises KeyUnreadable, also where this machine cannot open the credential: it was sealed on another one.
    """
    path = config.path(name)
    try:
        if path.exists():
            return path.read_bytes()
    except OSError as error:
        raise KeyUnreadable(str(path), str(error)) from None
    credential = _file(folder, path.name, plain=False)
    if not credential.exists():
        raise KeyUnreadable(str(path), f"nor is there {credential}")
    found = _systemd_creds(["decrypt", f"--name={path.name}", str(credential), "-"], b"")
    if found.returncode:
        raise KeyUnreadable(str(credential), found.stderr.decode(errors="replace").strip()[-300:])
    return found.stdout


def _load(config: Config, name: str, folder: Path, kind: type[Private]) -> Private:
    try:
        key = serialization.load_pem_private_key(read_secret(config, name, folder), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnreadable(name, str(error)[:200]) from None
    if not isinstance(key, kind):
        raise KeyUnreadable(name, "a key of another kind")
    return key


def _sealed(name: str, secret: bytes) -> bytes:
    key = "host+tpm2" if sealed_to() == "tpm2" else "host"
    found = _systemd_creds(["encrypt", f"--with-key={key}", f"--name={name}", "-", "-"], secret)
    if found.returncode or not found.stdout:
        raise NotSealed(name, found.stderr.decode(errors="replace").strip()[-300:])
    return found.stdout


def _systemd_creds(arguments: list[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["systemd-creds", *arguments], check=False, input=given, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotSealed("systemd-creds", str(error)) from None


def _put(file: Path, content: bytes) -> None:
    """Whole or not at all: half a credential would be a key that is lost."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.rename(file)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise NotSealed(str(file), str(error)) from None


def _file(folder: Path, name: str, *, plain: bool) -> Path:
    return folder / (name if plain else PREFIX + name)


def _pem(key: Private) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


_MAKERS: Mapping[str, Callable[[], bytes]] = {
    "store.key": lambda: secrets.token_bytes(KEY_BYTES),
    "journal.key": lambda: _pem(Ed25519PrivateKey.generate()),
    "sealing.key": lambda: _pem(X25519PrivateKey.generate()),
    "device.key": lambda: _pem(ec.generate_private_key(ec.SECP256R1())),
    "server.key": lambda: _pem(ec.generate_private_key(ec.SECP256R1())),
}
