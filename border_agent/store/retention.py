"""Below a checkpoint the text of entries goes; digests, heads and signatures stay, and the chain still verifies.

What may go: entries that the centre has acknowledged, of days older than the policy keeps. A day goes as a whole,
with the secret its salts came from: then nothing that is left says anything of anybody. The triggers that forbid
every change of the journal are taken away for one small transaction, in which two others still hold that only text at
or below the checkpoint, and only secrets without text, can go; they are back, word for word, in the same commit.

In the passages what names somebody goes with the entry, and what is counted stays; of a stay that is still open it
goes when the traveller has left, because the exit is held against it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import Stream, head_at, stamp, stream_of
from mqtt_schemas.entries import Decision, Direction

PORTION: Final = 200
"""Entries of one transaction: a decision waits behind it."""

_LIFTED: Final = ("journal_unaltered", "secret_kept")
_NAMED: Final = ("issuer", "number", "surname", "given_names", "birth", "visa")
_OPEN_STAY: Final = f"""
    p.kind <> 'inspection' AND p.annulled = 0 AND p.stay_days > 0
    AND p.direction = '{Direction.ENTRY}' AND p.decision = '{Decision.ADMIT}' AND NOT EXISTS (
        SELECT 1 FROM passage l WHERE l.number = p.number AND l.issuer = p.issuer AND l.annulled = 0
        AND l.kind <> 'inspection' AND l.decision = p.decision AND l.occurred_at > p.occurred_at
    )
"""  # noqa: S608
_STILL_NAMED: Final = f"""
    SELECT p.entry FROM checkpoint c JOIN passage p ON p.stream = c.stream AND p.sequence <= c.sequence
    WHERE (p.number <> '' OR p.surname <> '' OR p.given_names <> '') AND NOT ({_OPEN_STAY}) LIMIT ?
"""  # noqa: S608


class Pruned(Struct, frozen=True, kw_only=True):
    """What one step has taken away."""

    entries: int = 0
    secrets: int = 0
    passages: int = 0
    more: bool = False
    """There is more to do: call again, when nobody waits."""


def prune(store: Store, keep_days: int, at: datetime) -> Pruned:
    """One small step: at most PORTION entries. Raises StoreError, and then nothing of the step is done.

    `keep_days`: entries of the last so many days keep their text (see `Policy.journal_days`).
    """
    before = (at - timedelta(days=keep_days)).date()
    with store.reading() as connection:
        work = _next(connection, before)
        named = [] if work is not None else _still_named(connection)
    if work is None and not named:
        return Pruned()
    with store.writing() as connection:
        connection.execute("PRAGMA secure_delete = ON").fetchone()
        if work is None:
            return Pruned(passages=_unname(connection, named), more=len(named) == PORTION)
        stream, first, limit = work
        last = min(first + PORTION - 1, limit)
        _check(connection, stream, limit, at)
        lifted = [_lift(connection, trigger) for trigger in _LIFTED]
        emptied = connection.execute(
            "UPDATE journal SET body = x'' WHERE stream = ? AND sequence BETWEEN ? AND ?", (stream.id, first, last)
        ).rowcount
        spent = connection.execute(
            # The one that reaches beyond `last` stays; of a stream that ended, none does in the end.
            "DELETE FROM secret WHERE stream = ? AND first <= ? AND (? OR first <"
            " (SELECT max(first) FROM secret WHERE stream = ? AND first <= ?))",
            (stream.id, last, last == stream.sequence, stream.id, last + 1),
        ).rowcount
        for trigger in lifted:
            connection.execute(trigger)
    return Pruned(entries=emptied, secrets=spent, more=True)


def _next(connection: Connection, before: date) -> tuple[Stream, int, int] | None:
    """A stream with something to be taken away: from which entry, up to which."""
    for (epoch,) in connection.execute("SELECT epoch FROM stream ORDER BY id").fetchall():
        stream = stream_of(connection, epoch)
        assert stream is not None
        limit = _limit(connection, stream, before)
        first = _first_whole(connection, stream, limit)
        if first <= limit:
            return stream, first, limit
    return None


def _limit(connection: Connection, stream: Stream, before: date) -> int:
    """The last entry of the days that may go; 0: none.

    A secret's entries were written before the next secret was made: that one's day says how old they are, whatever
    a clock said that began in 1970.
    """
    secrets = connection.execute(
        "SELECT first, day FROM secret WHERE stream = ? ORDER BY first", (stream.id,)
    ).fetchall()
    # A stream that ended: the next one's first secret follows its last.
    secrets += connection.execute(
        "SELECT ?, day FROM secret WHERE stream > ? ORDER BY stream, first LIMIT 1", (stream.sequence + 1, stream.id)
    ).fetchall()
    held, limit = _held(connection, stream), 0
    for _, (following, day) in pairwise(secrets):
        if following - 1 > held or date.fromisoformat(day) > before:
            break
        limit = following - 1
    return limit


def _held(connection: Connection, stream: Stream) -> int:
    """Up to where the centre has a stream: on its acknowledgement, or on that of the stream it was carried into."""
    row = connection.execute(
        "SELECT c.sequence FROM carried c JOIN stream s ON s.id = c.stream"
        " WHERE c.source = ? AND (s.acknowledged >= c.upto"
        " OR EXISTS (SELECT 1 FROM checkpoint k WHERE k.stream = c.stream AND k.sequence >= c.upto))",
        (stream.id,),
    ).fetchone()
    return max(stream.acknowledged, row[0]) if row is not None else stream.acknowledged


def _first_whole(connection: Connection, stream: Stream, limit: int) -> int:
    """The first entry up to `limit` that has its text; beyond it where none has. Text goes from the beginning on."""
    low, high = 1, limit + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "SELECT body IS x'' FROM journal WHERE stream = ? AND sequence = ?", (stream.id, middle)
        ).fetchone()
        if row is not None and row[0]:
            low = middle + 1
        else:
            high = middle
    return low


def _check(connection: Connection, stream: Stream, sequence: int, at: datetime) -> None:
    """Set the checkpoint; it never goes back."""
    connection.execute(
        "INSERT INTO checkpoint (stream, sequence, head, at) VALUES (?, ?, ?, ?) ON CONFLICT (stream) DO UPDATE"
        " SET sequence = excluded.sequence, head = excluded.head, at = excluded.at"
        " WHERE excluded.sequence > checkpoint.sequence",
        (stream.id, sequence, head_at(connection, stream, sequence), stamp(at)),
    )


def _lift(connection: Connection, trigger: str) -> str:
    """Drop a trigger; returns its statement, for putting it back."""
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)).fetchone()
    connection.execute(f"DROP TRIGGER {trigger}")
    return str(sql)


def _still_named(connection: Connection) -> list[tuple[str]]:
    """Passages of entries whose text has gone that still name somebody, and need not."""
    rows: list[tuple[str]] = connection.execute(_STILL_NAMED, (PORTION,)).fetchall()
    return rows


def _unname(connection: Connection, entries: list[tuple[str]]) -> int:
    blank = ", ".join(f"{column} = ''" for column in _NAMED)
    connection.executemany(f"UPDATE passage SET {blank} WHERE entry = ?", entries)  # noqa: S608
    return len(entries)
