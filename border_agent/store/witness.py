"""Who else has seen where a journal stood: the centre, and the post's other devices.

Whoever holds a device's keys can write its journal anew from any point on, but cannot take back what others were
told. So the signed messages themselves are kept, exactly as they came: an outsider checks them without this device.
Of each source and journal the last of every hour stays, which is all a proof needs. Callers hold the transaction.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import stamp

CENTRE = "centre"

_HOUR = len("2026-11-22T14")
"""Of a stored moment: as much of it as names the hour."""


class Witnessed(Struct, frozen=True, kw_only=True):
    """A head that somebody has signed or acknowledged."""

    sequence: int
    head: bytes
    at: str
    """As stored: UTC, ISO 8601."""
    source: str
    """`centre`, or the device whose journal it is."""
    statement: bytes
    """The `messages.Signed`, encoded as it came."""


def keep(
    connection: Connection,
    *,
    stream: int | None,
    epoch: bytes,
    sequence: int,
    head: bytes,
    at: datetime,
    source: str,
    statement: bytes,
) -> None:
    """Keep a signed statement that `head` was the head after `sequence`.

    `stream`: this device's own stream; None: another device's journal, of `epoch` (16 bytes). The last of an hour
    takes the place of the one before it in that hour, unless that one saw further (a centre that was restored since).
    Raises sqlcipher's own errors.
    """
    written = stamp(at)
    newest = connection.execute(
        "SELECT id, at, sequence FROM witness WHERE stream IS ? AND source = ? AND (stream IS NOT NULL OR epoch = ?)"
        " ORDER BY id DESC LIMIT 1",
        (stream, source, epoch),
    ).fetchone()
    if newest is not None and newest[1][:_HOUR] == written[:_HOUR] and newest[2] <= sequence:
        connection.execute("DELETE FROM witness WHERE id = ?", (newest[0],))
    connection.execute(
        "INSERT INTO witness (stream, epoch, sequence, head, at, source, statement) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (stream, epoch, sequence, head, written, source, statement),
    )


def of_stream(connection: Connection, stream: int, *, source: str = "") -> list[Witnessed]:
    """What is kept of an own stream, by sequence; of one source only, where it is named."""
    rows = connection.execute(
        "SELECT sequence, head, at, source, statement FROM witness WHERE stream = ? AND ? IN ('', source)"
        " ORDER BY sequence, id",
        (stream, source),
    )
    return [_witnessed(*row) for row in rows]


def of_others(connection: Connection) -> list[Witnessed]:
    """What is kept of other devices' journals, in the order it came."""
    rows = connection.execute(
        "SELECT sequence, head, at, source, statement FROM witness WHERE stream IS NULL ORDER BY id"
    )
    return [_witnessed(*row) for row in rows]


def latest(connection: Connection, stream: int, source: str = CENTRE) -> Witnessed | None:
    """The furthest head of an own stream that a source has witnessed; None: none is kept."""
    row = connection.execute(
        "SELECT sequence, head, at, source, statement FROM witness WHERE stream = ? AND source = ?"
        " ORDER BY sequence DESC, id DESC LIMIT 1",
        (stream, source),
    ).fetchone()
    return _witnessed(*row) if row is not None else None


def _witnessed(sequence: int, head: bytes, at: str, source: str, statement: bytes) -> Witnessed:
    return Witnessed(sequence=sequence, head=bytes(head), at=at, source=source, statement=bytes(statement))
