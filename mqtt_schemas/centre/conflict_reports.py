"""What people ask of conflicts: which there are, and a file that proves one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from mqtt_schemas import chain
from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.errors import NoSuchConflict
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.settling import settled
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.uses import Use, uses_of
from mqtt_schemas.journal_file import FileKind, Header, JournalWriter
from mqtt_schemas.whole import whole_file

_CONFLICT = "SELECT id, visa, entries, uses, found_at, changed_at, withdrawn_at FROM conflict"


class ConflictUse(Struct, frozen=True, kw_only=True):
    """One of the entries that a conflict is made of."""

    entry: str
    device: str
    post: str
    at: datetime
    epoch: str
    sequence: int


class Conflict(Struct, frozen=True, kw_only=True):
    """A visa used too often."""

    number: int
    visa: str
    allowed: int
    made: int
    """As last counted; with those in journals that are not here."""
    found_at: str
    changed_at: str
    withdrawn_at: str
    """Empty: it stands."""
    uses: tuple[ConflictUse, ...]
    """In the order in which they took place."""


def conflicts(path: Path) -> list[Conflict]:
    """Every conflict, the oldest first, of the centre's folder `path`; what came in last is settled before."""
    with settled(CentreFolder(path)) as database, database.reading():
        return [_conflict(database, row) for row in list(database.rows(f"{_CONFLICT} ORDER BY id"))]


def export_conflict(path: Path, number: int, target: Path, *, at: datetime | None = None) -> Conflict:
    """Write to `target` what proves a conflict, as `journal_file` has it: each entry in its exact bytes, with its
    salt, the head before it, and as many digests after it as lead to a head that its device has signed.

    Raises NoSuchConflict, and what writing raises; then nothing is left of the file.
    """
    with whole_file(target) as file, settled(CentreFolder(path)) as database, database.reading():
        row = database.one(f"{_CONFLICT} WHERE id = ?", [number])
        if row is None:
            raise NoSuchConflict(str(number))
        found = _conflict(database, row)
        header = Header(kind=FileKind.PROOF, made_at=at or datetime.now(UTC), since=f"conflict {number}")
        with JournalWriter(file, header) as writer:
            for use in uses_of(database, found.visa):
                _prove(database, writer, use)
            writer.end()
    return found


def _conflict(database: Database, row: tuple[int, str, int, int, str, str, str | None]) -> Conflict:
    number, visa, allowed, made, found_at, changed_at, withdrawn_at = row
    return Conflict(
        number=number,
        visa=visa,
        allowed=allowed,
        made=made,
        found_at=found_at,
        changed_at=changed_at,
        withdrawn_at=withdrawn_at or "",
        uses=tuple(_uses(database, visa)),
    )


def _uses(database: Database, visa: str) -> Iterator[ConflictUse]:
    for use in uses_of(database, visa):
        (epoch,) = database.one("SELECT epoch FROM stream WHERE id = ?", [use.stream])
        yield ConflictUse(
            entry=use.entry,
            device=use.device,
            post=use.post,
            at=use.at,
            epoch=bytes(epoch).hex(),
            sequence=use.sequence,
        )


def _prove(database: Database, writer: JournalWriter, use: Use) -> None:
    stream = Store(database).stream_of(use.stream)
    secrets = Store(database).secret_before(stream, use.sequence + 1)
    (secret,) = secrets.values()
    previous = Store(database).head_at(stream, use.sequence - 1)
    assert previous is not None
    writer.segment(
        device=stream.device, epoch=stream.epoch, key=stream.journal_key, first=use.sequence, previous=previous
    )
    (signed,) = database.one(
        "SELECT min(sequence) FROM head_signature WHERE stream = ? AND sequence >= ?", [stream.id, use.sequence]
    )
    for sequence, body, digest, head, signature in list(
        database.rows(
            "SELECT j.sequence, j.body, j.digest, j.head, h.signature FROM journal j LEFT JOIN head_signature h"
            " ON h.stream = j.stream AND h.sequence = j.sequence"
            " WHERE j.stream = ? AND j.sequence BETWEEN ? AND ? ORDER BY j.sequence",
            [stream.id, use.sequence, signed],
        )
    ):
        kept = bytes(signature) if signature is not None else b""
        if sequence == use.sequence:
            salt = chain.salt(bytes(secret), stream.epoch, sequence)
            writer.entry(sequence, body=bytes(body), salt=salt, head=bytes(head), signature=kept)
        else:
            writer.digest(sequence, digest=bytes(digest), head=bytes(head), signature=kept)
