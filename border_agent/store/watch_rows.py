"""The persons of the watch-list for whoever keeps them in memory: read beside the decisions, never before them.

The watch-list may hold millions of documents and few persons. The persons are found by the terms of their names, so
that a document's row is never touched, and read in the order in which they lie on the disk. Long reads have a
connection of their own and end after every small piece: nothing waits for them, and the write-ahead log can be
emptied between two pieces.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from typing import Final

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.sqlcipher import Connection
from mqtt_schemas.feeds import Feed, feed_genesis

PIECE: Final = 100
"""Rows of one piece."""

_FEED: Final = Feed.WATCHLIST.value
_TERMS: Final = ("name:", "name;")
"""Where the terms of names begin and end: `;` follows `:`."""

_NAMED = """
    SELECT term, version FROM feed_term
    WHERE feed = :feed AND (term, version) > (:term, :version) AND term < :end AND version <= :upto
    ORDER BY term, version LIMIT :limit
"""
_IN_FORCE = """
    SELECT r.version, r.record FROM feed_row r
    WHERE r.feed = :feed AND r.version IN (SELECT value FROM json_each(:versions)) AND r.version <= :upto
        AND r.record IS NOT NULL AND NOT EXISTS (SELECT 1 FROM feed_row n WHERE n.feed = r.feed AND n.key = r.key
            AND n.version > r.version AND n.version <= :upto)
    ORDER BY r.version
"""
_CHANGED = """
    SELECT r.version, r.record FROM feed_row r
    WHERE r.feed = :feed AND r.version > :after AND r.version <= :upto ORDER BY r.version LIMIT :limit
"""


class WatchRow(Struct, frozen=True):
    """A record's bytes under its version; empty: the change deletes one."""

    version: int
    record: bytes


Pieces = Generator[tuple[WatchRow, ...], None, None]
"""Rows, a piece at a time. Whoever ends early closes it, and the connection with it."""


class WatchRows:
    """Reads rows of the installed watch-list. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def installed(self) -> tuple[int, bytes]:
        """The installed version and its head; 0 and the genesis where there is none."""
        with self._store.reading() as connection:
            row = connection.execute("SELECT version, head FROM feed WHERE name = ?", (_FEED,)).fetchone()
        return (int(row[0]), bytes(row[1])) if row is not None else (0, feed_genesis(_FEED))

    def persons(self, upto: int) -> Pieces:
        """Every record with a name in force at version `upto`, in pieces."""
        with self._store.opened() as connection:
            versions = sorted(version for piece in _named(connection, upto) for version in piece)
            for start in range(0, len(versions), PIECE):
                yield _in_force(connection, versions[start : start + PIECE], upto)

    def changes(self, after: int, upto: int) -> Pieces:
        """Every change after version `after` up to `upto`, documents' and deletions too, in pieces."""
        with self._store.opened() as connection:
            while after < upto:
                limits = {"feed": _FEED, "after": after, "upto": upto, "limit": PIECE}
                rows = connection.execute(_CHANGED, limits).fetchall()
                if not rows:
                    return
                after = rows[-1][0]
                yield tuple(WatchRow(row[0], bytes(row[1] or b"")) for row in rows)

    def in_force(self, versions: Sequence[int]) -> tuple[WatchRow, ...]:
        """Those of these rows that the installed list still holds: one short look, by index."""
        with self._store.reading() as connection:
            row = connection.execute("SELECT version FROM feed WHERE name = ?", (_FEED,)).fetchone()
            return _in_force(connection, versions, int(row[0])) if row is not None else ()


def _named(connection: Connection, upto: int) -> Iterator[list[int]]:
    term, end = _TERMS
    version = 0
    while True:
        limits = {"feed": _FEED, "term": term, "version": version, "end": end, "upto": upto, "limit": 20 * PIECE}
        rows = connection.execute(_NAMED, limits).fetchall()
        if not rows:
            return
        term, version = rows[-1]
        yield [row[1] for row in rows]


def _in_force(connection: Connection, versions: Sequence[int], upto: int) -> tuple[WatchRow, ...]:
    limits = {"feed": _FEED, "versions": json.dumps([int(version) for version in versions]), "upto": upto}
    return tuple(WatchRow(row[0], bytes(row[1])) for row in connection.execute(_IN_FORCE, limits).fetchall())
