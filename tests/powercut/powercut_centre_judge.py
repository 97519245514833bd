"""What an image of the data centre's store must hold: all that was acknowledged before the cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from powercut_centre import FEED, FEED_KEYS, change, path_of
from powercut_task import Task, Told

from mqtt_schemas.centre.database import Database, open_database
from mqtt_schemas.centre.errors import StoreFailed
from mqtt_schemas.centre.evidence import EvidenceBook
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.proof import _Walk
from mqtt_schemas.centre.settling import settle_all
from mqtt_schemas.centre.store import Store
from mqtt_schemas.feeds import extend_feed, feed_genesis


def judge(task: Task, told: Sequence[Told]) -> str:
    """Open the image in the task's folder as the service does at its start, and look. Empty where all is well; else
    the kind of loss and what was found, as "kind: detail"."""
    try:
        # Made where it is missing: then nothing may have been told.
        with open_database(path_of(task.folder), create=True) as database:
            return next(_faults(database, told), "")
    except StoreFailed as error:
        return f"unreadable: {error}"


def _faults(database: Database, told: Sequence[Told]) -> Iterator[str]:
    database.one("PRAGMA wal_checkpoint(TRUNCATE)")
    (found,) = database.one("PRAGMA integrity_check(1)")
    if found != "ok":
        yield f"damaged: {found}"
    if database.one("PRAGMA foreign_key_check") is not None:
        yield "damaged: a row without the one it names"
    store = Store(database)
    for stream in store.streams():
        report = _Walk(database, stream).report()
        if not report.ok or report.proven_upto != stream.mark:
            yield f"chain: {stream.device}: {report.problem or f'proven up to {report.proven_upto} of {stream.mark}'}"
    acknowledged = {(one["device"], one["epoch"], one["upto"], one["head"]) for one in told if "upto" in one}
    for device, epoch, upto, head in acknowledged:
        held = store.stream(device, bytes.fromhex(epoch))
        if held is None or store.head_at(held, upto) != bytes.fromhex(head):
            yield f"lost: {device} was told that entry {upto} is here"
    enrolled = {device.id for device in store.devices()}
    if lost := {one["device"] for one in told if one["told"] == "enrolled"} - enrolled:
        yield f"lost: {len(lost)} devices"
    yield from _evidence(store, told)
    yield from _settled(database)
    yield from _list(
        FeedStore(database), max((one["version"] for one in told if one["told"] == "imported"), default=0)
    )


def _evidence(store: Store, told: Sequence[Told]) -> Iterator[str]:
    """What was acknowledged of a piece is here, and the whole is what its name says."""
    book = EvidenceBook(store.database)
    held = {bytes(name): size for name, size in store.database.rows("SELECT sha256, held FROM evidence")}
    for one in told:
        if one["told"] == "evidence":
            name = bytes.fromhex(one["name"])
            if held.get(name, 0) < one["size"]:
                yield f"lost: {one['device']} was told that {one['size']} bytes of evidence are here"
            if one["whole"] and sha256(book.get(name) or b"").digest() != name:
                yield f"lost: {one['device']} was told that a piece of evidence is here in whole"


def _settled(database: Database) -> Iterator[str]:
    """Settling goes on where it was, and every movement counts once."""
    ahead = "SELECT count(*) FROM settled t JOIN stream s ON s.id = t.stream WHERE t.sequence > s.mark"
    if database.one(ahead)[0]:
        yield "halved: settled beyond the journal"
    settle_all(database, datetime.now(UTC))
    (movements,) = database.one("SELECT count(*) FROM journal WHERE kind = 'movement'")
    (passages,) = database.one("SELECT count(*) FROM passage")
    if movements != passages:
        yield f"halved: {movements} movements, {passages} passages"


def _list(feeds: FeedStore, want: int) -> Iterator[str]:
    version, head = feeds.position(FEED)
    if version < want:
        yield f"lost: the list is at {version}, told {want}"
    if version == 0:
        return
    computed = feed_genesis(FEED)
    for number, row in enumerate(feeds.changes(FEED, 1, version, 2**31), start=1):
        computed = extend_feed(computed, number, row)
    if computed != head:
        yield "damaged: the list's head"
    for number in range(max(1, version - FEED_KEYS + 1), version + 1):
        key, row = change(number)
        if feeds.current(FEED, key) != row:
            yield f"halved: the list's record {key}"
