"""The rows behind the journal: the current stream, its end, its salt secrets. Callers hold the transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import Struct

from border_agent.store.errors import StoreDamaged
from border_agent.store.sqlcipher import Connection
from mqtt_schemas import chain


class Stream(Struct, frozen=True):
    """The current epoch's row."""

    id: int
    epoch: bytes
    device: str
    sequence: int
    head: bytes
    latest_at: datetime
    acknowledged: int
    acknowledged_head: bytes
    acknowledged_at: datetime | None


class Position(Struct, frozen=True, kw_only=True):
    """A point of the stream: where the journal ends, or its mark."""

    epoch: bytes
    sequence: int
    head: bytes


def stamp(at: datetime) -> str:
    """A moment as it is stored: UTC, fixed width, so that text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    """A stored moment."""
    return datetime.fromisoformat(text) if text else None


_STREAM = (
    "SELECT id, epoch, device, sequence, head, latest_at, acknowledged, acknowledged_head, acknowledged_at"
    " FROM stream"
)


def current_stream(connection: Connection) -> Stream | None:
    return _stream(connection.execute(f"{_STREAM} ORDER BY id DESC LIMIT 1").fetchone())


def stream_of(connection: Connection, epoch: bytes) -> Stream | None:
    """The stream of an epoch, the current one or one before it."""
    return _stream(connection.execute(f"{_STREAM} WHERE epoch = ?", (epoch,)).fetchone())


def _stream(row: tuple[Any, ...] | None) -> Stream | None:
    if row is None:
        return None
    return Stream(
        id=row[0],
        epoch=row[1],
        device=row[2],
        sequence=row[3],
        head=row[4],
        latest_at=datetime.fromisoformat(row[5]),
        acknowledged=row[6],
        acknowledged_head=row[7],
        acknowledged_at=moment(row[8]),
    )


def head_at(connection: Connection, stream: Stream, sequence: int) -> bytes | None:
    if sequence == 0:
        return chain.genesis(stream.device, stream.epoch)
    if sequence == stream.sequence:
        return stream.head
    row = connection.execute(
        "SELECT head FROM journal WHERE stream = ? AND sequence = ?", (stream.id, sequence)
    ).fetchone()
    return bytes(row[0]) if row is not None else None


def check_end(connection: Connection, stream: Stream) -> None:
    """The last row must be the one the stream's own row names: a torn or shortened journal is not continued."""
    row = connection.execute(
        "SELECT sequence, head FROM journal WHERE stream = ? ORDER BY sequence DESC LIMIT 1", (stream.id,)
    ).fetchone()
    if row is None or (row[0], bytes(row[1])) != (stream.sequence, stream.head):
        raise StoreDamaged("journal", f"does not end at entry {stream.sequence}")


def secret_for(connection: Connection, stream: Stream, sequence: int, at: datetime) -> bytes:
    """The salt secret that serves from `sequence` on: the day's, or a fresh one as a new UTC day begins."""
    today = at.date()
    row = connection.execute(
        "SELECT secret, day FROM secret WHERE stream = ? ORDER BY first DESC LIMIT 1", (stream.id,)
    ).fetchone()
    # A day back too: for a clock that swings about midnight, a secret more for each swing would help nobody.
    if row is not None and date.fromisoformat(row[1]) - today in (timedelta(0), timedelta(days=1)):
        return bytes(row[0])
    secret = chain.new_secret()
    connection.execute(
        "INSERT INTO secret (stream, first, secret, day) VALUES (?, ?, ?, ?)",
        (stream.id, sequence, secret, today.isoformat()),
    )
    return secret
