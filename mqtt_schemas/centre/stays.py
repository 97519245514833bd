"""Stays that have begun and not ended, as the feed `stays` tells them: documents by a keyed hash only.

A stay is open where the last admitted passage with a document, by when it took place, is an entry. The hash key is
made once, with the first entry that is settled, and lives in the feed, which is sealed to the devices that may read
it.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.entries import Direction
from mqtt_schemas.errors import ContractError
from mqtt_schemas.feeds import STAYS_KEY, Feed, put, read_change, read_record
from mqtt_schemas.records import StayRecord

_KEY_BYTES = 32


def hash_key(feeds: FeedStore, at: datetime) -> bytes:
    """The feed's hash key; made, and published first of all, where there is none. In a transaction, alone."""
    held = feeds.current(Feed.STAYS, STAYS_KEY)
    if held is not None:
        return read_record(StayRecord, read_change(held).record).hash_key
    key = secrets.token_bytes(_KEY_BYTES)
    feeds.append(Feed.STAYS, [(STAYS_KEY, put(STAYS_KEY, StayRecord(hash_key=key)))], [], at)
    return key


def open_stay(database: Database, document: bytes) -> StayRecord | None:
    """The stay that is open for a document; None where there is none."""
    row = database.one(
        "SELECT direction, occurred_at, days, entry, device, post FROM passage WHERE document = ? AND counts = 1"
        " AND direction IN (?, ?) ORDER BY occurred_at DESC, entry DESC LIMIT 1",
        [document, Direction.ENTRY.value, Direction.EXIT.value],
    )
    if row is None or row[0] != Direction.ENTRY.value:
        return None
    return StayRecord(
        document=document,
        entered_at=datetime.fromisoformat(row[1]),
        days=row[2],
        entry=row[3],
        device=row[4][:40],
        post=row[5][:40],
    )


def stay_change(feeds: FeedStore, document: bytes) -> tuple[str, bytes | None] | None:
    """What must change in the feed for a document: its key with the change that puts its stay, or None to delete it.
    None: nothing."""
    key = document.hex()
    stay = open_stay(feeds.database, document)
    held = feeds.current(Feed.STAYS, key)
    if stay is None:
        return (key, None) if held is not None else None
    try:
        change = put(key, stay)
    except ContractError:
        # A post's or device's name that no record can hold: the stay is known all the same, to nobody but us.
        return None
    return (key, change) if change != held else None
