"""The journal: one append-only, hash-chained table of all that this device has to say. It is the outbox.

"Unsent" means "after the mark"; there is no second queue that could disagree. An entry and what it changes locally
(a visa used, evidence kept) are one durable transaction, and nobody is told before it is on disk. Where the journal
ends is read from the database in each commit, never remembered: whatever a failed commit left behind, the next one
continues what is really there.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct, structs

from border_agent.clock import Clock
from border_agent.store import witness
from border_agent.store.carrying import Rest, is_older, move_places, note_carried, rest_of, spans, vouched
from border_agent.store.database import Store
from border_agent.store.errors import NotAppended, StoreDamaged, StoreFull
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import Position, Stream, check_end, current_stream, head_at, secret_for, stamp
from border_agent.store.tail import Tail
from mqtt_schemas import chain
from mqtt_schemas.entries import DeviceEvent, Entry, EpochOpened, EpochReason, write_entry
from mqtt_schemas.errors import Malformed
from mqtt_schemas.messages import SaltSecret

_log = logging.getLogger(__name__)

MOST_AT_ONCE = 64
"""Entries of one commit."""

LEFT_BEHIND = "entries_left_behind"
"""The device event that names entries which a new epoch could not carry over."""
LONGEST_DETAIL = 200


class Receipt(Struct, frozen=True, kw_only=True):
    """Proof of a durable commit: where its last entry stands in the chain."""

    epoch: bytes
    sequence: int
    head: bytes
    signature: bytes
    """The device's, over the head (`mqtt_schemas.chain.head_statement`)."""
    milliseconds: float = 0.0
    """How long the durable commit took; 0: not measured."""


class Mark(Struct, frozen=True, kw_only=True):
    """Up to where the centre has the stream, on its own signed word."""

    epoch: bytes
    sequence: int
    head: bytes
    at: datetime | None = None
    """The acknowledgement's time; None: there has been none in this epoch."""


class Segment(Struct, frozen=True, kw_only=True):
    """Contiguous entries with all that a batch of them needs."""

    epoch: bytes
    first: int
    last: int
    previous: bytes
    """Head before `first`."""
    head: bytes
    signature: bytes
    bodies: tuple[bytes, ...]
    secrets: tuple[SaltSecret, ...]
    """Secrets whose first entry lies in the segment."""


class Change(Protocol):
    """Local state that changes with an entry, in its transaction (`VisaUsed`, `EvidenceKept`)."""

    def apply(self, connection: Connection, at: datetime) -> None:
        """Write it; `at` is the commit's time. Whatever it raises undoes the whole commit."""


class Journal:
    """The open journal of one device. Thread-safe."""

    def __init__(
        self,
        store: Store,
        device: str,
        key: Ed25519PrivateKey,
        clock: Clock,
        *,
        software: str,
        reason: EpochReason = EpochReason.FIRST_START,
        salvaged: Rest | None = None,
    ) -> None:
        """Find the end of the journal, or open its first epoch where the store has none (`reason` says why:
        FIRST_START, or STORE_LOST after `set_aside`). Raises the clock's floor to the newest entry's time.

        `salvaged`: of the store that was set aside; the first epoch of this one carries it.

        A store that is older than it was once (see `tail`) is never continued: it begins a new epoch at once, and
        carries over what the centre is not known to have.

        Raises StoreDamaged where the journal does not end where it says, StoreError.
        """
        self._store = store
        self._device = device
        self._key = key
        self._clock = clock
        self._software = software
        self._listeners: list[Callable[[Receipt], None]] = []
        self._listening = threading.Lock()
        self._full_commits = 0
        self._tail = Tail(store.path, device)
        # Before the database is looked at: another process of this device may be committing.
        end = self._tail.read()
        older = False
        with store.reading() as connection:
            stream = current_stream(connection)
            if stream is not None:
                check_end(connection, stream)
                clock.raise_floor(stream.latest_at)
                older = end is not None and is_older(connection, end)
        if stream is None:
            lost = end is not None and reason is EpochReason.FIRST_START
            self.open_epoch(EpochReason.STORE_LOST if lost else reason, last=end, salvaged=salvaged)
        elif stream.device != device:
            raise StoreDamaged(str(store.path), f"the journal of {stream.device}, this is {device}")
        elif older:
            self.open_epoch(EpochReason.RESTORED, last=end, carry=True)

    @property
    def device(self) -> str:
        return self._device

    @property
    def full_commits(self) -> int:
        """How many commits have found no room since the start."""
        return self._full_commits

    def commit(self, entries: Sequence[Entry], changes: Sequence[Change] = ()) -> Receipt:
        """Append entries with the local changes that belong to them; durable when it returns.

        Raises NotAppended (none, more than 64, or one of them too large), StoreFull and other StoreErrors; nothing
        has then changed, and the same call may be made again.
        """
        if not 1 <= len(entries) <= MOST_AT_ONCE:
            raise NotAppended(self._device, f"{len(entries)} entries")
        bodies = [self._write(entry) for entry in entries]
        begun = time.monotonic()
        try:
            with self._store.writing() as connection:
                stream = current_stream(connection)
                if stream is None:
                    raise StoreDamaged(str(self._store.path), "no epoch")
                receipt, at = self._append(connection, stream, bodies)
                for change in changes:
                    change.apply(connection, at)
        except StoreFull:
            self._full_commits += 1
            raise
        receipt = structs.replace(receipt, milliseconds=round((time.monotonic() - begun) * 1000, 3))
        self._clock.raise_floor(at)
        self._tell(receipt)
        return receipt

    def open_epoch(
        self,
        reason: EpochReason,
        *,
        last: Position | None = None,
        carry: bool = False,
        notes: Sequence[Entry] = (),
        salvaged: Rest | None = None,
    ) -> Receipt:
        """Begin a new stream; its first entry names the reason and the last head known (`last`: a later one than the
        store's own). `carry`: what the centre is not known to have of the stream before follows, byte for byte;
        then what could not be carried, named, and `notes`. `salvaged`: the same out of another store, instead. All of
        it is one commit. Raises StoreError.
        """
        epoch = chain.new_epoch()
        reading = self._clock.read()
        header: dict[str, Any] = {"occurred_at": reading.at, "recorded_at": reading.at, "clock": reading.quality}
        with self._store.holding():
            with self._store.reading() as connection:
                before = current_stream(connection)
            rest = salvaged or Rest()
            if carry and before is not None:
                rest = rest_of(self._store, before, before.acknowledged)
            if last is None and before is not None:
                last = Position(epoch=before.epoch, sequence=before.sequence, head=before.head)
            opened = EpochOpened(
                id=secrets.token_hex(16),
                device=self._device,
                software=self._software,
                reason=reason,
                previous_epoch=last.epoch if last is not None else b"",
                previous_sequence=last.sequence if last is not None else 0,
                previous_head=last.head if last is not None else b"",
                carried=len(rest.entries),
                **header,
            )
            bodies = [self._write(opened), *(body for _, body in rest.entries)]
            if last is not None and rest.left_behind:
                source = before.epoch if before is not None else last.epoch
                details = {"epoch": source.hex(), "entries": spans(rest.left_behind)[:LONGEST_DETAIL]}
                left = DeviceEvent(id=secrets.token_hex(16), event=LEFT_BEHIND, details=details, **header)
                bodies.append(self._write(left))
            bodies += [self._write(note) for note in notes]
            genesis = chain.genesis(self._device, epoch)
            with self._store.writing() as connection:
                connection.execute(
                    "INSERT INTO stream (epoch, device, opened_at, reason, head, latest_at, acknowledged_head)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (epoch, self._device, stamp(reading.at), reason.value, genesis, stamp(reading.at), genesis),
                )
                stream = current_stream(connection)
                assert stream is not None
                receipt, at = self._append(connection, stream, bodies)
                if before is not None:
                    places = {old: new for new, (old, _) in enumerate(rest.entries, start=2)}
                    move_places(connection, before.id, stream.id, places)
                    note_carried(connection, before, stream.id, rest)
        self._clock.raise_floor(at)
        _log.warning("opened a new epoch: %s, %d entries carried over", reason.value, len(rest.entries))
        self._tell(receipt)
        self._tail.sync()
        return receipt

    def damaged(self) -> tuple[int, ...]:
        """Entries of the current epoch that the centre is not known to have and that cannot be proved any more: the
        centre would refuse them. Takes about 0.2 ms an entry, during which nobody commits. Raises StoreError.
        """
        with self._store.holding():
            stream = self._stream()
            return rest_of(self._store, stream, stream.acknowledged, self._key.public_key()).damaged

    def proved_upto(self, after: int, limit: int) -> int:
        """The last of the entries `after + 1 … limit` before one that cannot be proved: at least `after`, where there
        is none that can. Takes about 0.2 ms an entry; others commit meanwhile. Raises StoreError.
        """
        stream = self._stream()
        limit = min(limit, stream.sequence)
        damaged = rest_of(self._store, stream, after, self._key.public_key(), limit).damaged
        return damaged[0] - 1 if damaged else limit

    def vouched(self) -> int:
        """The last entry of this epoch which the centre once had as it stands here, on its own signed word: a
        restored centre may have fewer, and one that has others there contradicts itself. Raises StoreError.
        """
        with self._store.reading() as connection:
            stream = current_stream(connection)
            return vouched(connection, stream) if stream is not None else 0

    def position(self) -> Position:
        """Where the journal ends. Raises StoreError."""
        stream = self._stream()
        return Position(epoch=stream.epoch, sequence=stream.sequence, head=stream.head)

    def mark(self) -> Mark:
        """Up to where the centre has acknowledged. Raises StoreError."""
        stream = self._stream()
        return Mark(
            epoch=stream.epoch,
            sequence=stream.acknowledged,
            head=stream.acknowledged_head,
            at=stream.acknowledged_at,
        )

    def move_mark(self, sequence: int, head: bytes, at: datetime, *, statement: bytes = b"") -> None:
        """Note, durably, what the centre has acknowledged of the current epoch: forward, or back (a restored centre).

        `statement`: the signed acknowledgement as it came, kept as a witness of this head; empty: none.
        Raises NotAppended where `head` is not the journal's own at `sequence`: a fork is for the caller to report.
        """
        with self._store.writing() as connection:
            stream = current_stream(connection)
            if stream is None or head_at(connection, stream, sequence) != head:
                raise NotAppended(self._device, f"the mark {sequence} is not on this chain")
            connection.execute(
                "UPDATE stream SET acknowledged = ?, acknowledged_head = ?, acknowledged_at = ? WHERE id = ?",
                (sequence, head, stamp(at), stream.id),
            )
            if statement and sequence:
                witness.keep(
                    connection,
                    stream=stream.id,
                    epoch=stream.epoch,
                    sequence=sequence,
                    head=head,
                    at=at,
                    source=witness.CENTRE,
                    statement=statement,
                )

    def head_at(self, epoch: bytes, sequence: int) -> bytes | None:
        """The head after `sequence` (0: genesis); None beyond the end or in another epoch. Raises StoreError."""
        with self._store.reading() as connection:
            stream = current_stream(connection)
            return head_at(connection, stream, sequence) if stream is not None and stream.epoch == epoch else None

    def entries_after(self, sequence: int, limit_rows: int, limit_bytes: int) -> Segment | None:
        """The current epoch's entries after `sequence`, at least one and at most so many rows and bytes of bodies.

        None where there is none. Raises StoreError.
        """
        with self._store.reading() as connection:
            stream = current_stream(connection)
            previous = head_at(connection, stream, sequence) if stream is not None else None
            if stream is None or previous is None:
                return None
            taken: list[tuple[int, bytes, bytes, bytes]] = []
            size = 0
            rows = connection.execute(
                "SELECT sequence, body, head, signature FROM journal WHERE stream = ? AND sequence > ?"
                " ORDER BY sequence LIMIT ?",
                (stream.id, sequence, limit_rows),
            )
            for row in rows:
                size += len(row[1])
                if taken and size > limit_bytes:
                    break
                taken.append(row)
            rows.close()
            if not taken:
                return None
            first, last = taken[0][0], taken[-1][0]
            found = connection.execute(
                "SELECT first, secret FROM secret WHERE stream = ? AND first BETWEEN ? AND ? ORDER BY first",
                (stream.id, first, last),
            ).fetchall()
        return Segment(
            epoch=stream.epoch,
            first=first,
            last=last,
            previous=previous,
            head=taken[-1][2],
            signature=taken[-1][3],
            bodies=tuple(row[1] for row in taken),
            secrets=tuple(SaltSecret(first=start, secret=secret) for start, secret in found),
        )

    def bodies_before(self, sequence: int, count: int) -> tuple[bytes, ...]:
        """At most so many bodies just before an entry of the current epoch, the oldest first; none where the text of
        one of them has gone. Raises StoreError.
        """
        segment = self.entries_after(max(0, sequence - 1 - count), min(count, sequence - 1), 2**31)
        return segment.bodies if segment is not None and all(segment.bodies) else ()

    def latest(self, count: int) -> list[bytes]:
        """The newest entries' bodies of the current epoch, oldest first. Raises StoreError."""
        position = self.position()
        segment = self.entries_after(max(0, position.sequence - count), count, 2**31)
        return list(segment.bodies) if segment is not None else []

    def sync_end(self) -> None:
        """Make the file beside the store durable (see `tail`); for idle moments. Never raises."""
        self._tail.sync()

    def on_commit(self, listener: Callable[[Receipt], None]) -> None:
        """Call `listener` after every commit, in the committing thread; it must not wait."""
        with self._listening:
            self._listeners.append(listener)

    def _stream(self) -> Stream:
        with self._store.reading() as connection:
            stream = current_stream(connection)
        if stream is None:
            raise StoreDamaged(str(self._store.path), "no epoch")
        return stream

    def _write(self, entry: Entry) -> bytes:
        try:
            return write_entry(entry)
        except Malformed as error:
            raise NotAppended(self._device, error.detail) from None

    def _append(self, connection: Connection, stream: Stream, bodies: Sequence[bytes]) -> tuple[Receipt, datetime]:
        at = self._clock.now()
        sequence, head, signature = stream.sequence, stream.head, b""
        secret = secret_for(connection, stream, sequence + 1, at)
        for body in bodies:
            sequence += 1
            digest = chain.digest(chain.salt(secret, stream.epoch, sequence), body)
            head = chain.link(head, sequence, digest)
            signature = chain.sign_head(self._key, self._device, stream.epoch, sequence, head)
            connection.execute(
                "INSERT INTO journal (stream, sequence, body, digest, head, signature) VALUES (?, ?, ?, ?, ?, ?)",
                (stream.id, sequence, body, digest, head, signature),
            )
        connection.execute(
            "UPDATE stream SET sequence = ?, head = ?, latest_at = ? WHERE id = ?",
            (sequence, head, stamp(at), stream.id),
        )
        return Receipt(epoch=stream.epoch, sequence=sequence, head=head, signature=signature), at

    def _tell(self, receipt: Receipt) -> None:
        self._tail.note(receipt.epoch, receipt.sequence, receipt.head)
        with self._listening:
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(receipt)
            except Exception as error:
                # What is committed is committed, whoever stumbles over it.
                _log.error("a listener of the journal failed: %s", error)
