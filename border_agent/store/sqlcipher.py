"""SQLCipher: opening a database with its raw key, and its failures as our own errors.

Importing this module makes `sqlite_utils` use SQLCipher's classes; nothing may import `sqlite_utils` before. With a
bare connection handed in it would catch the standard library's `OperationalError`, which SQLCipher never raises, and
after a failed `RETURNING` leave a savepoint open: every later insert would silently not be committed.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlcipher3
import sqlcipher3.dbapi2

# Before the first import of sqlite_utils, which tries `pysqlite3` before `sqlite3`.
sys.modules["pysqlite3"] = sqlcipher3
sys.modules["pysqlite3.dbapi2"] = sqlcipher3.dbapi2

from border_agent.store.errors import (  # noqa: E402
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFailed,
    StoreFull,
    WrongKey,
)

Connection = Any
"""A `sqlcipher3.dbapi2.Connection`; the package has no types."""

DatabaseError: Final = sqlcipher3.dbapi2.Error

BUSY_SECONDS: Final = 5.0
_WAL_LIMIT: Final = 16 * 1024 * 1024

_SQLITE_BUSY: Final = 5
_SQLITE_LOCKED: Final = 6
_SQLITE_CORRUPT: Final = 11
_SQLITE_FULL: Final = 13
_SQLITE_NOTADB: Final = 26
_PRIMARY: Final = 0xFF

_KINDS: Final[dict[int, type[StoreError]]] = {
    _SQLITE_BUSY: StoreBusy,
    _SQLITE_LOCKED: StoreBusy,
    _SQLITE_CORRUPT: StoreDamaged,
    _SQLITE_FULL: StoreFull,
    _SQLITE_NOTADB: WrongKey,
}


@contextmanager
def translated(where: Path) -> Iterator[None]:
    """Whatever SQLCipher or the disk raises within comes out as a StoreError."""
    try:
        yield
    except DatabaseError as error:
        raise as_store_error(error, where) from None
    except OSError as error:
        kind = StoreFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreFailed
        raise kind(str(where), error.strerror or str(error)) from None


def as_store_error(error: BaseException, where: Path) -> StoreError:
    """The store's own error for one of SQLCipher's."""
    code = getattr(error, "sqlite_errorcode", None)
    kind = _KINDS.get(code & _PRIMARY, StoreFailed) if isinstance(code, int) else StoreFailed
    return kind(str(where), f"{getattr(error, 'sqlite_errorname', '')} {error}".strip())


def connect(path: Path, key: bytes) -> Connection:
    """A connection with the store's settings, in autocommit: transactions are written out (`BEGIN IMMEDIATE`).

    Every connection gets all settings: without `recursive_triggers` a `REPLACE` would pass the append-only triggers.
    May be used from any thread, by one at a time. Raises WrongKey, StoreDamaged, StoreFailed.
    """
    with translated(path):
        connection = sqlcipher3.dbapi2.connect(
            str(path), timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            _configure(connection, key)
        except BaseException:
            connection.close()
            raise
    return connection


def _configure(connection: Connection, key: bytes) -> None:
    # The library would write a wrong key's consequences to standard error; they reach the log as our errors.
    connection.execute("PRAGMA cipher_log_level = NONE")
    # Hexadecimal and ours: a pragma takes no parameters. The raw form skips the derivation.
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    connection.execute("PRAGMA cipher_compatibility = 4")
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
    for name, value in wanted.items():
        found = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if found != value:
            raise StoreFailed(name, f"is {found}, must be {value}")
