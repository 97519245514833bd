"""From one epoch into the next: what of a stream can still be proved, and is carried over byte for byte.

A new epoch is opened where the old one cannot go on: an older copy of the store was put back, or an entry can no
longer be proved. What the centre is not known to have follows the new epoch's first entry exactly as it was written;
an entry's id counts once there, so that one which it had already does no harm. What cannot be proved is not carried:
a flipped bit must not become a truth. It stays where it is, and the new epoch names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.errors import StoreBusy, StoreError, StoreFull
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import Position, Stream, current_stream, head_at, stream_of
from mqtt_schemas import chain
from mqtt_schemas.entries import EpochOpened, read_entry
from mqtt_schemas.errors import BadSignature, Malformed

_PORTION = 500
_PLACED = ("passage", "correction", "evidence_blob", "evidence_state")
"""Tables whose rows say where in the journal their entry stands."""

Row = tuple[int, bytes, bytes, bytes, bytes]
"""Sequence, body, digest, head, signature."""


class Rest(Struct, frozen=True):
    """A stream's entries after some sequence."""

    entries: tuple[tuple[int, bytes], ...] = ()
    """Sequence and exact body of those that are proved."""
    damaged: tuple[int, ...] = ()
    """Those with something wrong: unreadable, altered, or with a head or signature that does not hold."""

    @property
    def left_behind(self) -> tuple[int, ...]:
        """Damaged, and not to be carried either."""
        proved = {sequence for sequence, _ in self.entries}
        return tuple(sequence for sequence in self.damaged if sequence not in proved)


def is_older(connection: Connection, end: Position) -> bool:
    """Whether the database is an older one, or another, than that which once ended at `end`.

    Not where its newest epoch was opened for just that: a power cut may have taken what was noted since.
    """
    stream = stream_of(connection, end.epoch)
    if stream is not None and head_at(connection, stream, end.sequence) == end.head:
        return False
    return _known_last(connection) != end


def _known_last(connection: Connection) -> Position | None:
    """The last end that was known when the newest epoch was opened, as its first entry says."""
    row = connection.execute(
        "SELECT body FROM journal WHERE stream = (SELECT max(id) FROM stream) AND sequence = 1"
    ).fetchone()
    try:
        opened = read_entry(bytes(row[0])) if row is not None else None
    except Malformed:
        return None
    if not isinstance(opened, EpochOpened):
        return None
    return Position(epoch=opened.previous_epoch, sequence=opened.previous_sequence, head=opened.previous_head)


def vouched(connection: Connection, stream: Stream) -> int:
    """The last entry which the centre, by its own signed word, once had as it stands here."""
    (sequence,) = connection.execute(
        "SELECT max(w.sequence) FROM witness w JOIN journal j ON (j.stream, j.sequence) = (w.stream, w.sequence)"
        " WHERE w.stream = ? AND w.source = 'centre' AND w.head = j.head",
        (stream.id,),
    ).fetchone()
    return max(stream.acknowledged, sequence or 0)


def rest_of(
    store: Store, stream: Stream, after: int, key: Ed25519PublicKey | None = None, upto: int | None = None
) -> Rest:
    """The entries after `after` (and until `upto`), each proved; with a key their signatures too, which costs most of
    the time.

    A page of the disk that does not verify costs the entries on it, not those around it. Raises StoreBusy.
    """
    proved: list[tuple[int, bytes]] = []
    damaged: list[int] = []
    secrets = _secrets(store, stream)
    firsts = sorted(secrets)
    before = _head(store, stream, after)
    end = stream.sequence if upto is None else min(upto, stream.sequence)
    for sequence, row in _rows(store, stream, after, end):
        if row is None:
            damaged.append(sequence)
            before = None
            continue
        _, body, digest, head, signature = row
        secret = next((secrets[first] for first in reversed(firsts) if first <= sequence), None)
        computed = chain.digest(chain.salt(secret, stream.epoch, sequence), body) if secret and body else None
        follows = before is not None and computed is not None and chain.link(before, sequence, computed) == head
        if computed is not None and (follows or computed == digest):
            proved.append((sequence, body))
        good = computed == digest and (follows or before is None)
        if not good or not _signed(key, stream, sequence, head, signature):
            damaged.append(sequence)
        before = head
    return Rest(tuple(proved), tuple(damaged))


def salvage(store: Store, device: str) -> Rest:
    """What a store that is set aside still has to say: of its last stream, what the centre is not known to have and
    what proves. Never raises: where nothing can be read, there is nothing.
    """
    try:
        with store.opened() as connection:
            stream = current_stream(connection)
        if stream is not None and stream.device == device:
            return rest_of(store, stream, stream.acknowledged)
    except StoreError:
        pass
    return Rest()


def move_places(connection: Connection, source: int, target: int, places: Mapping[int, int]) -> None:
    """What stands beside carried entries refers to them where they are now."""
    for table in _PLACED:
        # The tables' names are ours.
        connection.executemany(
            f"UPDATE {table} SET stream = ?, sequence = ? WHERE stream = ? AND sequence = ?",  # noqa: S608
            [(target, new, source, old) for old, new in places.items()],
        )


def note_carried(connection: Connection, source: Stream, target: int, rest: Rest) -> None:
    """Note up to where the centre has all of a stream, once it has what of it is carried: for retention."""
    whole = min(rest.left_behind, default=source.sequence + 1) - 1
    upto = 1 + sum(1 for sequence, _ in rest.entries if sequence <= whole)
    connection.execute(
        "INSERT INTO carried (source, sequence, stream, upto) VALUES (?, ?, ?, ?)", (source.id, whole, target, upto)
    )


def spans(sequences: Iterable[int]) -> str:
    """Sequences in words: `3, 7-9`."""
    runs: list[list[int]] = []
    for sequence in sequences:
        if runs and sequence == runs[-1][-1] + 1:
            runs[-1][1:] = [sequence]
        else:
            runs.append([sequence])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _rows(store: Store, stream: Stream, after: int, end: int) -> Iterator[tuple[int, Row | None]]:
    """Each entry's row in order; None: it cannot be read, or is not there."""
    while after < end:
        last = min(after + _PORTION, end)
        try:
            found = _read(store, stream, after + 1, last)
        except StoreBusy:
            raise
        except StoreError:
            # SQLCipher gives a connection up at the first page that does not verify: a new one for each row.
            found = {}
            for sequence in range(after + 1, last + 1):
                found |= _read_one(store, stream, sequence)
        for sequence in range(after + 1, last + 1):
            yield sequence, found.get(sequence)
        after = last


def _read(store: Store, stream: Stream, first: int, last: int) -> dict[int, Row]:
    with store.opened() as connection:
        rows: Sequence[Any] = connection.execute(
            "SELECT sequence, body, digest, head, signature FROM journal"
            " WHERE stream = ? AND sequence BETWEEN ? AND ? ORDER BY sequence",
            (stream.id, first, last),
        ).fetchall()
    return {row[0]: row for row in rows}


def _read_one(store: Store, stream: Stream, sequence: int) -> dict[int, Row]:
    try:
        return _read(store, stream, sequence, sequence)
    except (StoreBusy, StoreFull):
        raise
    except StoreError:
        return {}


def _secrets(store: Store, stream: Stream) -> dict[int, bytes]:
    try:
        with store.opened() as connection:
            return dict(
                connection.execute("SELECT first, secret FROM secret WHERE stream = ?", (stream.id,)).fetchall()
            )
    except StoreBusy:
        raise
    except StoreError:
        return {}


def _head(store: Store, stream: Stream, sequence: int) -> bytes | None:
    try:
        with store.opened() as connection:
            return head_at(connection, stream, sequence)
    except StoreBusy:
        raise
    except StoreError:
        return None


def _signed(key: Ed25519PublicKey | None, stream: Stream, sequence: int, head: bytes, signature: bytes) -> bool:
    if key is None:
        return True
    try:
        chain.verify_head(key, stream.device, stream.epoch, sequence, head, signature)
    except (BadSignature, ValueError):
        return False
    return True
