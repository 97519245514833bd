"""Movements for the tests of uses and stays: which visa, which document, when, where."""

from __future__ import annotations

import secrets
from datetime import date, datetime

import msgspec
from centre_device import AT, Office, PaperDevice, movement

from mqtt_schemas.centre.settling import settle_all
from mqtt_schemas.entries import (
    ClockQuality,
    Correction,
    Direction,
    EpochOpened,
    EpochReason,
    LateEntry,
    Movement,
    VisaFacts,
    write_entry,
)
from mqtt_schemas.feeds import Feed, put, read_change, read_record
from mqtt_schemas.records import StayRecord, VisaRecord

VISA = "00112233445566aa"


def crossing(
    at: datetime, *, visa: str = VISA, allowed: int = 1, direction: Direction = Direction.ENTRY, **changes: object
) -> Movement:
    """A movement with a visa whose seal allows so many entries."""
    seal = VisaFacts(visa_id=visa, issuer="UTO", signature="valid", seen_at_centre=True, entries=allowed)
    made = msgspec.structs.replace(movement(1), occurred_at=at, recorded_at=at, direction=direction, visa=seal)
    return msgspec.structs.replace(made, **changes)


def correction(entry: Movement | LateEntry, at: datetime = AT, *, annuls: bool = False, **changes: str) -> Correction:
    return Correction(
        id=secrets.token_hex(16),
        occurred_at=at,
        recorded_at=at,
        clock=ClockQuality.SYNCHRONISED,
        corrects=entry.id,
        inspection_id=entry.inspection_id,
        officer="1234",
        reason="mistyped",
        annuls=annuls,
        changes={name.replace("__", "."): value for name, value in changes.items()},
    )


def carrying(device: PaperDevice, bodies: list[bytes]) -> None:
    """A new epoch of a restored device, with entries carried into it."""
    device.begin(EpochReason.RESTORED)
    opening = EpochOpened(
        id=secrets.token_hex(16),
        occurred_at=AT,
        recorded_at=AT,
        clock=ClockQuality.SYNCHRONISED,
        device=device.name,
        software="0.1.0",
        reason=EpochReason.RESTORED,
        carried=len(bodies),
    )
    device.bodies.clear()
    device.heads = device.heads[:1]
    for body in (write_entry(opening), *bodies):
        device.add(body)


def visa_record(visa: str = VISA, *, entries: int = 1, **more: object) -> VisaRecord:
    return VisaRecord(
        visa_id=visa,
        issuer="UTO",
        document_issuer="UTO",
        document_number="L898902C3",
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        entries=entries,
        **more,
    )


def list_visas(office: Office, *records: VisaRecord) -> None:
    with office.store.database.transaction():
        office.feeds.append(Feed.VISAS, [(record.visa_id, put(record.visa_id, record)) for record in records], (), AT)


def send(office: Office, device: PaperDevice, *entries: msgspec.Struct) -> None:
    """Entries written by a device, and everything of it that is not here yet taken in."""
    for entry in entries:
        device.add(write_entry(entry))
    stream = office.store.stream(device.name, device.epoch)
    first = stream.mark + 1 if stream is not None else 1
    office.desk.handle([device.greets()])
    (ack,) = office.acks(device.sent(first, len(device.bodies)))
    assert ack.upto == len(device.bodies)


def settled(office: Office) -> None:
    settle_all(office.store.database, AT)


def published(office: Office, visa: str = VISA) -> VisaRecord:
    change = office.feeds.current(Feed.VISAS, visa)
    assert change is not None
    return read_record(VisaRecord, read_change(change).record)


def stays(office: Office) -> list[StayRecord]:
    """The open stays; the record with the key left out."""
    found = []
    for key in list(office.feeds.keys(Feed.STAYS)):
        change = office.feeds.current(Feed.STAYS, key)
        assert change is not None
        record = read_record(StayRecord, read_change(change).record)
        if record.document:
            found.append(record)
        else:
            assert len(record.hash_key) == 32
    return found


def conflict_rows(office: Office) -> list[tuple[str, int, int, bool]]:
    rows = office.store.database.rows("SELECT visa, entries, uses, withdrawn_at FROM conflict ORDER BY id")
    return [(visa, entries, uses, withdrawn is None) for visa, entries, uses, withdrawn in rows]
