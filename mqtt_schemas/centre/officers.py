"""Officers: who may sign in where, and the one-time activations by which they come to sign in.

An activation's code is shown once, to whoever hands it over, and kept nowhere here. What devices need to check it
goes down in the officer's record, sealed to each of them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from mqtt_schemas.activation import TOTP_BYTES, ActivationSecret, new_code, seal_activation, shown_code
from mqtt_schemas.centre.database import IMPORTING, Database
from mqtt_schemas.centre.errors import BadOfficer, NoSealingDevice, NoSuchOfficer
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import DeviceStatus
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import Feed, put, read_change, read_record
from mqtt_schemas.post import POST_NAME
from mqtt_schemas.records import OfficerRecord, OfficerRole, OfficerState, SealedActivation

ACTIVATION_DAYS = 14
MOST_DAYS = 366
MOST_DEVICES = 64
"""As many as a record can seal an activation to."""

_NUMBER = re.compile(r"[0-9]{4,8}")
_ROLES = tuple(role for role in OfficerRole if role is not OfficerRole.UNKNOWN)


class Activation(Struct, frozen=True, kw_only=True):
    """An activation just made: the one time that its code can be seen."""

    number: str
    activation: str
    """Its id."""
    code: str
    """`XXXX-XXXX-XXXX`."""
    not_after: datetime
    devices: tuple[str, ...]
    """Where it serves."""
    posts_without: tuple[str, ...]
    """Posts of the officer where it serves nowhere: no device there has a sealing key."""


def put_officer(
    path: Path,
    number: str,
    *,
    name: str,
    roles: Iterable[str],
    posts: Iterable[str],
    language: str = "",
    at: datetime | None = None,
) -> OfficerRecord:
    """Enter an officer, or give one that is entered another name, other roles, posts or language.

    State and activation stay what they were. Raises BadOfficer, also for one who is retired.
    """
    known = _checked(number, name, list(roles), list(posts))
    with _changing(path) as database:
        feeds = FeedStore(database)
        held = find(feeds, number)
        if held is not None and held.state is OfficerState.RETIRED:
            raise BadOfficer(number, "retired: reinstate first")
        record = msgspec.structs.replace(held or known, name=known.name, roles=known.roles, posts=known.posts)
        if language:
            record = msgspec.structs.replace(record, language=language)
        _write(feeds, record, at)
        return record


def suspend(path: Path, number: str, *, at: datetime | None = None) -> None:
    """Nobody signs in under this number until it is reinstated. Raises NoSuchOfficer, or BadOfficer if retired."""
    with _changing(path) as database:
        feeds = FeedStore(database)
        record = _found(feeds, number)
        if record.state is OfficerState.RETIRED:
            raise BadOfficer(number, "retired already")
        _write(feeds, msgspec.structs.replace(record, state=OfficerState.SUSPENDED), at)


def reinstate(path: Path, number: str, *, at: datetime | None = None) -> None:
    """Active again. Raises NoSuchOfficer."""
    with _changing(path) as database:
        feeds = FeedStore(database)
        _write(feeds, msgspec.structs.replace(_found(feeds, number), state=OfficerState.ACTIVE), at)


def retire(path: Path, number: str, *, at: datetime | None = None) -> None:
    """Gone for good: the activation too, so that a return begins with a new one. Raises NoSuchOfficer."""
    with _changing(path) as database:
        feeds = FeedStore(database)
        record = _found(feeds, number)
        gone = msgspec.structs.replace(record, state=OfficerState.RETIRED, activation="", activations=())
        _write(feeds, gone, at)


def officers(path: Path) -> list[OfficerRecord]:
    """All of them, by service number."""
    with CentreFolder(path).database() as database, database.reading():
        feeds = FeedStore(database)
        return [record for number in list(feeds.keys(Feed.OFFICERS)) if (record := find(feeds, number))]


def activate(path: Path, number: str, *, days: int = ACTIVATION_DAYS, at: datetime | None = None) -> Activation:
    """Make a one-time activation; whatever the officer signed in with before ends as soon as devices have it.

    Raises NoSuchOfficer; BadOfficer for one who is not active, or for days beyond 1 to 366; NoSealingDevice where
    no enrolled device of the officer's posts could open it.
    """
    if not 1 <= days <= MOST_DAYS:
        raise BadOfficer(number, f"{days} days, not 1 to {MOST_DAYS}")
    at = at or datetime.now(UTC)
    with _changing(path) as database:
        feeds = FeedStore(database)
        record = _found(feeds, number)
        if record.state is not OfficerState.ACTIVE:
            raise BadOfficer(number, f"{record.state}, not active")
        keys = _sealing_keys(database, record)
        secret = ActivationSecret(
            number=number,
            activation=secrets.token_hex(8),
            code=new_code(),
            totp_secret=secrets.token_bytes(TOTP_BYTES),
            not_after=at.astimezone(UTC) + timedelta(days=days),
        )
        boxes = tuple(
            SealedActivation(device=device, box=seal_activation(key, secret)) for device, (_, key) in keys.items()
        )
        _write(feeds, msgspec.structs.replace(record, activation=secret.activation, activations=boxes), at)
    served = {post for post, _ in keys.values()}
    return Activation(
        number=number,
        activation=secret.activation,
        code=shown_code(secret.code),
        not_after=secret.not_after,
        devices=tuple(keys),
        posts_without=tuple(post for post in record.posts if post not in served),
    )


def find(feeds: FeedStore, number: str) -> OfficerRecord | None:
    """An officer's record as it is published now."""
    change = feeds.current(Feed.OFFICERS, number)
    return None if change is None else read_record(OfficerRecord, read_change(change).record)


def keep_activation(feeds: FeedStore, record: OfficerRecord) -> OfficerRecord:
    """A record from elsewhere that says nothing of activations, with the one that is held; retired: without."""
    held = find(feeds, record.number)
    if held is None or record.activation or record.activations or record.state is OfficerState.RETIRED:
        return record
    return msgspec.structs.replace(record, activation=held.activation, activations=held.activations)


@contextmanager
def _changing(path: Path) -> Iterator[Database]:
    # An import compares before it writes: what changed in between it would undo.
    with CentreFolder(path).database() as database, database.claimed(IMPORTING), database.transaction():
        yield database


def _checked(number: str, name: str, roles: list[str], posts: list[str]) -> OfficerRecord:
    name = " ".join(name.split())
    if not _NUMBER.fullmatch(number):
        raise BadOfficer(number[:60], "a service number has 4 to 8 digits")
    if not name or len(name) > 64 or not name.isprintable():
        raise BadOfficer(number, "a name has 1 to 64 printable characters")
    if not roles or any(role not in _ROLES for role in roles):
        raise BadOfficer(number, f"roles are {', '.join(_ROLES)}: at least one")
    if not posts or any(not POST_NAME.fullmatch(post) for post in posts):
        raise BadOfficer(number, "a post has 2 to 40 of a-z, 0-9 and -: at least one")
    return OfficerRecord(
        number=number,
        name=name,
        roles=tuple(OfficerRole(role) for role in dict.fromkeys(roles)),
        posts=tuple(dict.fromkeys(posts)),
    )


def _found(feeds: FeedStore, number: str) -> OfficerRecord:
    record = find(feeds, number)
    if record is None:
        raise NoSuchOfficer(number[:60])
    return record


def _sealing_keys(database: Database, record: OfficerRecord) -> dict[str, tuple[str, bytes]]:
    """Post and sealing key of each device that can open what is sealed for this officer."""
    keys = {
        device.id: (device.post, device.sealing_key)
        for device in Store(database).devices()
        if device.status is DeviceStatus.ENROLLED and device.sealing_key and device.post in record.posts
    }
    if not keys:
        raise NoSealingDevice(
            record.number, f"no device with a sealing key at {', '.join(record.posts) or 'no post'}"
        )
    if len(keys) > MOST_DEVICES:
        raise BadOfficer(record.number, f"{len(keys)} devices at these posts; an activation serves at {MOST_DEVICES}")
    return keys


def _write(feeds: FeedStore, record: OfficerRecord, at: datetime | None) -> None:
    try:
        change = put(record.number, record)
    except Malformed as error:
        raise BadOfficer(record.number, error.detail) from None
    if feeds.current(Feed.OFFICERS, record.number) != change:
        feeds.append(Feed.OFFICERS, [(record.number, change)], (), at or datetime.now(UTC))
