"""A whole encrypted copy of the database, made beside its use: what a backup is, and what drills work on."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.errors import StoreDamaged
from border_agent.store.sqlcipher import Connection, translated
from border_agent.store.verify import Progress

PAGES_AT_ONCE = 256
"""Of 4 KiB: between two portions a decision's commit may pass."""

_NAME = re.compile(r"[a-z_0-9]+")


class Copied(Struct, frozen=True, kw_only=True):
    """A copy that is complete."""

    size: int
    """Bytes."""
    epoch: bytes
    sequence: int
    head: bytes
    """Where the journal ended at the moment the copy shows."""
    rows: dict[str, int]
    """Rows of the original's tables at that moment."""


def copy_store(store: Store, target: Path, progress: Progress | None = None) -> Copied:
    """Copy the database as it stands into a new file under the same key. Commits go on meanwhile, and are not in it.

    The keys of pictures are not in it either: what is erased here opens in no copy. What the centre does not have yet
    of them is then lost with the device; their records, and all entries, are in the copy.

    Raises StoreFull where it would eat into what is kept for decisions, StoreDamaged, StoreError, what `progress`
    raises; the caller removes what is left of `target`.
    """
    store.require_room(size_of(store))
    with translated(target):
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with store.opened() as connection:
        # An open look at one commit: without it SQLite begins the copy anew whenever somebody writes.
        connection.execute("BEGIN")
        rows = count_rows(connection) | {"evidence_key": 0}
        end = connection.execute("SELECT epoch, sequence, head FROM stream ORDER BY id DESC LIMIT 1").fetchone()
        if end is None:
            raise StoreDamaged(str(store.path), "no epoch")
        copy = store.open_copy(target)
        try:
            connection.backup(
                copy,
                pages=PAGES_AT_ONCE,
                progress=None if progress is None else lambda _, left, total: progress(total - left, total),
            )
            with translated(target):
                _forget_keys(copy)
        finally:
            copy.close()
    with translated(target):
        size = target.stat().st_size
    return Copied(size=size, epoch=bytes(end[0]), sequence=int(end[1]), head=bytes(end[2]), rows=rows)


def _forget_keys(copy: Connection) -> None:
    """Take the pictures' keys out of a copy, and out of the pages and the log that held them."""
    copy.execute("PRAGMA secure_delete = ON").fetchone()
    copy.execute("DELETE FROM evidence_key")
    copy.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def size_of(store: Store) -> int:
    """Bytes of the database and its log: what a copy takes at most. Raises StoreError."""
    with translated(store.path):
        log = store.path.with_name(f"{store.path.name}-wal")
        return store.path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows by table, of our own tables. Raises sqlcipher's own errors."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    tables = [name for (name,) in names if not name.startswith(("sqlite_", "_")) and _NAME.fullmatch(name)]
    # A table's name cannot be a parameter; these are the schema's own.
    return {
        name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608
        for name in tables
    }
