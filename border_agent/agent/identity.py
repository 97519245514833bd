"""The device's identity: its journal key, and that one agent alone works with it."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.errors import BorneError
from border_agent.store.credential import others_may_read


class KeyUnusable(BorneError):
    """One of the device's keys is missing, readable by others, or of another kind."""

    code = "agent.key_unusable"


class AlreadyRunning(BorneError):
    """Another agent works with this device's journal key: two of them would be a clone."""

    code = "agent.already_running"


def load_journal_key(file: Path) -> Ed25519PrivateKey:
    """The device's journal key from a PEM file of mode 0600. Raises KeyUnusable."""
    key = _load(file)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(str(file), "not an Ed25519 key")
    return key


def load_sealing_key(file: Path) -> X25519PrivateKey:
    """The key that feeds seal to, likewise. Raises KeyUnusable."""
    key = _load(file)
    if not isinstance(key, X25519PrivateKey):
        raise KeyUnusable(str(file), "not an X25519 key")
    return key


def load_tls_key(file: Path) -> EllipticCurvePrivateKey:
    """A key of the lines or of the pages, likewise. Raises KeyUnusable."""
    key = _load(file)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise KeyUnusable(str(file), "not a P-256 key")
    return key


def _load(file: Path) -> object:
    try:
        if others_may_read(file, file.stat().st_mode):
            raise KeyUnusable(str(file), "others may read it; it must have mode 0600")
        return serialization.load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(str(file), str(error)) from None


@contextlib.contextmanager
def alone(key: Path) -> Iterator[None]:
    """Hold the device's identity for this process alone; the kernel lets go of it however the process ends.

    Before the store: one started by mistake must not even move that aside. Raises AlreadyRunning, KeyUnusable.
    """
    try:
        file = key.open("rb")
    except OSError as error:
        raise KeyUnusable(str(key), str(error)) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(str(key)) from None
        yield
