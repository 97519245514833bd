"""The feeds as the data centre keeps them: every change there ever was, chained, and the present content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.feeds import Feed, delete, extend_feed, feed_genesis

_READ_AT_ONCE = 64
"""Changes: a chunk's worth, so that no more of a long list is read for it."""


class FeedStore:
    """Raises what Database raises."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def position(self, feed: Feed) -> tuple[int, bytes]:
        """Version and head of a feed; 0 and its genesis where nothing was imported yet."""
        row = self.database.one("SELECT version, head FROM feed WHERE name = ?", [feed])
        return (0, feed_genesis(feed)) if row is None else (int(row[0]), bytes(row[1]))

    def head_at(self, feed: Feed, version: int) -> bytes | None:
        """Head of a feed at a version; None where it has not come so far."""
        if version == 0:
            return feed_genesis(feed)
        row = self.database.one("SELECT head FROM feed_change WHERE feed = ? AND version = ?", [feed, version])
        return None if row is None else bytes(row[0])

    def changes(self, feed: Feed, first: int, last: int, most: int) -> list[bytes]:
        """Changes `first..last`, cut off once they are `most` bytes; at least one where there is one."""
        rows: list[bytes] = []
        size = 0
        for start in range(first, last + 1, _READ_AT_ONCE):
            for (change,) in self.database.rows(
                "SELECT change FROM feed_change WHERE feed = ? AND version BETWEEN ? AND ? ORDER BY version",
                [feed, start, min(last, start + _READ_AT_ONCE - 1)],
            ):
                size += len(change)
                if rows and size > most:
                    return rows
                rows.append(change)
        return rows

    def current(self, feed: Feed, key: str) -> bytes | None:
        """The change that put the record which is under a key now."""
        row = self.database.one(
            "SELECT c.change FROM feed_record r JOIN feed_change c USING (feed, version)"
            " WHERE r.feed = ? AND r.key = ?",
            [feed, key],
        )
        return None if row is None else bytes(row[0])

    def keys(self, feed: Feed) -> Iterator[str]:
        """Keys of the present content, in order."""
        for (key,) in self.database.rows("SELECT key FROM feed_record WHERE feed = ? ORDER BY key", [feed]):
            yield key

    def append(self, feed: Feed, puts: Iterable[tuple[str, bytes]], deletes: Iterable[str], at: datetime) -> int:
        """Add changes inside a transaction; returns the new version."""
        version, head = self.position(feed)
        self.database.execute(
            "INSERT INTO feed (name, version, head) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
            [feed, version, head],
        )
        for key, change in puts:
            version, head = self._change(feed, version, head, change, at)
            self.database.execute(
                "INSERT INTO feed_record (feed, key, version) VALUES (?, ?, ?)"
                " ON CONFLICT (feed, key) DO UPDATE SET version = excluded.version",
                [feed, key, version],
            )
        for key in deletes:
            version, head = self._change(feed, version, head, delete(key), at)
            self.database.execute("DELETE FROM feed_record WHERE feed = ? AND key = ?", [feed, key])
        self.database.execute("UPDATE feed SET version = ?, head = ? WHERE name = ?", [version, head, feed])
        return version

    def _change(self, feed: Feed, version: int, head: bytes, change: bytes, at: datetime) -> tuple[int, bytes]:
        version += 1
        head = extend_feed(head, version, change)
        self.database.execute(
            "INSERT INTO feed_change (feed, version, change, head, imported_at) VALUES (?, ?, ?, ?, ?)",
            [feed, version, change, head, stamp(at)],
        )
        return version, head
