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
    "journal_contiguous",
    "journal_kept",
    "journal_unaltered",
    "secret_kept",
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
    """What is noted as acknowledged is not on this chain."""
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
        "SELECT id, epoch, device, sequence, head, acknowledged, acknowledged_head FROM stream ORDER BY id"
    ).fetchall()
    check.total = sum(stream[3] for stream in streams)
    for stream in streams:
        check.stream(*stream)
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
    )


class _Check:
    def __init__(self, connection: Connection, key: Ed25519PublicKey, progress: Progress | None) -> None:
        self._connection = connection
        self._key = key
        self._progress = progress
        self.faults: list[Fault] = []
        self.entries = 0
        self.total = 0

    def fault(self, kind: FaultKind, epoch: bytes, sequence: int) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(kind, epoch, sequence))

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
        self, stream: int, epoch: bytes, device: str, end: int, end_head: bytes, mark: int, mark_head: bytes
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
            if sequence == 1:
                self._opening(epoch, device, body)
            computed = chain.digest(chain.salt(secret, epoch, sequence), body) if secret else b""
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
            if sequence == mark and head != mark_head:
                self.fault(FaultKind.MARK, epoch, mark)
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
