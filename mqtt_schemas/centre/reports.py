"""What people ask of the data centre: the movements, the alarms, the counts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.settling import settled
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Alarm
from mqtt_schemas.entries import Correction, LateEntry, Movement, read_entry
from mqtt_schemas.errors import Malformed

_CORRECTED = {
    "direction": "direction",
    "decision": "decision",
    "occurred_at": "occurred_at",
    "stay_days": "stay_days",
    "visa_id": "visa_id",
    "visa.visa_id": "visa_id",
    "document.issuer": "document_issuer",
    "document.number": "document_number",
    "document.nationality": "nationality",
    "document.surname": "surname",
    "document.given_names": "given_names",
}
"""The column of what a correction puts right; what is not here stands in the journal only."""


_ONCE = "NOT EXISTS (SELECT 1 FROM repeated r WHERE r.stream = j.stream AND r.sequence = j.sequence)"


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class MovementRow(Struct, frozen=True, kw_only=True):
    """One movement, flat, as it holds now: corrections are in it. Times are UTC, RFC 3339; what an entry does not
    say is empty. New columns come at the end."""

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
    kind: str
    """`movement`, or `late_entry`: of a day on paper."""
    entry: str
    """Id of the journal's entry."""
    second_officer: str = ""
    origin: str = ""
    """The device that inspected, where another one decided."""
    grounds: str = ""
    """Codes of a refusal's grounds, separated by spaces."""
    stay_days: int = 0
    overstay_days: int = 0
    entered_by: str = ""
    """Who entered a late entry."""
    paper: str = ""
    annulled: bool = False
    """It did not take place."""
    corrected_by: str = ""
    """Officers who put it right, in the order their corrections came, separated by spaces."""
    corrections: str = ""
    """Ids of these entries, which say why."""


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
    late_entries: int
    corrections: int
    carried: int
    """Movements, late entries and corrections that came a second time: they count once."""
    conflicts: int
    """Visas that were used too often, and not corrected since."""


def movements(path: Path) -> Iterator[MovementRow]:
    """The movements and late entries with what corrected them, by device and in its own order.

    An entry that came in two streams, because its device could not know that it was here, is one.
    """
    with settled(CentreFolder(path)) as database, database.reading():
        corrections = _corrections(database)
        # An entry that came before this program could read it is still noted as unknown.
        for body, received, device, post, epoch, sequence in database.rows(
            "SELECT j.body, j.received_at, s.device, d.post, s.epoch, j.sequence FROM journal j"  # noqa: S608
            " JOIN stream s ON s.id = j.stream JOIN device d ON d.id = s.device"
            f" WHERE j.kind IN ('movement', 'late_entry', 'unknown') AND {_ONCE}"
            " ORDER BY s.device, s.id, j.sequence"
        ):
            try:
                entry = read_entry(body)
            except Malformed:
                continue
            if isinstance(entry, Movement | LateEntry):
                row = _row(entry, device, post, epoch.hex(), sequence, received)
                yield _corrected(row, corrections.get(entry.id, ()))


def _corrections(database: Database) -> dict[str, list[Correction]]:
    """All corrections by the entry they put right, in the order they came."""
    found: dict[str, list[Correction]] = {}
    rows = database.rows(
        f"SELECT body FROM journal j WHERE kind IN ('correction', 'unknown') AND {_ONCE} ORDER BY rowid"  # noqa: S608
    )
    for (body,) in rows:
        try:
            entry = read_entry(body)
        except Malformed:
            continue
        if isinstance(entry, Correction):
            found.setdefault(entry.corrects, []).append(entry)
    return found


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
    with settled(CentreFolder(path)) as database:
        row = database.one(
            "SELECT (SELECT count(*) FROM device), (SELECT count(*) FROM stream),"
            " (SELECT count(*) FROM journal), (SELECT count(*) FROM passage WHERE kind = 'movement'),"
            " (SELECT count(*) FROM (SELECT 1 FROM passage WHERE kind = 'movement'"
            " GROUP BY inspection HAVING count(*) > 1) AS twice),"
            " (SELECT (SELECT count(*) FROM journal WHERE kind = 'unknown') + (SELECT count(*) FROM unreadable)),"
            " (SELECT count(*) FROM quarantine), (SELECT count(*) FROM alarm WHERE closed_at IS NULL),"
            " (SELECT count(*) FROM passage WHERE kind = 'late_entry'), (SELECT count(*) FROM correction),"
            " (SELECT count(*) FROM repeated), (SELECT count(*) FROM conflict WHERE withdrawn_at IS NULL)"
        )
    return Counts(**dict(zip(Counts.__struct_fields__, row, strict=True)))


def _row(
    entry: Movement | LateEntry, device: str, post: str, epoch: str, sequence: int, received: str
) -> MovementRow:
    document = entry.document
    row = MovementRow(
        device=device,
        post=post,
        epoch=epoch,
        sequence=sequence,
        inspection_id=entry.inspection_id,
        direction=entry.direction,
        decision=entry.decision,
        proposal="",
        officer=entry.officer,
        document_issuer=document.issuer if document else "",
        document_number=document.number if document else "",
        nationality=document.nationality if document else "",
        surname=document.surname if document else "",
        given_names=document.given_names if document else "",
        visa_issuer="",
        visa_id="",
        visa_signature="",
        seen_at_centre=None,
        findings="",
        occurred_at=entry.occurred_at.isoformat(),
        recorded_at=entry.recorded_at.isoformat(),
        received_at=received,
        kind=str(entry.__struct_config__.tag),
        entry=entry.id,
        second_officer=entry.second_officer,
        stay_days=entry.stay_days,
    )
    if isinstance(entry, LateEntry):
        return msgspec.structs.replace(row, visa_id=entry.visa_id, entered_by=entry.entered_by, paper=entry.paper)
    visa = entry.visa
    return msgspec.structs.replace(
        row,
        proposal=entry.proposal,
        visa_issuer=visa.issuer if visa else "",
        visa_id=visa.visa_id if visa else "",
        visa_signature=visa.signature if visa else "",
        seen_at_centre=visa.seen_at_centre if visa else None,
        findings=" ".join(finding.code for finding in entry.findings),
        origin=entry.origin,
        grounds=" ".join(entry.grounds),
        overstay_days=entry.overstay_days,
    )


def _corrected(row: MovementRow, corrections: Sequence[Correction]) -> MovementRow:
    if not corrections:
        return row
    changes: dict[str, str | int] = {}
    for correction in corrections:
        for field, value in correction.changes.items():
            if not correction.annuls and (column := _CORRECTED.get(field)) is not None:
                changes |= _right(column, value)
    return msgspec.structs.replace(
        row,
        **changes,
        annulled=any(correction.annuls for correction in corrections),
        corrected_by=" ".join(dict.fromkeys(correction.officer for correction in corrections)),
        corrections=" ".join(correction.id for correction in corrections),
    )


def _right(column: str, value: str) -> dict[str, str | int]:
    """The column's new value; nothing where it cannot be one, so that the row stays as the movement had it."""
    try:
        if column == "stay_days":
            return {column: int(value)}
        if column == "occurred_at":
            moment = datetime.fromisoformat(value)
            return {} if moment.tzinfo is None else {column: moment.astimezone(UTC).isoformat()}
    except (ValueError, OverflowError):
        return {}
    return {column: value}


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
