"""One connection to the data centre's store, and its transactions: what SQLite and PostgreSQL have in common.

Statements are written once, with `?` (or `?1`, `?2`) for their values and in what both understand; `sqlite.py` and
`postgres.py` hold what differs. A commit that returned survives a power cut, which is what an acknowledgement
promises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from mqtt_schemas.centre.errors import BadConfiguration

MEMORY = Path(":memory:")
"""A database that is gone with its connection; for tests."""

BUSY_SECONDS = 30
"""So long a statement waits for another process's transaction."""

IMPORTING = "import"
"""The claim under which feeds are compared and then changed."""


def stamp(at: datetime) -> str:
    """A moment as the tables keep it: UTC, so that text order is time order. Needs an aware `at`."""
    return f"{at.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"


def open_database(file: Path, url: str = "", *, create: bool = False) -> Database:
    """A new connection to the PostgreSQL database at `url`, or where that is empty to the SQLite `file`.

    Raises BadFolder where there is no file and `create` is not asked for, BadConfiguration where PostgreSQL cannot be
    spoken to from here or would not keep what it commits, and what Database raises.
    """
    if not url:
        from mqtt_schemas.centre.sqlite import SqliteDatabase

        return SqliteDatabase(file, create=create)
    # Only a data centre that is configured for it has psycopg.
    try:
        from mqtt_schemas.centre.postgres import PostgresDatabase
    except ImportError as error:
        raise BadConfiguration("[store] url", f"PostgreSQL needs psycopg: {error}") from None
    return PostgresDatabase(url)


class Database(ABC):
    """A connection, used by one thread at a time.

    The store's errors come out as StoreFailed, DiskFull where there is no room, Refused where a rule of the tables
    holds, ServerLost where there is a server and it is gone: then the next transaction looks for it again.
    """

    where: str
    """For people: file or address."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; what was claimed too."""

    @abstractmethod
    def execute(self, sql: str, values: Iterable[Any] = ()) -> None:
        """One statement that returns no rows."""

    @abstractmethod
    def execute_many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """One statement for each row; only inside `transaction`."""

    @abstractmethod
    def insert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """New rows, the fastest way there is; only inside `transaction`."""

    @abstractmethod
    def one(self, sql: str, values: Iterable[Any] = ()) -> Any:
        """The first row, or None."""

    @abstractmethod
    def rows(self, sql: str, values: Iterable[Any] = ()) -> Iterator[Any]:
        """The rows; inside `reading` as they are asked for, so there may be more than memory holds."""

    @abstractmethod
    def tidy(self) -> None:
        """In an idle moment: what makes later commits quicker."""

    @abstractmethod
    def alone(self) -> None:
        """Inside a transaction begun `beside` others: from here on, no other that is alone runs."""

    @abstractmethod
    def claim(self, *names: str) -> None:
        """Be the only process that has these, until this connection is closed.

        Raises AlreadyRunning where another has one of them.
        """

    @abstractmethod
    def claimed(self, name: str) -> AbstractContextManager[None]:
        """A context in which no other process has `name`; entering waits until they have let go of it."""

    @abstractmethod
    def _begin(self, *, alone: bool, reading: bool) -> None: ...

    @abstractmethod
    def _commit(self) -> None: ...

    @property
    @abstractmethod
    def _in_transaction(self) -> bool:
        """Whether there is a transaction that can be rolled back."""

    @contextmanager
    def transaction(self, *, beside: bool = False) -> Iterator[None]:
        """All or nothing, and durable once left.

        One after another: a transaction reads what the one before it wrote. `beside`: it reads and writes nothing
        that others write too, and a store that can may run it at the same time as they.
        """
        self._begin(alone=not beside, reading=False)
        try:
            yield
            self._commit()
        except BaseException:
            self._undo()
            raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One state of the database for several queries, whatever others commit meanwhile."""
        self._begin(alone=False, reading=True)
        try:
            yield
        finally:
            self._undo()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Part of a transaction that can fail alone."""
        self.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._in_transaction:
                self.execute("ROLLBACK TO part")
                self.execute("RELEASE part")
            raise
        self.execute("RELEASE part")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _undo(self) -> None:
        # A full disk, or a server that is gone, may have ended the transaction already.
        if self._in_transaction:
            self.execute("ROLLBACK")
