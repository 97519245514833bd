"""Evidence: the record of a verdict and the pictures it names, by their SHA-256. Entries name them; kept once.

    record     what the inspection found out, as JSON; the entry names it. In the table `evidence`, which the version
               before this one reads and writes too.
    pictures   live face, page, the chip's portrait as it was read; the record names them. Sealed under the key of
               their day (`evidence_keys`), in `evidence_blob`.

Both are written in the entry's own commit, sent after the entries (`evidence_waiting`), and go once the centre holds
them and the policy says so (`erasure`).
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Final

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.errors import EvidenceTooLarge, StoreDamaged
from border_agent.store.evidence_keys import key_for, key_of, seal, unseal
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import current_stream, stamp

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one piece: a chip's portrait with room to spare."""
LARGEST_PICTURE: Final = 131_072
RECORD: Final = "record"
"""The kind of a record; a picture's kind is what it shows (`live`, `page`, `chip`)."""


class EvidenceKept(Struct, frozen=True):
    """A record to be kept in the transaction of the entry that names it, alone (see `Journal.commit`)."""

    data: bytes

    @property
    def digest(self) -> bytes:
        """Its name, for the entry."""
        return sha256(self.data).digest()

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        if len(self.data) > LARGEST:
            raise EvidenceTooLarge(RECORD, f"{len(self.data)} bytes")
        connection.execute(
            "INSERT INTO evidence (sha256, size, kept_at, data) VALUES (?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
            (self.digest, len(self.data), stamp(at), self.data),
        )
        connection.execute(
            "INSERT INTO evidence_state (sha256, stream, sequence) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
            (self.digest, *_end(connection)),
        )


class PictureKept(Struct, frozen=True):
    """A picture that the record of the same commit names."""

    kind: str
    """What it shows: `live`, `page`, `chip`."""
    data: bytes

    @property
    def digest(self) -> bytes:
        """Its name, for the record."""
        return sha256(self.data).digest()

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`. The same picture on a later day is sealed anew, and lives as long as that day."""
        if not 0 < len(self.data) <= LARGEST_PICTURE:
            raise EvidenceTooLarge(self.kind, f"{len(self.data)} bytes")
        day, key = key_for(connection, at)
        name = self.digest
        nonce, sealed = seal(key, name, self.data)
        connection.execute(
            "INSERT INTO evidence_blob (sha256, day, kind, size, kept_at, nonce, data, stream, sequence)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET day = excluded.day,"
            " kept_at = excluded.kept_at, nonce = excluded.nonce, data = excluded.data",
            (name, day, self.kind, len(self.data), stamp(at), nonce, sealed, *_end(connection)),
        )


class NotOpened(Exception):
    """A picture that the key of its day does not open: no key will. Never leaves the store's package."""


class EvidenceStore:
    """The evidence of this device, to be looked at. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, name: bytes) -> bytes | None:
        """A record or picture by its SHA-256; None where it is not here, or no longer.

        Raises StoreDamaged for a picture that its day's key does not open.
        """
        try:
            with self._store.reading() as connection:
                return read_piece(connection, name)
        except NotOpened as error:
            raise StoreDamaged("evidence_blob", str(error)) from None

    def holds(self, name: bytes) -> bool:
        """Whether a piece is here, and a picture's key too."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM evidence WHERE sha256 = ?1 UNION ALL"
                " SELECT 1 FROM evidence_blob JOIN evidence_key USING (day) WHERE sha256 = ?1",
                (name,),
            ).fetchone()
        return row is not None

    def size(self) -> int:
        """Bytes of all pieces."""
        with self._store.reading() as connection:
            (size,) = connection.execute(
                "SELECT (SELECT coalesce(sum(size), 0) FROM evidence)"
                " + (SELECT coalesce(sum(size), 0) FROM evidence_blob)"
            ).fetchone()
        return int(size)


def read_piece(connection: Connection, name: bytes) -> bytes | None:
    """A record or picture by its SHA-256; None where it or its key is not here. Raises NotOpened."""
    row = connection.execute("SELECT data FROM evidence WHERE sha256 = ?", (name,)).fetchone()
    if row is not None:
        return bytes(row[0])
    row = connection.execute("SELECT day, nonce, data FROM evidence_blob WHERE sha256 = ?", (name,)).fetchone()
    key = key_of(connection, row[0]) if row is not None else None
    if row is None or key is None:
        return None
    opened = unseal(key, name, bytes(row[1]), bytes(row[2]))
    if opened is None:
        raise NotOpened(f"the key of {row[0]} does not open {name.hex()[:16]}")
    return opened


def _end(connection: Connection) -> tuple[int, int]:
    """Where the entry of this very commit stands: the journal's end, which moved before the changes are applied."""
    stream = current_stream(connection)
    if stream is None:
        raise StoreDamaged("journal", "no epoch")
    return stream.id, stream.sequence
