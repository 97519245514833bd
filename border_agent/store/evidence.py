"""Evidence: photos and records of a verdict, by their SHA-256. Entries name them; they are kept once."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.errors import EvidenceTooLarge
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import stamp

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one piece: a chip's portrait with room to spare."""


class EvidenceKept(Struct, frozen=True):
    """A piece of evidence to be kept in the transaction of the entry that names it (see `Journal.commit`)."""

    data: bytes

    @property
    def digest(self) -> bytes:
        """Its name, for the entry."""
        return sha256(self.data).digest()

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        _keep(connection, self.data, at)


class EvidenceStore:
    """The evidence of this device. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, data: bytes) -> bytes:
        """Keep a piece, durably; returns its SHA-256. A piece already there is not written again.

        Raises EvidenceTooLarge, StoreFull (also where only the decisions' reserve is left), StoreError.
        """
        name = sha256(data).digest()
        if self.holds(name):
            return name
        self._store.require_room(len(data))
        with self._store.writing() as connection:
            _keep(connection, data, datetime.now(UTC))
        return name

    def get(self, name: bytes) -> bytes | None:
        """A piece by its SHA-256; None where it is not here. Raises StoreError."""
        with self._store.reading() as connection:
            row = connection.execute("SELECT data FROM evidence WHERE sha256 = ?", (name,)).fetchone()
        return bytes(row[0]) if row is not None else None

    def holds(self, name: bytes) -> bool:
        """Whether a piece is here. Raises StoreError."""
        with self._store.reading() as connection:
            return connection.execute("SELECT 1 FROM evidence WHERE sha256 = ?", (name,)).fetchone() is not None

    def size(self) -> int:
        """Bytes of all pieces. Raises StoreError."""
        with self._store.reading() as connection:
            return int(connection.execute("SELECT coalesce(sum(size), 0) FROM evidence").fetchone()[0])


def _keep(connection: Connection, data: bytes, at: datetime) -> None:
    if len(data) > LARGEST:
        raise EvidenceTooLarge("evidence", f"{len(data)} bytes")
    connection.execute(
        "INSERT INTO evidence (sha256, size, kept_at, data) VALUES (?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
        (sha256(data).digest(), len(data), stamp(at), data),
    )
