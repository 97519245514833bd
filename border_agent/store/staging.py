"""How lists get in: changes are staged as they come, and installed once they lead to a signed head."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.errors import ListRefused
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import stamp
from border_agent.store.terms import terms_of
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import Feed, extend_feed, feed_genesis, read_change
from mqtt_schemas.messages import FeedHead, FeedOperation

_ROW_OVERHEAD = 512
"""Bytes a row costs beside its record: indexes, pages, the log."""

# Older rows of the same keys; and deletions, which have nothing left to delete then.
_REPLACED = """
    SELECT o.version FROM feed_row n
    CROSS JOIN feed_row o ON o.feed = n.feed AND o.key = n.key AND o.version < n.version
    WHERE n.feed = :feed AND n.version > :after AND n.version <= :upto
    UNION
    SELECT version FROM feed_row WHERE feed = :feed AND version > :after AND version <= :upto AND record IS NULL
"""

_INSERT = "INSERT INTO feed_row (feed, version, key, record) VALUES (?, ?, ?, ?)"
_INSERT_TERM = "INSERT OR IGNORE INTO feed_term (feed, term, version) VALUES (?, ?, ?)"


class FeedPosition(Struct, frozen=True, kw_only=True):
    """How far a feed has come here: installed, and staged beyond that."""

    version: int
    head: bytes
    staged_version: int
    staged_head: bytes
    issued: str = ""
    """Issue of the installed head, as stored; empty: nothing installed."""


class Staging:
    """Takes changes in. Thread-safe; every call is one short durable transaction. Raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tidied: dict[str, int] = {}

    def position(self, feed: str) -> FeedPosition:
        """How far a feed has come."""
        with self._store.reading() as connection:
            return _position(connection, feed)

    def stage(self, feed: str, first: int, rows: Sequence[bytes]) -> FeedPosition:
        """Put changes `first..` after what is staged. They do not answer yet.

        Raises ListRefused where they do not continue it or one of them is no change, StoreFull also where only the
        decisions' reserve is left; then none of them is staged.
        """
        try:
            changes = [read_change(row) for row in rows]
        except Malformed as error:
            raise ListRefused(feed, error.detail) from None
        self._store.require_room(sum(len(row) + _ROW_OVERHEAD for row in rows))
        with self._store.writing() as connection:
            _ensure(connection, feed)
            at = _position(connection, feed)
            if first != at.staged_version + 1:
                raise ListRefused(feed, f"change {first} after {at.staged_version}")
            version, head = at.staged_version, at.staged_head
            records: list[tuple[str, int, str, bytes | None]] = []
            terms: list[tuple[str, str, int]] = []
            for row, change in zip(rows, changes, strict=True):
                version += 1
                head = extend_feed(head, version, row)
                record = bytes(change.record) if change.op is FeedOperation.PUT else None
                records.append((feed, version, change.key, record))
                if record is not None:
                    terms.extend((feed, term, version) for term in terms_of(feed, record))
            connection.executemany(_INSERT, records)
            # In the order of its tree: each of its pages is met once.
            connection.executemany(_INSERT_TERM, sorted(terms))
            connection.execute(
                "UPDATE feed SET staged_version = ?, staged_head = ? WHERE name = ?", (version, head, feed)
            )
            return _position(connection, feed)

    def install(self, target: FeedHead, at: datetime) -> bool:
        """Make everything staged answer, in one step, where it leads exactly to `target`, a head believed before.

        A head of the installed version itself renews the list's dates. False where nothing changed (an older
        issue of the same). Raises ListRefused where what is here does not lead to it.
        """
        with self._store.writing() as connection:
            _ensure(connection, target.feed)
            here = _position(connection, target.feed)
            same = (target.version, target.head) == (here.version, here.head)
            if same and here.issued and stamp(target.issued) <= here.issued:
                return False
            if not same and (target.version, target.head) != (here.staged_version, here.staged_head):
                raise ListRefused(target.feed, f"staged up to {here.staged_version}, wanted {target.version}")
            connection.execute(
                "UPDATE feed SET version = ?, head = ?, issued = ?, expires = ?, installed_at = ? WHERE name = ?",
                (
                    target.version,
                    target.head,
                    stamp(target.issued),
                    stamp(target.expires),
                    stamp(at),
                    target.feed,
                ),
            )
            return True

    def drop(self, feed: str) -> None:
        """Forget what is staged; what is installed stays."""
        with self._store.writing() as connection:
            here = _position(connection, feed)
            connection.execute("DELETE FROM feed_term WHERE feed = ? AND version > ?", (feed, here.version))
            connection.execute("DELETE FROM feed_row WHERE feed = ? AND version > ?", (feed, here.version))
            connection.execute("UPDATE feed SET staged_version = version, staged_head = head WHERE name = ?", (feed,))

    def tidy(self, feed: str, limit: int = 500) -> bool:
        """Remove what the next `limit` installed changes have replaced; whether there are more. For idle moments.

        It goes through the changes once, from the first after a start: a list of millions is not looked through for
        every issue, and nobody waits long for the reader. Policies stay, all of them: each decision names the one it
        was made under, and can be made again (`borne replay`).
        """
        if feed == Feed.POLICY:
            return False
        # Looked for by the reader: the writer, behind whom decisions wait, only deletes.
        with self._store.reading() as connection:
            here = _position(connection, feed)
            after = min(self._tidied.get(feed, 0), here.version)
            upto = min(after + limit, here.version)
            old = connection.execute(_REPLACED, {"feed": feed, "after": after, "upto": upto}).fetchall()
        if old:
            with self._store.writing() as connection:
                for (version,) in old:
                    connection.execute("DELETE FROM feed_term WHERE feed = ? AND version = ?", (feed, version))
                    connection.execute("DELETE FROM feed_row WHERE feed = ? AND version = ?", (feed, version))
        self._tidied[feed] = upto
        return upto < here.version


def _ensure(connection: Connection, feed: str) -> None:
    genesis = feed_genesis(feed)
    connection.execute(
        "INSERT INTO feed (name, head, staged_head) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
        (feed, genesis, genesis),
    )


def _position(connection: Connection, feed: str) -> FeedPosition:
    row = connection.execute(
        "SELECT version, head, staged_version, staged_head, coalesce(issued, '') FROM feed WHERE name = ?", (feed,)
    ).fetchone()
    if row is None:
        head = feed_genesis(feed)
        return FeedPosition(version=0, head=head, staged_version=0, staged_head=head)
    return FeedPosition(
        version=row[0], head=bytes(row[1]), staged_version=row[2], staged_head=bytes(row[3]), issued=row[4]
    )
