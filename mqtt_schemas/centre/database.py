"""One connection to the data centre's SQLite file, and its transactions.

WAL with `synchronous=FULL`: a commit that returned survives a power cut, which is what an acknowledgement
promises. Not the device's encrypted store: a data centre encrypts its disks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mqtt_schemas.centre.errors import BadFolder, DiskFull, Refused, StoreFailed
from mqtt_schemas.centre.schema import MIGRATIONS

MEMORY = Path(":memory:")
"""A database that is gone with its connection; for tests."""

_BUSY_MS = 30_000
_WAL_KEPT = 64 * 1024 * 1024
_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Without it REPLACE deletes rows past the append-only triggers.
    "PRAGMA recursive_triggers = ON",
    f"PRAGMA busy_timeout = {_BUSY_MS}",
    f"PRAGMA journal_size_limit = {_WAL_KEPT}",
)


def stamp(at: datetime) -> str:
    """A moment as the tables keep it: UTC, so that text order is time order. Needs an aware `at`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Database:
    """A connection, used by one thread at a time.

    sqlite3's errors come out as StoreFailed, DiskFull where there is no room, Refused where a rule of the
    tables holds. Raises BadFolder where there is no file and `create` is not asked for.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not create and path != MEMORY and not path.exists():
            raise BadFolder(str(path), "no database here")
        with self._typed():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with self._typed():
                for setting in _SETTINGS:
                    self._connection.execute(setting)
                self._migrate()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, sql: str, values: Iterable[Any] = ()) -> None:
        """One statement that returns no rows."""
        with self._typed():
            self._connection.execute(sql, tuple(values))

    def execute_many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """One statement for each row; only inside `transaction`."""
        with self._typed():
            self._connection.executemany(sql, rows)

    def one(self, sql: str, values: Iterable[Any] = ()) -> Any:
        """The first row, or None."""
        with self._typed():
            return self._connection.execute(sql, tuple(values)).fetchone()

    def rows(self, sql: str, values: Iterable[Any] = ()) -> Iterator[Any]:
        """The rows, as they are asked for."""
        with self._typed():
            yield from self._connection.execute(sql, tuple(values))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and durable once left."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One state of the database for several queries, whatever others commit meanwhile."""
        self.execute("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Part of a transaction that can fail alone."""
        self.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self.execute("RELEASE part")

    @contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _translate(self, error: sqlite3.Error) -> StoreFailed:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | sqlite3.InterfaceError):
            return Refused(str(self.path), str(error))
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind = DiskFull if primary == sqlite3.SQLITE_FULL else StoreFailed
        return kind(str(self.path), str(error))

    def _migrate(self) -> None:
        version = self._version()
        if version > len(MIGRATIONS):
            raise StoreFailed(str(self.path), f"schema version {version} is newer than this program")
        if version == len(MIGRATIONS):
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            # Again under the lock: two programs may have opened a new file together.
            for number, script in enumerate(MIGRATIONS[self._version() :], start=self._version() + 1):
                for statement in _statements(script):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {number}")
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit between them."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
