"""Evidence at the centre: records and pictures, each piece from its beginning to its end, under its SHA-256.

Only what is named is taken. An entry that is stored here names its record; a record that is whole names its pictures.
So a device can fill the disk with no more than its own proved entries speak for, every piece belongs to a passage,
and what is named and has not come is known (`missing`). A record is therefore sent before its pictures, and both
after their entry: the piece says where that stands, and one look at the journal's row proves it.

Parts are rows of their own, in the transaction that acknowledges them; at the last one the whole is held against its
name. What another device has brought already (a kiosk's pictures, in the record of the officer's post as well) is not
sent a second time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.entries import Digest
from mqtt_schemas.errors import ContractError
from mqtt_schemas.messages import EvidencePiece
from mqtt_schemas.outside import parse, reader

RECORD = "record"
UNKNOWN_NAME = "unknown_name"
MISMATCH = "mismatch"
FULL = "full"
MOST_PICTURES = 16
"""Of one record: a device that errs must not fill the table with names."""
RESERVE_BYTES = 256 * 1024 * 1024
"""What evidence leaves free on the disk, so that entries can still be taken. Only where the database is a file of
this machine; a PostgreSQL server has its own watch."""

_COLUMNS = "id, size, held, whole_at IS NOT NULL"


class _Naming(Struct):
    """Of an entry: the record it names."""

    evidence: Digest | None = None


class _Record(Struct):
    """Of a record: the pictures it names, kind by kind."""

    pictures: dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]] = {}


class Held(Struct, frozen=True):
    """What is held of a piece once the transaction is committed."""

    upto: int = 0
    whole: bool = False
    refused: str = ""


class EvidenceItem(Struct, frozen=True, kw_only=True):
    """A piece that is named here."""

    device: str
    sha256: str
    kind: str
    size: int
    """0: nothing of it has come."""
    held: int
    epoch: str
    sequence: int
    """Of the entry that names it, or its record."""
    inspection: str
    named_at: str
    whole_at: str | None


class EvidenceBook:
    """The evidence tables. Raises what Database raises."""

    def __init__(self, database: Database, *, disk: Path | None = None, reserve: int = RESERVE_BYTES) -> None:
        """`disk`: a folder on the database's disk, whose room is watched."""
        self._database = database
        self._disk = disk
        self._reserve = reserve

    def take(self, device: str, piece: EvidencePiece, at: datetime) -> Held:
        """Take a part of an enrolled device's piece in; inside a transaction, and true once that is committed."""
        row = self._database.one(
            f"SELECT {_COLUMNS} FROM evidence WHERE device = ? AND sha256 = ?",  # noqa: S608
            [device, piece.sha256],
        )
        if row is None:
            row = self._named_by_entry(device, piece, at)
        if row is None:
            return Held(refused=UNKNOWN_NAME)
        number, size, held, whole = row
        if whole:
            return Held(upto=size, whole=True)
        if not held and self._brought_by_another(number, piece.sha256, at):
            return Held(upto=piece.size, whole=True)
        if not self._room(len(piece.data)):
            return Held(upto=held, refused=FULL)
        if size != piece.size:
            # Nothing of it has come, or the device has thought better of its size: it can be only one.
            self._database.execute("DELETE FROM evidence_part WHERE evidence = ?", [number])
            self._database.execute("UPDATE evidence SET size = ?, held = 0 WHERE id = ?", [piece.size, number])
            held = 0
        if piece.offset != held or held + len(piece.data) > piece.size:
            return Held(upto=held)
        self._database.execute(
            "INSERT INTO evidence_part (evidence, start, data) VALUES (?, ?, ?)", [number, held, piece.data]
        )
        held += len(piece.data)
        if held == piece.size:
            return self._end(number, piece.sha256, at)
        self._database.execute("UPDATE evidence SET held = ? WHERE id = ?", [held, number])
        return Held(upto=held)

    def get(self, name: bytes) -> bytes | None:
        """A piece by its SHA-256; None where it is not here in whole."""
        row = self._database.one(
            "SELECT min(e.id) FROM evidence e WHERE e.sha256 = ? AND e.whole_at IS NOT NULL"
            " AND EXISTS (SELECT 1 FROM evidence_part p WHERE p.evidence = e.id)",
            [name],
        )
        return None if row is None or row[0] is None else self._bytes(row[0])

    def items(
        self, *, device: str = "", inspection: str = "", missing: bool = False, limit: int = 1000
    ) -> Iterator[EvidenceItem]:
        """Pieces in the order of their entries; `missing`: only what is named and not here in whole."""
        rows = self._database.rows(
            "SELECT e.device, e.sha256, e.kind, e.size, e.held, s.epoch, e.sequence, j.inspection, e.named_at,"
            " e.whole_at FROM evidence e JOIN stream s ON s.id = e.stream"
            " JOIN journal j ON j.stream = e.stream AND j.sequence = e.sequence"
            " WHERE (?1 = '' OR e.device = ?1) AND (?2 = '' OR j.inspection = ?2)"
            " AND (NOT ?3 OR e.whole_at IS NULL) ORDER BY e.stream, e.sequence, e.id LIMIT ?4",
            [device, inspection, missing, limit],
        )
        for row in rows:
            yield EvidenceItem(
                device=row[0],
                sha256=bytes(row[1]).hex(),
                kind=row[2],
                size=row[3],
                held=row[4],
                epoch=bytes(row[5]).hex(),
                sequence=row[6],
                inspection=row[7],
                named_at=row[8],
                whole_at=row[9],
            )

    def _named_by_entry(self, device: str, piece: EvidencePiece, at: datetime) -> Any:
        """The new row of a record whose entry is stored here; None where no such entry names it."""
        entry = self._database.one(
            "SELECT j.stream, j.body FROM journal j JOIN stream s ON s.id = j.stream"
            " WHERE s.device = ? AND s.epoch = ? AND j.sequence = ?",
            [device, piece.epoch, piece.sequence],
        )
        if entry is None or _named(bytes(entry[1])) != piece.sha256:
            return None
        self._name(device, piece.sha256, RECORD, entry[0], piece.sequence, at)
        return self._database.one(
            f"SELECT {_COLUMNS} FROM evidence WHERE device = ? AND sha256 = ?",  # noqa: S608
            [device, piece.sha256],
        )

    def _name(self, device: str, name: bytes, kind: str, stream: int, sequence: int, at: datetime) -> None:
        self._database.execute(
            "INSERT INTO evidence (device, sha256, kind, size, held, stream, sequence, named_at)"
            " VALUES (?, ?, ?, 0, 0, ?, ?, ?) ON CONFLICT (device, sha256) DO NOTHING",
            [device, name, kind, stream, sequence, stamp(at)],
        )

    def _end(self, number: int, name: bytes, at: datetime) -> Held:
        """All parts are here: are they what the name says?"""
        data = self._bytes(number)
        if sha256(data).digest() != name:
            self._database.execute("DELETE FROM evidence_part WHERE evidence = ?", [number])
            self._database.execute("UPDATE evidence SET held = 0 WHERE id = ?", [number])
            return Held(refused=MISMATCH)
        self._whole(number, data, at)
        return Held(upto=len(data), whole=True)

    def _brought_by_another(self, number: int, name: bytes, at: datetime) -> bool:
        data = self.get(name)
        if data is None:
            return False
        self._database.execute("DELETE FROM evidence_part WHERE evidence = ?", [number])
        self._whole(number, data, at)
        return True

    def _whole(self, number: int, data: bytes, at: datetime) -> None:
        self._database.execute(
            "UPDATE evidence SET size = ?1, held = ?1, whole_at = ?2 WHERE id = ?3", [len(data), stamp(at), number]
        )
        device, kind, stream, sequence = self._database.one(
            "SELECT device, kind, stream, sequence FROM evidence WHERE id = ?", [number]
        )
        if kind == RECORD:
            for picture, name in _pictures(data):
                self._name(device, name, picture, stream, sequence, at)

    def _bytes(self, number: int) -> bytes:
        rows = self._database.rows("SELECT data FROM evidence_part WHERE evidence = ? ORDER BY start", [number])
        return b"".join(bytes(row[0]) for row in rows)

    def _room(self, size: int) -> bool:
        if self._disk is None:
            return True
        disk = os.statvfs(self._disk)
        return disk.f_bavail * disk.f_frsize - size >= self._reserve


def _named(body: bytes) -> bytes | None:
    """The record that an entry names, also of an entry that this program cannot read otherwise."""
    try:
        return parse(reader(_Naming), body, "entry").evidence
    except ContractError:
        return None


def _pictures(record: bytes) -> Iterator[tuple[str, bytes]]:
    """The pictures that a record names. One that cannot be read names none: it is evidence all the same."""
    try:
        pictures = parse(reader(_Record), record, "record").pictures
    except ContractError:
        return
    for kind, name in list(pictures.items())[:MOST_PICTURES]:
        yield kind, bytes.fromhex(name)
