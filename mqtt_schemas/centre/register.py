"""Enrolling devices, and retiring them: the centre's register decides who may send, not a broker's list."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from mqtt_schemas.centre.errors import BadEnrolment
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Device, DeviceStatus
from mqtt_schemas.topics import DEVICE_ID, RESERVED

POST = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
_RESERVED = RESERVED | {"centre"}
"""`centre` is the centre's own name at the broker."""


def enrol(
    path: Path,
    device: str,
    post: str,
    journal_public_key: bytes,
    *,
    certificate_sha256: bytes = b"",
    replace: bool = False,
    at: datetime | None = None,
) -> None:
    """Enrol a device of a post with the Ed25519 key (32 bytes) that signs its journal.

    The same again changes nothing. Another key for an enrolled device is a replaced machine and needs
    `replace`: its earlier streams take no more entries. Raises BadEnrolment.
    """
    if not DEVICE_ID.fullmatch(device) or device in _RESERVED:
        raise BadEnrolment(device[:60], "not a device id: 3 to 40 of a-z, 0-9 and -")
    if not POST.fullmatch(post):
        raise BadEnrolment(device, f"not a post: {post[:60]!r}")
    if len(journal_public_key) != 32:
        raise BadEnrolment(device, f"a journal key has 32 bytes, not {len(journal_public_key)}")
    if len(certificate_sha256) not in (0, 32):
        raise BadEnrolment(device, "a certificate's SHA-256 has 32 bytes")
    new = Device(device, post, journal_public_key, certificate_sha256, DeviceStatus.ENROLLED)
    with CentreFolder(path).database() as database, database.transaction():
        store = Store(database)
        old = store.device(device)
        if old == new:
            return
        if old is not None and old.journal_key != journal_public_key and not replace:
            raise BadEnrolment(device, "enrolled with another journal key")
        store.put_device(new, at or datetime.now(UTC))


def retire(path: Path, device: str, *, at: datetime | None = None) -> None:
    """Take nothing more from a device; what it sent stays. Raises BadEnrolment where it is not enrolled."""
    with CentreFolder(path).database() as database, database.transaction():
        store = Store(database)
        if store.device(device) is None:
            raise BadEnrolment(device[:60], "not enrolled")
        store.retire_device(device, at or datetime.now(UTC))


def devices(path: Path) -> list[Device]:
    """The register, by device id."""
    with CentreFolder(path).database() as database:
        return Store(database).devices()
