"""Where the entry stands that names a piece of evidence. Callers hold the transaction, except for `catch_up`."""

from __future__ import annotations

from typing import Final

from border_agent.store.sqlcipher import Connection
from mqtt_schemas.entries import Inspection, Movement, read_entry
from mqtt_schemas.errors import Malformed

Place = tuple[int, int]
"""Stream and sequence of an entry."""

NOWHERE: Final[Place] = (0, 0)
"""The place of a record whose entry is not in this journal; also: before every place."""

_PORTION: Final = 500


def catch_up(connection: Connection) -> None:
    """Find the entries of records that an older version wrote without their place.

    Begins its own transactions, of some hundred entries each. A record whose entry is not found is never sent.
    """
    lacking = "SELECT 1 FROM evidence e WHERE NOT EXISTS (SELECT 1 FROM evidence_state s WHERE s.sha256 = e.sha256)"
    place: Place = NOWHERE
    while connection.execute(f"{lacking} LIMIT 1").fetchone() is not None:
        rows = connection.execute(
            "SELECT stream, sequence, body FROM journal WHERE (stream, sequence) > (?, ?)"
            " ORDER BY stream, sequence LIMIT ?",
            (*place, _PORTION),
        ).fetchall()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT INTO evidence_state (sha256, stream, sequence)"
                " SELECT sha256, ?2, ?3 FROM evidence WHERE sha256 = ?1 ON CONFLICT (sha256) DO NOTHING",
                [(name, *row[:2]) for row in rows if (name := _named(bytes(row[2])))],
            )
            if not rows:
                connection.execute(
                    "INSERT INTO evidence_state (sha256, stream, sequence) SELECT sha256, ?, ? FROM evidence"
                    " WHERE true ON CONFLICT (sha256) DO NOTHING",
                    NOWHERE,
                )
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        place = (rows[-1][0], rows[-1][1]) if rows else place


def _named(body: bytes) -> bytes | None:
    """The record that an entry names."""
    try:
        entry = read_entry(body)
    except Malformed:
        return None
    return entry.evidence if isinstance(entry, Movement | Inspection) else None
