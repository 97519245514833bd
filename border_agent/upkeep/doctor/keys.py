"""The device's keys: there, of the right kind, and nobody else's to read.

In service they are credentials that systemd unseals for the agent alone. While the agent does not run there is only
the sealed file: that it is there is all that can be said, and all that is needed.
"""

from __future__ import annotations

import base64
import binascii
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.config import Config
from border_agent.store.credential import KEY_BYTES
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.values import Found, found

CREDENTIALS: Final = "/run/credentials/"
SEALED: Final = "/etc/credstore.encrypted"
_PREFIX: Final = "borne."

# The first 16 bytes of a sealed credential name what it is sealed to (systemd, creds-util.h).
_TPM: Final = frozenset(
    bytes.fromhex(name)
    for name in (
        "0c7cc07b117645919c4b0bea08bc20fe",
        "faf7eb9341e3412ca1a436f95a29362f",
        "93a894094874449090caf2fc93cab553",
        "af4950be49134eb1a73846304df3055a",
    )
)
_LARGEST: Final = 65536


def key_files(config: Config) -> Iterator[tuple[str, Path, type[object] | None]]:
    """Every key of the configuration: its name, its file, its kind (None: 32 bytes)."""
    yield "store.key", config.path(config.store.key), None
    yield "journal.key", config.path(config.identity.journal_key), Ed25519PrivateKey
    if config.identity.sealing_key:
        yield "sealing.key", config.path(config.identity.sealing_key), X25519PrivateKey
    tls = [config.mqtt.key]
    if config.lan is not None:
        tls.append(config.lan.key)
    if config.console is not None:
        tls.append(config.console.key)
    for name in dict.fromkeys(tls):
        yield Path(name).name, config.path(name), EllipticCurvePrivateKey


def check_keys(patient: Patient) -> Iterator[Found]:
    if patient.config is None:
        return
    for name, file, kind in key_files(patient.config):
        yield _judge(patient, name, file, kind)


def _judge(patient: Patient, name: str, file: Path, kind: type[object] | None) -> Found:
    where = str(file)
    try:
        mode = file.stat().st_mode
        with file.open("rb") as opened:
            data = opened.read(_LARGEST)
    except PermissionError:
        return found("key.not_permitted", where, key=name)
    except OSError as error:
        unsealed = where.startswith(CREDENTIALS) and not patient.agent.answers
        if unsealed and f"{_PREFIX}{name}" in patient.machine.names(SEALED):
            return found("key.sealed", f"{SEALED}/{_PREFIX}{name}", key=name)
        return found("key.missing", where, error.strerror or "", key=name)
    # systemd's credentials carry an ACL for the service's user, which reads as a right of the group.
    if mode & (stat.S_IRWXO if where.startswith(CREDENTIALS) else stat.S_IRWXG | stat.S_IRWXO):
        return found("key.open", where, f"{stat.S_IMODE(mode):04o}", key=name)
    fault = _fault(data, kind)
    return found("key.unusable", where, fault, key=name) if fault else found("key.good", where, key=name)


def _fault(data: bytes, kind: type[object] | None) -> str:
    if kind is None:
        return "" if len(data) == KEY_BYTES else f"{len(data)} bytes, not {KEY_BYTES}"
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        return str(error)[:200]
    return "" if isinstance(key, kind) else f"{type(key).__name__}, not {kind.__name__}"


def check_sealing(patient: Patient) -> Iterator[Found]:
    """What the sealed keys are sealed to: the TPM where the machine has one."""
    machine = patient.machine
    kiosk = patient.config is not None and patient.config.device.role.value == "kiosk"
    names = [name for name in machine.names(SEALED) if name.startswith(_PREFIX)]
    if not names:
        yield found("seal.unknown", SEALED)
        return
    has_tpm = bool(machine.names("/sys/class/tpm"))
    host = [name for name in names if _sealed_to(machine.read(f"{SEALED}/{name}")) not in _TPM]
    if not host:
        yield found("seal.tpm", SEALED)
    elif has_tpm:
        yield found("seal.host_only", SEALED, ", ".join(host))
    else:
        yield found("seal.no_tpm" if kiosk else "seal.host", SEALED)


def _sealed_to(sealed: str | None) -> bytes:
    try:
        return base64.b64decode("".join((sealed or "").split()))[:16]
    except (binascii.Error, ValueError):
        return b""
