"""What the drills do with a copy of the store: change a byte of it and look, or open it as a backup and compare."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from border_agent.store import FaultKind, Journal, Store, VerifyReport
from border_agent.store.copying import Copied, copy_store, count_rows
from border_agent.store.sqlcipher import Connection, translated
from border_agent.store.verify import verify_connection

_GUARD = "journal_unaltered"


class Stopped(Exception):
    """Raised by `progress` where the drill is to end."""


class Rehearsal:
    """The store and what a copy of it is held against. `progress` is told percents, and may raise Stopped."""

    def __init__(self, *, store: Store, key_file: Path, journal: Journal, public: Ed25519PublicKey) -> None:
        self.store = store
        self.key_file = key_file
        self.journal = journal
        self.public = public
        self.progress: Callable[[int], None] = lambda _: None

    def copy(self, target: Path) -> Copied:
        """Half of the way."""
        return copy_store(self.store, target, lambda done, total: self.progress(50 * done // max(1, total)))

    def verify(self, connection: Connection) -> VerifyReport:
        """The other half."""
        return verify_connection(
            connection, self.public, lambda done, total: self.progress(50 + 50 * done // max(1, total))
        )


def tamper(rehearsal: Rehearsal, folder: Path) -> tuple[str, dict[str, str]]:
    """A code (empty: the change was found, where it was made and nowhere else) and what was found.

    Raises StoreError, Stopped.
    """
    target = folder / "copy.db"
    copied = rehearsal.copy(target)
    with translated(target):
        connection = rehearsal.store.open_copy(target)
        try:
            epoch, sequence, place = _change_a_byte(connection)
            report = rehearsal.verify(connection)
        finally:
            connection.close()
    details = {
        "epoch": epoch.hex(),
        "sequence": str(sequence),
        "byte": str(place),
        "entries": str(report.entries),
        "bytes": str(copied.size),
    }
    here = {fault.kind for fault in report.faults if (fault.epoch, fault.sequence) == (epoch, sequence)}
    elsewhere = [fault for fault in report.faults if (fault.epoch, fault.sequence) != (epoch, sequence)]
    if FaultKind.ALTERED not in here:
        return "drill.not_found", details
    if elsewhere:
        # Not the drill's doing: the journal itself is not whole.
        details["elsewhere"] = str(len(elsewhere))
        return "drill.other_faults", details
    return "", details


def restore(rehearsal: Rehearsal, folder: Path) -> tuple[str, dict[str, str]]:
    """A code (empty: the copy opens with the device's key and is whole) and what was counted.

    Raises StoreError, Stopped.
    """
    target = folder / "copy.db"
    copied = rehearsal.copy(target)
    with translated(target):
        # Counted first: opening it as a device does may bring its tables up to the present version.
        connection = rehearsal.store.open_copy(target)
        try:
            rows = count_rows(connection)
        finally:
            connection.close()
    with Store(target, rehearsal.key_file) as store, store.opened() as connection:
        report = rehearsal.verify(connection)
        end = connection.execute("SELECT epoch, sequence, head FROM stream ORDER BY id DESC LIMIT 1").fetchone()
    details = {
        "bytes": str(copied.size),
        "entries": str(report.entries),
        "rows": str(sum(rows.values())),
        "sequence": str(copied.sequence),
        "head": copied.head.hex(),
    }
    wanted = (copied.epoch, copied.sequence, copied.head)
    if not report.ok:
        return "drill.chain_broken", details
    if (bytes(end[0]), end[1], bytes(end[2])) != wanted or rehearsal.journal.head_at(
        copied.epoch, copied.sequence
    ) != copied.head:
        return "drill.other_head", details
    if rows != copied.rows:
        return "drill.rows_missing", details
    return "", details


def _change_a_byte(connection: Connection) -> tuple[bytes, int, int]:
    """Change one bit of one entry as somebody with the key would: past the triggers, which then stand as before."""
    stream, epoch, end = connection.execute(
        "SELECT id, epoch, sequence FROM stream ORDER BY id DESC LIMIT 1"
    ).fetchone()
    # Of an entry whose text has not gone by policy.
    (first,) = connection.execute(
        "SELECT min(sequence) FROM journal WHERE stream = ? AND body IS NOT x''", (stream,)
    ).fetchone()
    sequence = first + secrets.randbelow(end + 1 - first)
    row = connection.execute(
        "SELECT body FROM journal WHERE stream = ? AND sequence = ?", (stream, sequence)
    ).fetchone()
    body = bytearray(row[0])
    place = secrets.randbelow(len(body))
    body[place] ^= 1
    (guard,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (_GUARD,)).fetchone()
    connection.execute(f"DROP TRIGGER {_GUARD}")
    connection.execute(
        "UPDATE journal SET body = ? WHERE stream = ? AND sequence = ?", (bytes(body), stream, sequence)
    )
    connection.execute(guard)
    return bytes(epoch), sequence, place
