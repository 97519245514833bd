"""The rows behind the passages: one for each movement, inspection and late entry of the journal, as corrected.

The journal is the truth; these are its words laid out for searching, written in the entry's own transaction. What an
older version wrote without them is made up for when the store is opened. Callers hold the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, structs

from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import moment, stamp
from mqtt_schemas.entries import (
    Correction,
    Decision,
    Direction,
    DocumentFacts,
    Inspection,
    LateEntry,
    Movement,
    read_entry,
)
from mqtt_schemas.errors import Malformed

Passing = Movement | Inspection | LateEntry
"""Entries that are a passage."""

_KINDS: Final = {Movement: "movement", Inspection: "inspection", LateEntry: "late_entry"}
_NO_DOCUMENT: Final = DocumentFacts(format="", lines=())
_PORTION: Final = 1000
_COLUMN_OF: Final = {
    "direction": "direction",
    "decision": "decision",
    "occurred_at": "occurred_at",
    "stay_days": "stay_days",
    "document.number": "number",
    "document.surname": "surname",
    "document.given_names": "given_names",
    "document.nationality": "nationality",
    "document.birth": "birth",
    "document.issuer": "issuer",
}
"""Where a correction's field is shown; one that is not here (`document.expiry`) stands in the journal only."""


class Times(Struct, frozen=True, kw_only=True):
    """What the entry does not say: when the inspection began, was proposed, was taken in hand by an officer."""

    begun_at: datetime | None = None
    proposed_at: datetime | None = None
    taken_at: datetime | None = None


class Passage(Struct, frozen=True, kw_only=True):
    """One traveller's passage as it holds now: corrections are in it, `corrected` and `annulled` say so."""

    entry: str
    """Id of the journal's entry."""
    stream: int
    sequence: int
    kind: str
    """`movement`, `inspection` or `late_entry`."""
    inspection: str
    direction: Direction
    decision: Decision
    proposal: Decision
    occurred_at: datetime
    begun_at: datetime | None = None
    proposed_at: datetime | None = None
    taken_at: datetime | None = None
    issuer: str = ""
    number: str = ""
    nationality: str = ""
    surname: str = ""
    given_names: str = ""
    birth: str = ""
    """YYMMDD, as printed."""
    visa: str = ""
    regime: str = ""
    stay_days: int = 0
    overstay_days: int = 0
    officer: str = ""
    """Who decided."""
    origin: str = ""
    """The device that inspected, where another one decided."""
    group_id: str = ""
    annulled: bool = False
    corrected: bool = False


COLUMNS: Final = ", ".join(Passage.__struct_fields__)
_INSERT: Final = (
    f"INSERT OR IGNORE INTO passage ({COLUMNS}) VALUES ({', '.join('?' * len(Passage.__struct_fields__))})"  # noqa: S608
)


def passage_of(entry: Passing, stream: int, sequence: int, times: Times) -> Passage:
    """An entry's passage, before any correction."""
    document = entry.document or _NO_DOCUMENT
    common: dict[str, Any] = {
        "entry": entry.id,
        "stream": stream,
        "sequence": sequence,
        "kind": _KINDS[type(entry)],
        "inspection": entry.inspection_id,
        "direction": entry.direction,
        "decision": entry.decision,
        "occurred_at": entry.occurred_at,
        "issuer": document.issuer,
        "number": document.number,
        "nationality": document.nationality,
        "surname": document.surname,
        "given_names": document.given_names,
        "birth": document.birth,
        "stay_days": entry.stay_days,
        "officer": entry.officer,
        **structs.asdict(times),
    }
    if isinstance(entry, LateEntry):
        return Passage(proposal=Decision.UNKNOWN, visa=entry.visa_id, **common)
    return Passage(
        proposal=entry.proposal,
        visa=entry.visa.visa_id if entry.visa is not None else "",
        regime=entry.regime,
        overstay_days=entry.overstay_days,
        origin=entry.origin,
        group_id=entry.group,
        **common,
    )


def read_passage(row: tuple[Any, ...]) -> Passage:
    """A passage from a row of `COLUMNS`."""
    fields = dict(zip(Passage.__struct_fields__, row, strict=True))
    for name in ("occurred_at", "begun_at", "proposed_at", "taken_at"):
        fields[name] = moment(fields[name])
    for name in ("decision", "proposal"):
        fields[name] = Decision(fields[name])
    fields["direction"] = Direction(fields["direction"])
    for name in ("annulled", "corrected"):
        fields[name] = bool(fields[name])
    return Passage(**fields)


def write_passage(connection: Connection, passage: Passage) -> None:
    """Write a passage; one that is there stays as it is."""
    connection.execute(_INSERT, tuple(_stored(value) for value in structs.astuple(passage)))


def write_correction(connection: Connection, correction: Correction, stream: int, sequence: int) -> None:
    """Note a correction, and put its passage right. Doing it again in the journal's order changes nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO correction (entry, corrects, stream, sequence) VALUES (?, ?, ?, ?)",
        (correction.id, correction.corrects, stream, sequence),
    )
    if correction.annuls:
        connection.execute("UPDATE passage SET annulled = 1 WHERE entry = ?", (correction.corrects,))
        return
    for column, value in _columns(correction.changes):
        # The column's name is one of ours.
        connection.execute(
            f"UPDATE passage SET {column} = ?, corrected = 1 WHERE entry = ?",  # noqa: S608
            (value, correction.corrects),
        )
    connection.execute("UPDATE passage SET corrected = 1 WHERE entry = ?", (correction.corrects,))


def catch_up(connection: Connection) -> None:
    """Write the passages of entries that have none: those after the last one noted, so it is soon done.

    Begins its own transactions, of a thousand entries each. An entry that cannot be read has no passage.
    """
    stream, sequence = connection.execute(
        "SELECT stream, sequence FROM passage UNION ALL SELECT stream, sequence FROM correction"
        " UNION ALL SELECT 0, 0 ORDER BY stream DESC, sequence DESC LIMIT 1"
    ).fetchone()
    while rows := connection.execute(
        "SELECT stream, sequence, body FROM journal WHERE (stream, sequence) > (?, ?)"
        " ORDER BY stream, sequence LIMIT ?",
        (stream, sequence, _PORTION),
    ).fetchall():
        stream, sequence = rows[-1][:2]
        passing = [(place, number, entry) for place, number, body in rows for entry in _passing(bytes(body))]
        if not passing:
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            for place, number, entry in passing:
                if isinstance(entry, Correction):
                    write_correction(connection, entry, place, number)
                else:
                    write_passage(connection, passage_of(entry, place, number, Times()))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _passing(body: bytes) -> Iterator[Passing | Correction]:
    try:
        entry = read_entry(body)
    except Malformed:
        return
    if isinstance(entry, Movement | Inspection | LateEntry | Correction):
        yield entry


def _columns(changes: Mapping[str, str]) -> Iterator[tuple[str, str | int]]:
    """What a correction changes in the row. A value that cannot be one stays in the journal only."""
    for field, value in changes.items():
        column = _COLUMN_OF.get(field)
        try:
            if field == "occurred_at":
                at = datetime.fromisoformat(value)
                if at.tzinfo is not None:
                    yield "occurred_at", stamp(at)
            elif field == "stay_days":
                yield "stay_days", int(value)
            elif column is not None:
                yield column, value
        except (ValueError, OverflowError):
            continue


def _stored(value: object) -> object:
    match value:
        case datetime():
            return stamp(value)
        case bool():
            return int(value)
        case Direction() | Decision():
            return value.value
        case _:
            return value
