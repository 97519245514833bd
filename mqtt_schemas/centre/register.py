"""Enrolling devices by their key alone, and retiring them: the centre's register decides who may send, no broker.

For laboratories, and devices of 1.2; whoever runs a country enrols by request (`enrolment.py`).

The feed `devices` says the same to the devices. It is written in the register's own transactions, so it is never
behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.duties import is_centres
from mqtt_schemas.centre.enrolment_book import Book, What
from mqtt_schemas.centre.errors import BadEnrolment
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Device, DeviceStatus
from mqtt_schemas.errors import NotOpened
from mqtt_schemas.feeds import Feed, put
from mqtt_schemas.post import POST_NAME
from mqtt_schemas.records import DeviceRecord, DeviceState
from mqtt_schemas.sealing import seal
from mqtt_schemas.topics import DEVICE_ID, RESERVED

ROLES = ("kiosk", "post")


def enrol(
    path: Path,
    device: str,
    post: str,
    journal_public_key: bytes,
    *,
    role: str = "",
    sealing_key: bytes = b"",
    certificate_sha256: bytes = b"",
    replace: bool = False,
    at: datetime | None = None,
) -> None:
    """Enrol a device of a post with the Ed25519 key (32 bytes) that signs its journal.

    `role` is `kiosk` or `post`, `sealing_key` an X25519 key (32 bytes); left out, they stay what they were for
    this machine. The same again changes nothing. Another journal key for an enrolled device is a replaced machine
    and needs `replace`: its earlier streams take no more entries. Raises BadEnrolment.
    """
    check_device(device, post, role, journal_public_key, sealing_key)
    if len(certificate_sha256) not in (0, 32):
        raise BadEnrolment(device, "a certificate's SHA-256 has 32 bytes")
    at = at or datetime.now(UTC)
    with CentreFolder(path).database() as database, database.transaction():
        store = Store(database)
        old = store.device(device)
        if old is not None and old.journal_key != journal_public_key and not replace:
            raise BadEnrolment(device, "enrolled with another journal key")
        same = old is not None and old.journal_key == journal_public_key
        new = Device(
            device,
            post,
            journal_public_key,
            certificate_sha256,
            DeviceStatus.ENROLLED,
            role or (old.role if old is not None else ""),
            # A replaced machine holds another one, or none: what is sealed to the old one it could not open.
            sealing_key or (old.sealing_key if old is not None and same else b""),
            old.sealed_to if old is not None and same else "",
        )
        if old != new:
            store.put_device(new, at)
            replaced = old is not None and not same
            what = What.REPLACED if replaced else What.ENROLLED
            Book(database).write(what, device, post, journal_public_key, person="", reason="by its key", at=at)
        publish(database, at)


def check_device(device: str, post: str, role: str, journal_key: bytes, sealing_key: bytes) -> None:
    """Raises BadEnrolment for what can be no line of the register."""
    if not DEVICE_ID.fullmatch(device) or device in RESERVED or is_centres(device):
        raise BadEnrolment(device[:60], "not a device id: 3 to 40 of a-z, 0-9 and -")
    if not POST_NAME.fullmatch(post):
        raise BadEnrolment(device, f"not a post: {post[:60]!r}")
    if role and role not in ROLES:
        raise BadEnrolment(device, f"roles are {', '.join(ROLES)}, not {role[:60]!r}")
    if len(journal_key) != 32:
        raise BadEnrolment(device, f"a journal key has 32 bytes, not {len(journal_key)}")
    if sealing_key:
        _check_sealing_key(device, sealing_key, journal_key)


def retire(path: Path, device: str, *, at: datetime | None = None) -> None:
    """Take nothing more from a device; what it sent stays. Raises BadEnrolment where it is not enrolled."""
    at = at or datetime.now(UTC)
    with CentreFolder(path).database() as database, database.transaction():
        store = Store(database)
        if (found := store.device(device)) is None:
            raise BadEnrolment(device[:60], "not enrolled")
        store.retire_device(device, at)
        Book(database).write(What.RETIRED, device, found.post, found.journal_key, person="", reason="", at=at)
        publish(database, at)


def devices(path: Path) -> list[Device]:
    """The register, by device id."""
    with CentreFolder(path).database() as database:
        return Store(database).devices()


def publish_devices(path: Path, *, at: datetime | None = None) -> int:
    """Bring the feed `devices` up to the register; returns its version.

    For a folder whose register is older than the feed: afterwards `enrol` and `retire` see to it.
    """
    with CentreFolder(path).database() as database:
        return catch_up(database, at or datetime.now(UTC))


def catch_up(database: Database, at: datetime) -> int:
    """As `publish_devices`; nothing is written where the feed is up to date."""
    with database.reading():
        behind = next(_changes(database), None) is not None
    if behind:
        with database.transaction():
            publish(database, at)
    return FeedStore(database).position(Feed.DEVICES)[0]


def publish(database: Database, at: datetime) -> None:
    """What the register says newly, into the feed; inside the transaction that changed it."""
    changes = list(_changes(database))
    if changes:
        FeedStore(database).append(Feed.DEVICES, changes, (), at)


def _changes(database: Database) -> Iterator[tuple[str, bytes]]:
    """What the feed lacks. A device is never deleted from the register, so neither from the feed."""
    feeds = FeedStore(database)
    for device in Store(database).devices():
        change = put(device.id, _record(device))
        if feeds.current(Feed.DEVICES, device.id) != change:
            yield device.id, change


def _record(device: Device) -> DeviceRecord:
    return DeviceRecord(
        device=device.id,
        post=device.post,
        role=device.role,
        journal_key=device.journal_key,
        sealing_key=device.sealing_key,
        state=DeviceState(device.status.value),
    )


def _check_sealing_key(device: str, key: bytes, journal_key: bytes) -> None:
    if key == journal_key:
        raise BadEnrolment(device, "the sealing key is the journal key: each has its own use")
    try:
        seal(key, "", b"")
    except NotOpened as error:
        raise BadEnrolment(device, f"not a sealing key: {error.detail}") from None
