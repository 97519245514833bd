"""Which evidence the centre does not have yet, in the order of sending: entry by entry, the record before pictures.

A piece waits until its entry is acknowledged: a name that stands in no entry of the centre's is refused there. What
the centre holds of a piece stands beside it (`sent`, `whole_at`), on the centre's own signed word.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.evidence import RECORD, NotOpened, read_piece
from border_agent.store.evidence_places import Place
from border_agent.store.streams import stamp

_log = logging.getLogger(__name__)

_PLACES: Final = 16
"""Entries whose evidence is looked up at once."""
_TABLES: Final = ("evidence_state", "evidence_blob")
"""Of records, and of pictures."""
_WAITS: Final = (
    "SELECT w.stream, w.sequence FROM {table} w JOIN stream t ON t.id = w.stream"
    " WHERE w.whole_at IS NULL AND w.sequence <= t.acknowledged AND (w.stream, w.sequence) > (?1, ?2)"
    " ORDER BY w.stream, w.sequence LIMIT ?3"
)


class WaitingPiece(Struct, frozen=True, kw_only=True):
    """A piece that is to be sent."""

    name: bytes
    """SHA-256."""
    kind: str
    size: int
    sent: int
    """Bytes that the centre is known, or was known, to hold."""
    place: Place
    epoch: bytes
    """With the place's sequence: the entry that names it, or the record which does."""


class Waiting(Struct, frozen=True, kw_only=True):
    """How much waits to be sent, acknowledged entries' or not."""

    pieces: int
    size: int
    """Bytes."""


class EvidenceWaiting:
    """What is still to be sent. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def after(self, place: Place) -> list[WaitingPiece]:
        """Pieces of the next entries behind a place, in order; none where nothing waits there."""
        with self._store.reading() as connection:
            both = " UNION ".join(f"SELECT * FROM ({_WAITS.format(table=table)})" for table in _TABLES)  # noqa: S608
            places = connection.execute(f"{both} ORDER BY 1, 2 LIMIT ?3", (*place, _PLACES)).fetchall()
            if not places:
                return []
            rows = connection.execute(
                "SELECT w.sha256, ?5, e.size, w.sent, w.stream, w.sequence, t.epoch, 0 FROM evidence_state w"
                " JOIN evidence e ON e.sha256 = w.sha256 JOIN stream t ON t.id = w.stream"
                " WHERE w.whole_at IS NULL AND w.sequence <= t.acknowledged"
                " AND (w.stream, w.sequence) BETWEEN (?1, ?2) AND (?3, ?4)"
                " UNION ALL SELECT w.sha256, w.kind, w.size, w.sent, w.stream, w.sequence, t.epoch, 1"
                " FROM evidence_blob w JOIN evidence_key k ON k.day = w.day JOIN stream t ON t.id = w.stream"
                " WHERE w.whole_at IS NULL AND w.sequence <= t.acknowledged"
                " AND (w.stream, w.sequence) BETWEEN (?1, ?2) AND (?3, ?4) ORDER BY 5, 6, 8, 2",
                (*places[0], *places[-1], RECORD),
            ).fetchall()
        return [
            WaitingPiece(
                name=bytes(row[0]), kind=row[1], size=row[2], sent=row[3], place=(row[4], row[5]), epoch=bytes(row[6])
            )
            for row in rows
        ]

    def read(self, name: bytes) -> bytes | None:
        """All of a piece; None where it has gone meanwhile. A picture that its key does not open is given up."""
        try:
            with self._store.reading() as connection:
                return read_piece(connection, name)
        except NotOpened as error:
            # Of a database put back without its keys: nobody will ever read it, and it must not wait for ever.
            _log.error("a picture is given up: %s", error)
            with self._store.writing() as connection:
                connection.execute("DELETE FROM evidence_blob WHERE sha256 = ?", (name,))
            return None

    def whole(self, names: Iterable[bytes], at: datetime) -> None:
        """The centre holds all of these, by its own word of this moment; durable."""
        rows = [(stamp(at), name) for name in names]
        with self._store.writing() as connection:
            connection.executemany(
                "UPDATE evidence_state SET whole_at = ?1, sent = (SELECT size FROM evidence e"
                " WHERE e.sha256 = evidence_state.sha256) WHERE sha256 = ?2",
                rows,
            )
            connection.executemany("UPDATE evidence_blob SET whole_at = ?, sent = size WHERE sha256 = ?", rows)

    def doubt(self) -> None:
        """The centre has been put back to an earlier state: whatever it held is asked for anew; durable.

        `sent` stays, so that it is asked by the last byte alone: what it still holds does not travel again.
        """
        with self._store.writing() as connection:
            for table in _TABLES:
                connection.execute(f"UPDATE {table} SET whole_at = NULL WHERE whole_at IS NOT NULL")  # noqa: S608

    def count(self) -> Waiting:
        """How much the centre does not have."""
        with self._store.reading() as connection:
            pieces, size = connection.execute(
                "SELECT count(*), coalesce(sum(size), 0) FROM ("
                "SELECT e.size FROM evidence_state w JOIN evidence e USING (sha256)"
                " WHERE w.whole_at IS NULL AND w.stream > 0 UNION ALL"
                " SELECT size FROM evidence_blob w JOIN evidence_key USING (day) WHERE w.whole_at IS NULL)"
            ).fetchone()
        return Waiting(pieces=pieces, size=size)
