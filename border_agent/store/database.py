"""The encrypted database: one writer, one reader, and who may use them when.

The rule for threads, the only one: every write goes through `writing()`, every read through `reading()`, and
neither is held while waiting for anything but the disk. Behind them stand one connection and one lock each. So
no two threads ever write at once and SQLite's own "busy" cannot occur between them; in WAL mode a reader sees the
last commit and never waits for a writer. What takes long (a feed's changes, tidying) comes in small transactions,
because a decision waits behind each of them. Long reads (`verify`) open a connection of their own by `opened()`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from border_agent.store.credential import read_key
from border_agent.store.errors import StoreDamaged, StoreFailed, StoreFull
from border_agent.store.migrations import make_up, migrate
from border_agent.store.sqlcipher import (
    BUSY_SECONDS,
    Connection,
    DatabaseError,
    as_store_error,
    connect,
    translated,
)

_log = logging.getLogger(__name__)

RESERVE_BYTES = 32 * 1024 * 1024
"""What lists and evidence leave free on the disk, so that decisions can still be written down."""
_LOW, _FULL = 4, 32
"""Parts of the reserve: with less than a quarter of it nobody new is inspected, who waits can still be recorded; with
less than a thirty-second even that is doubtful."""

_READ_CACHE_KIB = 65536
"""At most: a page that is not at hand costs its decryption, and a list of a million visas is asked all day."""
_SUFFIXES = ("", "-wal", "-shm")


class Room(StrEnum):
    """How much room the store's disk has."""

    OK = "ok"
    LOW = "low"
    """Nobody new is to be inspected; what is under way can be recorded."""
    FULL = "full"
    """Even that may fail."""


class Store:
    """An open store. Thread-safe (see above); close it when the last user is done."""

    def __init__(self, path: Path, key_file: Path | bytes, *, reserve_bytes: int = RESERVE_BYTES) -> None:
        """Open the database, made where it is missing (`created` says so), and migrate it.

        `key_file`: or the key itself, where it was just unsealed and is in no file.

        Raises KeyRefused, WrongKey (also for a file that is no database), StoreDamaged, StoreFull, StoreFailed.
        """
        self.path = path
        self.reserve_bytes = reserve_bytes
        self._key = key_file if isinstance(key_file, bytes) else read_key(key_file)
        with translated(path):
            self.created = not path.exists()
            if self.created:
                # What a crash in the middle of `set_aside` left: a new database must not take up an old log.
                _move(path, _aside(path))
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
                _sync_folder(path.parent)
        self._writer: Connection | None = self.open_connection()
        self._reader: Connection | None = None
        self._write_lock = threading.RLock()
        self._read_lock = threading.RLock()
        self._closed = False
        try:
            with translated(path):
                migrate(self._writer)
            self._writer = self._made_up(self._writer)
            self._reader = self._read_connection()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open_connection(self) -> Connection:
        """A connection of the caller's own, with the store's settings; the caller closes it."""
        return connect(self.path, self._key)

    def open_copy(self, path: Path) -> Connection:
        """A connection to another file under the same key: a copy of this database, made where it is missing."""
        return connect(path, self._key)

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """A connection of its own for one long read."""
        connection = self.open_connection()
        try:
            with translated(self.path):
                yield connection
        finally:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One durable transaction: all of it is on disk when this returns, or none of it is in the database.

        Not to be nested. Raises StoreError; after it the store can be used again as soon as the cause is gone.
        """
        with self._write_lock:
            if self._writer is None:
                self._writer = self._reopened()
            connection = self._writer
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                self._undo(connection)
                if not isinstance(error, DatabaseError):
                    raise
                failure = as_store_error(error, self.path)
                if isinstance(failure, StoreDamaged) and self._writer is not None:
                    self._writer = None
                    _close(connection)
                raise failure from None

    @contextmanager
    def reading(self, *, single: bool = False) -> Iterator[Connection]:
        """One consistent look at the last commit. Raises StoreError.

        `single`: by one statement, which is such a look by itself.
        """
        with self._read_lock:
            if self._reader is None:
                self._reader = self._reopened(reader=True)
            connection = self._reader
            try:
                if not single:
                    connection.execute("BEGIN")
                yield connection
            except DatabaseError as error:
                failure = as_store_error(error, self.path)
                if isinstance(failure, StoreDamaged):
                    # SQLCipher gives a connection up at the first page that does not verify; others may be good.
                    self._reader = None
                raise failure from None
            finally:
                _end_reading(connection)
                if self._reader is not connection:
                    _close(connection)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Nobody else writes meanwhile, though nothing is being written yet: for reading first, then `writing()`."""
        with self._write_lock:
            yield

    def truncate_log(self) -> bool:
        """Bring the write-ahead log into the database and empty it, durably: it shows no page of before any more.

        Waits for nobody: False where a long read or another process is in the way. Raises StoreError.
        """
        with self._write_lock, self._read_lock:
            if self._writer is None:
                self._writer = self._reopened()
            with translated(self.path):
                # A decision waits behind this: it must not wait for somebody who reads.
                self._writer.execute("PRAGMA busy_timeout = 0")
                try:
                    busy, _, _ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                finally:
                    self._writer.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
                if not busy:
                    # SQLite does not sync that: to a database those frames are nothing, to who reads disks they are.
                    _sync(self.path.with_name(f"{self.path.name}-wal"), os.O_RDONLY)
        return not busy

    def room(self) -> Room:
        """How much room there is: asked anew each time, for the price of one system call. Raises StoreFailed."""
        free = self._free()
        if free * _FULL < self.reserve_bytes:
            return Room.FULL
        return Room.LOW if free * _LOW < self.reserve_bytes else Room.OK

    def require_room(self, size: int) -> None:
        """Raises StoreFull where writing `size` more bytes would eat into what is kept for decisions."""
        free = self._free()
        if free - size < self.reserve_bytes:
            raise StoreFull(str(self.path), f"{free} bytes free, {self.reserve_bytes} are kept for decisions")

    def _free(self) -> int:
        with translated(self.path):
            disk = os.statvfs(self.path.parent)
        return disk.f_bavail * disk.f_frsize

    def close(self) -> None:
        """Close the connections; waits for a transaction in progress."""
        with self._write_lock, self._read_lock:
            self._closed = True
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None

    def _undo(self, connection: Connection) -> None:
        """Roll back. A connection that cannot even do that is given up: the next write opens a new one."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except DatabaseError as error:
            _log.error("cannot roll back, opening the store anew: %s", error)
            self._writer = None
            _close(connection)

    def _made_up(self, connection: Connection) -> Connection:
        """What stands beside the journal, complete as far as the journal can be read. A page of it that is damaged
        must not cost the device its whole store: the drain finds the entry, and says so."""
        try:
            with translated(self.path):
                make_up(connection)
        except StoreDamaged as error:
            _log.error("not all of the journal can be read: %s", error)
            _close(connection)
            return self.open_connection()
        return connection

    def _reopened(self, *, reader: bool = False) -> Connection:
        if self._closed:
            raise StoreFailed(str(self.path), "closed")
        return self._read_connection() if reader else self.open_connection()

    def _read_connection(self) -> Connection:
        connection = self.open_connection()
        with translated(self.path):
            connection.execute(f"PRAGMA cache_size = -{_READ_CACHE_KIB}")
        return connection


def set_aside(path: Path) -> Path | None:
    """Move a database that cannot be opened out of the way, whole; nothing is deleted. None where there is none.

    The device then begins a new epoch in a new store (`EpochReason.STORE_LOST`), and a technician has the old one.
    Raises StoreFailed.
    """
    if not path.exists():
        return None
    target = _aside(path)
    with translated(path):
        _move(path, target)
        _sync_folder(path.parent)
    return target


def was_set_aside(path: Path) -> bool:
    """Whether a database of this name was once set aside and is still there."""
    return any(path.parent.glob(f"{path.name}.lost-*"))


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.lost-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}")


def _move(path: Path, target: Path) -> None:
    """Rename a database with its log. The main file first: without it the log is never taken for a database's."""
    for suffix in _SUFFIXES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))


def _end_reading(connection: Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except DatabaseError as error:
        _log.error("cannot end a read: %s", error)


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except DatabaseError:
        _log.error("a connection that failed does not close either")


def _sync_folder(folder: Path) -> None:
    """Make a new or renamed file's name durable."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
