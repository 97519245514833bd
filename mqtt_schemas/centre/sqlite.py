"""The store in one SQLite file, which is enough for a country of 25 posts.

WAL with `synchronous=FULL`. Not the device's encrypted store: a data centre encrypts its disks.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mqtt_schemas.centre.database import BUSY_SECONDS, MEMORY, Database
from mqtt_schemas.centre.errors import AlreadyRunning, BadFolder, DiskFull, Refused, StoreFailed
from mqtt_schemas.centre.schema import MIGRATIONS, Migration, Rule

_WAL_KEPT = 64 * 1024 * 1024
_CACHE = 64 * 1024 * 1024
_PAGE = 16 * 1024
"""Bytes of a page of a new database: several entries fit into one, and a commit is so much smaller."""
_SETTINGS = (
    # Without effect on a database that is there.
    f"PRAGMA page_size = {_PAGE}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Without it REPLACE deletes rows past the append-only triggers.
    "PRAGMA recursive_triggers = ON",
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    # A group of large batches is written once, at its commit.
    f"PRAGMA cache_size = -{_CACHE // 1024}",
    f"PRAGMA journal_size_limit = {_WAL_KEPT}",
    # In a backlog, one copy back into the database for many commits; `tidy` does it while nothing comes.
    f"PRAGMA wal_autocheckpoint = {_WAL_KEPT // _PAGE}",
)


class SqliteDatabase(Database):
    """As Database says. Raises BadFolder where there is no file and `create` is not asked for."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self.where = str(path)
        self._claims: list[int] = []
        if not create and path != MEMORY and not path.exists():
            raise BadFolder(str(path), "no database here")
        with self._typed():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with self._typed():
                for setting in _SETTINGS:
                    self._connection.execute(setting)
                self._migrate()
            if create and path != MEMORY:
                path.chmod(0o600)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()
        while self._claims:
            os.close(self._claims.pop())

    def execute(self, sql: str, values: Iterable[Any] = ()) -> None:
        with self._typed():
            self._connection.execute(sql, tuple(values))

    def execute_many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with self._typed():
            self._connection.executemany(sql, rows)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        places = ", ".join("?" * len(columns))
        self.execute_many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)  # noqa: S608

    def one(self, sql: str, values: Iterable[Any] = ()) -> Any:
        with self._typed():
            return self._connection.execute(sql, tuple(values)).fetchone()

    def rows(self, sql: str, values: Iterable[Any] = ()) -> Iterator[Any]:
        with self._typed():
            yield from self._connection.execute(sql, tuple(values))

    def tidy(self) -> None:
        self.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def alone(self) -> None:
        """It is, from its beginning: SQLite has one writer at a time."""

    def claim(self, *names: str) -> None:
        for name in names:
            self._claims.append(self._lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB))

    @contextmanager
    def claimed(self, name: str) -> Iterator[None]:
        handle = self._lock(name, fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(handle)

    def _lock(self, name: str, how: int) -> int:
        """A lock file beside the database. The kernel lets go of it when the process ends, however it ends."""
        try:
            handle = os.open(self.path.with_name(f"{name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreFailed(self.where, str(error)) from None
        try:
            fcntl.flock(handle, how)
        except BlockingIOError:
            os.close(handle)
            raise AlreadyRunning(str(self.path.parent)) from None
        return handle

    def _begin(self, *, alone: bool, reading: bool) -> None:
        self.execute("BEGIN" if reading else "BEGIN IMMEDIATE")

    def _commit(self) -> None:
        self.execute("COMMIT")

    @property
    def _in_transaction(self) -> bool:
        return self._connection.in_transaction

    @contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _translate(self, error: sqlite3.Error) -> StoreFailed:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | sqlite3.InterfaceError):
            return Refused(self.where, str(error))
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind = DiskFull if primary == sqlite3.SQLITE_FULL else StoreFailed
        return kind(self.where, str(error))

    def _migrate(self) -> None:
        version = self._version()
        if version > len(MIGRATIONS):
            raise StoreFailed(self.where, f"schema version {version} is newer than this program")
        if version == len(MIGRATIONS):
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            # Again under the lock: two programs may have opened a new file together.
            for number, migration in enumerate(MIGRATIONS[self._version() :], start=self._version() + 1):
                for statement in sqlite_statements(migration):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {number}")
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])


def sqlite_statements(migration: Migration) -> Iterator[str]:
    """A migration's statements one by one: `executescript` would commit between them."""
    pending = ""
    for line in migration.script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    yield from map(_trigger, migration.rules)


def _trigger(rule: Rule) -> str:
    when = f"WHEN {rule.when} " if rule.when else ""
    return (
        f"CREATE TRIGGER {rule.name} BEFORE {rule.event} ON {rule.table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{rule.message}'); END"
    )
