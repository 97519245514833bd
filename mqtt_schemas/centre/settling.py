"""What the journals mean for visas and stays, made up after they are stored: ledger, conflicts, changes of the lists.

Taking a journal in writes none of this: it must be quick, and two processes may take in two devices' journals at the
same time, while whether a visa was used twice is a question about all of them. So each stream has a mark up to where
it is settled, which moves in the transaction that settles. Killed at any moment, nothing is lost and nothing counts
twice; a folder of an older version is settled from its beginning.

Lists are changed only once all that is stored is settled, or after some seconds: of a backlog of days, each visa and
each document makes one change.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum

from msgspec import Struct

from mqtt_schemas.centre.conflicts import judge
from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.errors import StoreFailed
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.ledger import STAY, VISA, Ledger, Origin
from mqtt_schemas.centre.stays import hash_key, stay_change
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.uses import Counted, count, used_again
from mqtt_schemas.feeds import Feed

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_LATE_SECONDS = 2.0
PORTION = 200
"""Entries, or subjects to be published, of one transaction: journals wait for it."""

_WAITING = (
    "SELECT s.id, s.device, d.post, s.epoch, coalesce(t.sequence, 0), s.mark FROM stream s"
    " JOIN device d ON d.id = s.device LEFT JOIN settled t ON t.stream = s.id"
    " WHERE s.mark > coalesce(t.sequence, 0) ORDER BY s.id"
)
_BODIES = (
    "SELECT sequence, body FROM journal WHERE stream = ? AND sequence > ? AND sequence <= ?"
    " AND kind <> 'unknown' ORDER BY sequence"
)


class Settled(Struct, frozen=True, kw_only=True):
    """What one step did, and whether there is more to do."""

    entries: int = 0
    changes: int = 0
    """Of the lists."""
    more: bool = False


class Lists(Enum):
    """When a step changes the lists."""

    AFTERWARDS = "afterwards"
    """Once no more entries wait."""
    NOW = "now"
    NOT = "not"


def settle(database: Database, at: datetime, lists: Lists = Lists.AFTERWARDS) -> Settled:
    """One step, one transaction: the next entries of the streams, and the lists' changes.

    Raises StoreFailed or DiskFull, and then nothing is changed.
    """
    # Looked at first without a transaction: mostly there is nothing, and journals are not held up for it.
    if not (_waits(database) or (lists is not Lists.NOT and _touched(database))):
        return Settled()
    with database.transaction():
        entries = _entries(database, at)
        waits = _waits(database)
        changes = _lists(database, at) if lists is Lists.NOW or (lists is Lists.AFTERWARDS and not waits) else 0
        more = waits or (lists is not Lists.NOT and _touched(database))
        return Settled(entries=entries, changes=changes, more=more)


class Settler:
    """Settles beside the journals that come in: while nothing comes, or some seconds later. Times are monotonic."""

    def __init__(self, database: Database, lists_seconds: float) -> None:
        """`lists_seconds`: at least so long between two changes of the lists."""
        self._database = database
        self._lists_seconds = lists_seconds
        self._due = 0.0
        self._late = 0.0
        """When it settles although journals come in."""
        self._published = -math.inf
        self._changing = False
        """The lists' changes are not all through."""

    def wait(self, now: float) -> float:
        """Seconds until there may be something to do, where no journals come."""
        return max(0.0, self._due - now)

    def step(self, at: datetime, now: float, *, busy: bool) -> None:
        """Do the next step where it is time for it. `busy`: journals are coming in. Raises what `settle` does."""
        if now < (self._late if busy else self._due):
            return
        # Put off first: a database that fails must not be asked without a pause.
        self._due, self._late = now + _LOOK_SECONDS, now + _LATE_SECONDS
        since = now - self._published
        lists = Lists.AFTERWARDS if self._changing or since >= self._lists_seconds else Lists.NOT
        # While a backlog is being settled, they are changed all the same.
        late = lists is Lists.AFTERWARDS and since >= 2 * self._lists_seconds
        done = settle(self._database, at, Lists.NOW if late else lists)
        self._changing = bool(done.changes) and done.more
        if done.changes:
            self._published = now
        if done.more:
            self._due = now


def settle_all(database: Database, at: datetime, lists: Lists = Lists.AFTERWARDS) -> None:
    """Until nothing is left. Raises what `settle` does."""
    while settle(database, at, lists).more:
        continue


@contextmanager
def settled(folder: CentreFolder) -> Iterator[Database]:
    """A folder's database, every entry in it settled, for whoever asks what they come to. Lists stay as they are."""
    with folder.database() as database:
        try:
            settle_all(database, datetime.now(UTC), Lists.NOT)
        except StoreFailed as error:
            # On a full disk what was settled before can be read all the same.
            _log.warning("not settled: %s", error)
        yield database


def _waits(database: Database) -> bool:
    return database.one(f"SELECT 1 FROM ({_WAITING}) AS waiting LIMIT 1") is not None  # noqa: S608


def _touched(database: Database) -> bool:
    return database.one("SELECT 1 FROM touched LIMIT 1") is not None


def _entries(database: Database, at: datetime) -> int:
    """Take the next entries of the streams into the ledger; how many there were, whatever they are."""
    waiting = list(database.rows(_WAITING))
    if not waiting:
        return 0
    ledger, taken = Ledger(database, hash_key(FeedStore(database), at)), 0
    for stream, device, post, epoch, after, mark in waiting:
        upto = min(mark, after + PORTION - taken)
        origin = Origin(stream, device, post, bytes(epoch).hex())
        for sequence, body in list(database.rows(_BODIES, [stream, after, upto])):
            ledger.take(origin, sequence, bytes(body))
        database.execute(
            "INSERT INTO settled (stream, sequence) VALUES (?, ?)"
            " ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence",
            [stream, upto],
        )
        taken += upto - after
        if taken >= PORTION:
            break
    subjects = ledger.close()
    store = Store(database)
    for device, note in ledger.alarms:
        store.raise_alarm(note, device, at)
    # A conflict is known at once; the lists wait, and then ask again.
    feeds = FeedStore(database)
    for visa in _of(subjects, VISA):
        if used_again(database, visa):
            _judge(store, count(feeds, visa), at)
    return taken


def _lists(database: Database, at: datetime) -> int:
    """Publish what was touched: visas with their uses, and what conflicts that shows; stays."""
    rows = database.rows("SELECT subject FROM touched ORDER BY subject LIMIT ?", [PORTION])
    subjects = [subject for (subject,) in rows]
    feeds, store = FeedStore(database), Store(database)
    changes = 0
    counted = [count(feeds, visa) for visa in _of(subjects, VISA)]
    puts = [(item.visa, item.change) for item in counted if item.change is not None]
    if puts:
        feeds.append(Feed.VISAS, puts, (), at)
        changes += len(puts)
    for item in counted:
        _judge(store, item, at)
    found = [stay_change(feeds, bytes.fromhex(document)) for document in _of(subjects, STAY)]
    stays = [(key, change) for key, change in filter(None, found) if change is not None]
    ended = [key for key, change in filter(None, found) if change is None]
    if stays or ended:
        feeds.append(Feed.STAYS, stays, ended, at)
        changes += len(stays) + len(ended)
    database.execute_many("DELETE FROM touched WHERE subject = ?", [(subject,) for subject in subjects])
    return changes


def _judge(store: Store, counted: Counted, at: datetime) -> None:
    if (note := judge(store.database, counted, at)) is not None:
        store.raise_alarm(note, "", at)


def _of(subjects: Iterable[str], kind: str) -> Iterable[str]:
    return (subject.removeprefix(kind) for subject in subjects if subject.startswith(kind))
