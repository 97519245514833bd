"""What people ask of the data centre: the movements, the alarms, the counts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Alarm
from mqtt_schemas.entries import Movement, read_entry


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class MovementRow(Struct, frozen=True, kw_only=True):
    """One movement, flat. Times are UTC, RFC 3339; what an entry does not say is empty."""

    device: str
    post: str
    epoch: str
    sequence: int
    inspection_id: str
    direction: str
    decision: str
    proposal: str
    officer: str
    document_issuer: str
    document_number: str
    nationality: str
    surname: str
    given_names: str
    visa_issuer: str
    visa_id: str
    visa_signature: str
    seen_at_centre: bool | None
    """Whether the device's visa list held the visa; None without a visa."""
    findings: str
    """Codes, separated by spaces."""
    occurred_at: str
    recorded_at: str
    received_at: str


class Counts(Struct, frozen=True, kw_only=True):
    """How much there is."""

    devices: int
    streams: int
    entries: int
    movements: int
    repeated_movements: int
    """Inspections with more than one movement: one traveller, one movement, so 0."""
    unreadable: int
    quarantined: int
    open_alarms: int


def movements(path: Path) -> Iterator[MovementRow]:
    """The movements, by device and in its own order."""
    with CentreFolder(path).database() as database:
        for body, received, device, post, epoch, sequence in database.rows(
            "SELECT j.body, j.received_at, s.device, d.post, s.epoch, j.sequence FROM journal j"
            " JOIN stream s ON s.id = j.stream JOIN device d ON d.id = s.device"
            " WHERE j.kind = 'movement' ORDER BY s.device, s.id, j.sequence"
        ):
            entry = read_entry(body)
            if isinstance(entry, Movement):
                yield _row(entry, device, post, epoch.hex(), sequence, received)


def export_movements(path: Path, form: str = ExportFormat.CSV) -> Iterator[str]:
    """The movements as lines with their line ends: `csv` (RFC 4180, with a heading) or `jsonl`.

    Raises ValueError for another format.
    """
    return _csv(movements(path)) if ExportFormat(form) is ExportFormat.CSV else _jsonl(movements(path))


def alarms(path: Path, *, closed_too: bool = False) -> list[Alarm]:
    """The open alarms, the oldest first."""
    with CentreFolder(path).database() as database:
        return Store(database).alarms(closed_too=closed_too)


def close_alarm(path: Path, number: int, *, at: datetime | None = None) -> None:
    """A person has seen to it."""
    with CentreFolder(path).database() as database, database.transaction():
        Store(database).close_alarm(number, at or datetime.now(UTC))


def counts(path: Path) -> Counts:
    """How much there is, at one moment."""
    with CentreFolder(path).database() as database:
        row = database.one(
            "SELECT (SELECT count(*) FROM device), (SELECT count(*) FROM stream),"
            " (SELECT count(*) FROM journal), (SELECT count(*) FROM journal WHERE kind = 'movement'),"
            " (SELECT count(*) FROM (SELECT 1 FROM journal WHERE kind = 'movement'"
            " GROUP BY inspection HAVING count(*) > 1)),"
            " (SELECT count(*) FROM journal WHERE kind = 'unknown'), (SELECT count(*) FROM quarantine),"
            " (SELECT count(*) FROM alarm WHERE closed_at IS NULL)"
        )
    return Counts(**dict(zip(Counts.__struct_fields__, row, strict=True)))


def _row(entry: Movement, device: str, post: str, epoch: str, sequence: int, received: str) -> MovementRow:
    document, visa = entry.document, entry.visa
    return MovementRow(
        device=device,
        post=post,
        epoch=epoch,
        sequence=sequence,
        inspection_id=entry.inspection_id,
        direction=entry.direction,
        decision=entry.decision,
        proposal=entry.proposal,
        officer=entry.officer,
        document_issuer=document.issuer if document else "",
        document_number=document.number if document else "",
        nationality=document.nationality if document else "",
        surname=document.surname if document else "",
        given_names=document.given_names if document else "",
        visa_issuer=visa.issuer if visa else "",
        visa_id=visa.visa_id if visa else "",
        visa_signature=visa.signature if visa else "",
        seen_at_centre=visa.seen_at_centre if visa else None,
        findings=" ".join(finding.code for finding in entry.findings),
        occurred_at=entry.occurred_at.isoformat(),
        recorded_at=entry.recorded_at.isoformat(),
        received_at=received,
    )


def _csv(rows: Iterator[MovementRow]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(MovementRow.__struct_fields__)
    yield line.getvalue()
    for row in rows:
        line.seek(0)
        line.truncate()
        writer.writerow(msgspec.structs.astuple(row))
        yield line.getvalue()


def _jsonl(rows: Iterator[MovementRow]) -> Iterator[str]:
    for row in rows:
        yield msgspec.json.encode(row).decode() + "\n"
