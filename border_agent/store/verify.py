"""Is the journal what was written? Recomputed from the first entry of each epoch to the last.

Edits, deletions in the middle, insertions and exchanged entries break the chain or a signature; a missing tail
contradicts the stream's own row. Whoever holds the store's key and the device's journal key can write another
history from some point on, and whoever holds the store's key can cut the tail and mend that row: against those
stand the heads that others have witnessed. So a report says up to where the centre has acknowledged, and a caller
with a head from elsewhere (a slip, an acknowledgement) holds it against `Journal.head_at`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.migrations import VERSION, snapshot
from border_agent.store.sqlcipher import Connection
from mqtt_schemas import chain
from mqtt_schemas.entries import EpochOpened, read_entry
from mqtt_schemas.errors import BadSignature, Malformed

MOST_FAULTS = 100
PROGRESS_ENTRIES = 100

Progress = Callable[[int, int], None]
"""Told how much is done, of how much: entries here, pages of a copy. What it raises ends the work."""

_GUARDS = (
    "checkpoint_begun",
    "checkpoint_kept",
    "checkpoint_moved",
    "journal_contiguous",
    "journal_emptied",
    "journal_kept",
    "journal_unaltered",
    "secret_kept",
    "secret_spent",
    "secret_unaltered",
    "stream_kept",
)


class FaultKind(StrEnum):
    GUARD = "guard"
    """A trigger that keeps the journal append-only is missing or altered."""
    MISSING = "missing"
    """An entry that should be there is not."""
    ALTERED = "altered"
    """A body, digest or secret is not what the chain was built over."""
    CHAIN = "chain"
    """A head does not follow from the one before."""
    SIGNATURE = "signature"
    """The device did not sign this head."""
    END = "end"
    """The journal does not end where its stream says."""
    MARK = "mark"
    """What is noted as acknowledged, or as the checkpoint below which text may be gone, is not on this chain."""
    WITNESS = "witness"
    """The centre has once acknowledged another head for this entry, or an entry that is not there."""
    OPENING = "opening"
    """An epoch does not begin with the entry that opens one."""


class Fault(Struct, frozen=True):
    """One thing wrong, at one entry (0: the stream as a whole)."""

    kind: FaultKind
    epoch: bytes
    sequence: int


class VerifyReport(Struct, frozen=True, kw_only=True):
    """What a verification found. `faults` holds the first 100."""

    ok: bool
    epochs: int
    entries: int
    acknowledged: int
    """Of the current epoch."""
    faults: tuple[Fault, ...]
    pruned: int = 0
    """Entries whose text has gone by policy: their digests hold the chain together."""


def verify_journal(store: Store, key: Ed25519PublicKey, progress: Progress | None = None) -> VerifyReport:
    """Recompute every epoch's chain and check every signature by the device's journal key.

    Reads on a connection of its own, so it may run beside decisions. Raises StoreError, and what `progress` raises.
    """
    with store.opened() as connection:
        return verify_connection(connection, key, progress)


def verify_connection(
    connection: Connection, key: Ed25519PublicKey, progress: Progress | None = None
) -> VerifyReport:
    """The same over an open database, one look at its last commit. Raises sqlcipher's own errors."""
    connection.execute("BEGIN")
    check = _Check(connection, key, progress)
    check.guards()
    streams = connection.execute(
        "SELECT s.id, epoch, device, s.sequence, s.head, acknowledged, acknowledged_head,"
        " coalesce(c.sequence, 0), c.head FROM stream s LEFT JOIN checkpoint c ON c.stream = s.id ORDER BY s.id"
    ).fetchall()
    check.total = sum(stream[3] for stream in streams)
    for stream in streams:
        check.stream(*stream)
    check.witnesses()
    known = {row[0] for row in streams}
    for (foreign,) in connection.execute("SELECT DISTINCT stream FROM journal").fetchall():
        if foreign not in known:
            check.fault(FaultKind.END, b"", 0)
    connection.execute("ROLLBACK")
    return VerifyReport(
        ok=not check.faults,
        epochs=len(streams),
        entries=check.entries,
        acknowledged=streams[-1][5] if streams else 0,
        faults=tuple(check.faults[:MOST_FAULTS]),
        pruned=check.pruned,
    )


class _Check:
    def __init__(self, connection: Connection, key: Ed25519PublicKey, progress: Progress | None) -> None:
        self._connection = connection
        self._key = key
        self._progress = progress
        self.faults: list[Fault] = []
        self.entries = 0
        self.pruned = 0
        self.total = 0

    def fault(self, kind: FaultKind, epoch: bytes, sequence: int) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(kind, epoch, sequence))

    def witnesses(self) -> None:
        """What was acknowledged once stays so: a tail that was cut and mended, or written anew, contradicts it."""
        for epoch, sequence in self._connection.execute(
            "SELECT s.epoch, w.sequence FROM witness w JOIN stream s ON s.id = w.stream"
            " LEFT JOIN journal j ON j.stream = w.stream AND j.sequence = w.sequence"
            " WHERE j.head IS NOT w.head ORDER BY w.stream, w.sequence"
        ).fetchall():
            self.fault(FaultKind.WITNESS, bytes(epoch), sequence)

    def guards(self) -> None:
        """The triggers must be there, word for word."""
        wanted = {"".join(statement.split()) for statement in snapshot(VERSION).split(";\n")}
        found = dict(
            self._connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        )
        for guard in _GUARDS:
            if "".join(found.get(guard, "").split()) not in wanted - {""}:
                self.fault(FaultKind.GUARD, b"", 0)

    def stream(
        self,
        stream: int,
        epoch: bytes,
        device: str,
        end: int,
        end_head: bytes,
        mark: int,
        mark_head: bytes,
        checkpoint: int,
        checkpoint_head: bytes | None,
    ) -> None:
        secrets = dict(
            self._connection.execute(
                "SELECT first, secret FROM secret WHERE stream = ? ORDER BY first", (stream,)
            ).fetchall()
        )
        head = chain.genesis(device, epoch)
        if mark == 0 and mark_head != head:
            self.fault(FaultKind.MARK, epoch, 0)
        sequence, secret = 0, b""
        rows = self._connection.execute(
            "SELECT sequence, body, digest, head, signature FROM journal WHERE stream = ? ORDER BY sequence",
            (stream,),
        )
        for found, body, digest, stored_head, signature in rows:
            self.entries += 1
            if self._progress is not None and self.entries % PROGRESS_ENTRIES == 0:
                self._progress(self.entries, self.total)
            if found != sequence + 1:
                self.fault(FaultKind.MISSING, epoch, sequence + 1)
            sequence = found
            secret = secrets.get(sequence, secret)
            if not body and sequence <= checkpoint:
                self.pruned += 1
                computed = digest
            else:
                computed = chain.digest(chain.salt(secret, epoch, sequence), body) if secret else b""
                if sequence == 1:
                    self._opening(epoch, device, body)
            if computed != digest:
                self.fault(FaultKind.ALTERED, epoch, sequence)
            head = chain.link(head, sequence, computed or digest)
            if head != stored_head:
                self.fault(FaultKind.CHAIN, epoch, sequence)
            try:
                chain.verify_head(self._key, device, epoch, sequence, stored_head, signature)
            except BadSignature:
                self.fault(FaultKind.SIGNATURE, epoch, sequence)
            # Go on from what is stored: one altered entry is one fault, not one for each that follows.
            head = stored_head
            if (sequence == mark and head != mark_head) or (sequence == checkpoint and head != checkpoint_head):
                self.fault(FaultKind.MARK, epoch, sequence)
        if (sequence, head) != (end, end_head):
            self.fault(FaultKind.END, epoch, end)
        if mark > sequence:
            self.fault(FaultKind.MARK, epoch, mark)

    def _opening(self, epoch: bytes, device: str, body: bytes) -> None:
        try:
            entry = read_entry(body)
        except Malformed:
            entry = None
        if not isinstance(entry, EpochOpened) or entry.device != device:
            self.fault(FaultKind.OPENING, epoch, 1)
