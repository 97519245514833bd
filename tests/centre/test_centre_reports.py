"""Export, alarms, counts, and the proof from the stored bytes."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from centre_device import AT, Office, PaperDevice, by_hand, movement, open_office

from mqtt_schemas.centre.folder import StoreSettings, init
from mqtt_schemas.centre.proof import verify
from mqtt_schemas.centre.reports import alarms, close_alarm, counts, export_movements, movements
from mqtt_schemas.entries import (
    ClockQuality,
    Correction,
    Decision,
    Direction,
    DocumentFacts,
    LateEntry,
    read_entry,
    write_entry,
)


@pytest.fixture
def folder(tmp_path: Path, store: StoreSettings) -> Path:
    init(tmp_path / "centre", store=store, at=AT)
    return tmp_path / "centre"


@pytest.fixture
def office(folder: Path, store: StoreSettings) -> Office:
    return open_office(folder / "centre.db", url=store.url)


def fill(office: Office) -> list[PaperDevice]:
    devices = [PaperDevice("kiosk-1"), PaperDevice("post-2")]
    office.enrol(*devices)
    for device in devices:
        device.travellers(20)
        for first in range(1, 22, 7):
            office.acks(device.sent(first, first + 6))
    return devices


def test_movements_only_each_on_one_line(folder: Path, office: Office) -> None:
    devices = fill(office)
    devices[0].add(b'{"kind":"something_new"}')
    odd = msgspec.structs.replace(movement(1), document=None, visa=None, officer='a, "b"\nc')
    devices[0].add(write_entry(odd))
    office.acks(devices[0].sent(22, 23))
    rows = list(movements(folder))
    assert len(rows) == 41
    assert [row.sequence for row in rows if row.device == "kiosk-1"] == [*range(2, 22), 23]
    assert (rows[0].decision, rows[0].document_number, rows[0].visa_id) == ("admit", "L00000001", "0011223344556677")
    assert rows[0].findings == "visa.not_yet_seen"
    assert (rows[0].post, rows[0].seen_at_centre, rows[20].seen_at_centre) == ("post-1", True, None)
    read = list(csv.DictReader(export_movements(folder, "csv")))
    assert [row["inspection_id"] for row in read] == [row.inspection_id for row in rows]
    assert read[20]["officer"] == odd.officer
    lines = list(export_movements(folder, "jsonl"))
    assert [msgspec.json.decode(line)["inspection_id"] for line in lines] == [row.inspection_id for row in rows]
    assert all(line.count("\n") == 1 for line in lines)
    with pytest.raises(ValueError, match="xml"):
        export_movements(folder, "xml")


def head(number: int) -> dict[str, Any]:
    at = AT + timedelta(hours=number)
    return {"id": f"{number:032x}", "occurred_at": at, "recorded_at": at, "clock": ClockQuality.SYNCHRONISED}


def late_entry(number: int = 7) -> LateEntry:
    return LateEntry(
        **head(number),
        inspection_id="7" * 32,
        direction=Direction.EXIT,
        document=DocumentFacts(format="TD3", lines=(), issuer="UTO", number="P1", surname="NKOMO"),
        visa_id="00112233445566ff",
        decision=Decision.ADMIT,
        officer="0388",
        entered_by="0471",
        second_officer="0512",
        paper="DLA-317",
        reason="panne",
        stay_days=30,
    )


def correction(device: PaperDevice, sequence: int, number: int = 8, **changes: Any) -> Correction:
    corrected = read_entry(device.bodies[sequence - 1])
    return Correction(
        **head(number), corrects=corrected.id, inspection_id="0" * 32, reason="x", **{"officer": "0471"} | changes
    )


def test_late_entries_are_rows_of_their_own(folder: Path, office: Office) -> None:
    device = fill(office)[0]
    device.add(write_entry(late_entry()))
    told = msgspec.structs.replace(
        movement(1), second_officer="0512", origin="kiosk-9", grounds=("no_visa", "stay_used_up"), overstay_days=3
    )
    device.add(write_entry(told))
    office.acks(device.sent(22, 23))
    noted = office.store.database.one("SELECT kind, inspection FROM journal WHERE stream = 1 AND sequence = 22")
    assert noted == ("late_entry", "7" * 32)
    late, new = [row for row in movements(folder) if row.sequence > 21]
    assert (late.kind, late.entry, late.officer, late.entered_by) == ("late_entry", f"{7:032x}", "0388", "0471")
    assert (late.second_officer, late.paper, late.stay_days, late.visa_id) == (
        "0512",
        "DLA-317",
        30,
        "00112233445566ff",
    )
    assert (late.proposal, late.seen_at_centre, late.document_number, late.surname) == ("", None, "P1", "NKOMO")
    assert (late.occurred_at, late.direction) == ("2026-05-01T15:00:00+00:00", "exit")
    assert (new.kind, new.second_officer, new.origin) == ("movement", "0512", "kiosk-9")
    assert (new.grounds, new.overstay_days) == ("no_visa stay_used_up", 3)
    assert (new.annulled, new.corrected_by, new.corrections) == (False, "", "")


def test_corrections_are_in_what_is_exported(folder: Path, office: Office) -> None:
    """Of two for one field the later holds; what cannot be a value leaves the movement's own."""
    first, second = fill(office)
    changes = {"document.number": "NEW1", "document.surname": "ERIKSON", "direction": "exit"}
    odd = {"stay_days": "ninety", "occurred_at": "yesterday", "document.birth": "740812", "no_such": "x"}
    for entry in (
        correction(first, 3, 8, changes=changes),
        correction(first, 3, 9, changes={"document.number": "NEW2", **odd}, officer="0512"),
        correction(first, 4, 10, annuls=True, changes={"decision": "refuse"}),
        correction(second, 5, 11, changes={"stay_days": "9", "occurred_at": "2026-04-30T23:30:00+01:00"}),
        correction(second, 6, 12, changes={"occurred_at": "2026-04-30T23:30:00", "visa_id": "f" * 16}),
        msgspec.structs.replace(correction(first, 5, 13, annuls=True), corrects="e" * 32),
    ):
        first.add(write_entry(entry))
    office.acks(first.sent(22, 27))
    rows = {(row.device, row.sequence): row for row in movements(folder)}
    assert len(rows) == 40
    row = rows["kiosk-1", 3]
    assert (row.document_number, row.surname, row.direction) == ("NEW2", "ERIKSON", "exit")
    assert (row.stay_days, row.occurred_at) == (0, read_entry(first.bodies[2]).occurred_at.isoformat())
    assert (row.annulled, row.corrected_by) == (False, "0471 0512")
    assert row.corrections == f"{8:032x} {9:032x}"
    row = rows["kiosk-1", 4]
    assert (row.annulled, row.decision, row.corrected_by) == (True, "admit", "0471")
    row = rows["post-2", 5]
    assert (row.stay_days, row.occurred_at) == (9, "2026-04-30T22:30:00+00:00")
    row = rows["post-2", 6]
    assert (row.visa_id, row.occurred_at) == ("f" * 16, read_entry(second.bodies[5]).occurred_at.isoformat())
    untouched = [row for row in rows.values() if not row.corrections]
    assert len(untouched) == 36
    assert all(not row.annulled and row.direction == "entry" for row in untouched)
    (line,) = [line for line in csv.DictReader(export_movements(folder)) if line["annulled"] == "True"]
    assert line["sequence"] == "4"


def test_what_came_before_this_program_could_read_it_is_exported_too(folder: Path, office: Office) -> None:
    """A centre of 1.1 noted entries of 1.2 as unknown, and what is noted is never changed."""
    device = fill(office)[0]
    device.add(write_entry(late_entry()))
    device.add(write_entry(correction(device, 3, annuls=True)))
    device.add(b'{"kind":"of_1_3"}')
    office.acks(device.sent(22, 24))
    by_hand(office.store.database, "UPDATE journal SET kind = 'unknown', inspection = '' WHERE sequence > 21")
    rows = list(movements(folder))
    assert [row.kind for row in rows].count("late_entry") == 1
    assert [row.sequence for row in rows if row.annulled] == [3]


def test_counts(folder: Path, office: Office) -> None:
    assert msgspec.structs.astuple(counts(folder)) == (0,) * 12
    device = fill(office)[0]
    device.add(b"unreadable")
    # The same entry again, as one that was carried into another stream; and another movement of its inspection.
    device.add(device.bodies[4])
    again = read_entry(device.bodies[5])
    device.add(write_entry(msgspec.structs.replace(again, id="0" * 32)))
    device.add(write_entry(late_entry()))
    device.add(write_entry(correction(device, 5, annuls=True)))
    office.acks(device.sent(22, 26))
    found = counts(folder)
    assert (found.devices, found.streams, found.entries, found.movements) == (2, 2, 47, 41)
    assert (found.late_entries, found.corrections, found.carried, found.conflicts) == (1, 1, 1, 0)
    assert (found.repeated_movements, found.unreadable, found.quarantined, found.open_alarms) == (1, 1, 0, 1)


def test_alarms_are_closed_by_people(folder: Path, office: Office) -> None:
    office.acks(PaperDevice().greets())
    (alarm,) = alarms(folder)
    assert (alarm.code, alarm.open) == ("device_unknown", True)
    close_alarm(folder, alarm.number)
    assert alarms(folder) == []
    office.acks(PaperDevice().greets())
    assert [alarm.open for alarm in alarms(folder, closed_too=True)] == [False, True]


def test_the_proof_holds(folder: Path, office: Office) -> None:
    assert verify(folder) == []
    fill(office)
    reports = verify(folder)
    assert [(report.device, report.entries, report.proven_upto, report.signed_upto) for report in reports] == [
        ("kiosk-1", 21, 21, 21),
        ("post-2", 21, 21, 21),
    ]
    assert all(report.ok for report in reports)


@pytest.mark.parametrize(
    ("change", "proven"),
    [
        ("UPDATE journal SET body = ? WHERE stream = 2 AND sequence = 9", 8),
        ("UPDATE journal SET digest = ? WHERE stream = 2 AND sequence = 3", 2),
        ("UPDATE journal SET head = ? WHERE stream = 2 AND sequence = 3", 2),
        ("DELETE FROM journal WHERE stream = 2 AND sequence = 5", 4),
        ("DELETE FROM journal WHERE stream = 2 AND sequence > 14", 14),
        ("DELETE FROM secret WHERE stream = 2 AND first = 1", 0),
        ("UPDATE secret SET secret = ? WHERE stream = 2 AND first = 6", 5),
        ("UPDATE head_signature SET signature = ? WHERE stream = 2 AND sequence = 14", 14),
        ("DELETE FROM head_signature WHERE stream = 2 AND sequence = 21", 21),
        ("UPDATE stream SET journal_key = ? WHERE id = 2", 7),
        ("UPDATE stream SET mark = 22 WHERE id = 2", 21),
    ],
)
def test_the_proof_finds_what_a_hand_changed(folder: Path, office: Office, change: str, proven: int) -> None:
    device = fill(office)[1]
    forged = {
        "body": device.bodies[8].replace(b'"admit"', b'"refer"'),
        "signature": bytes(64),
    }
    values = [forged.get(change.split(" SET ")[1].split()[0], bytes(32))] if "?" in change else []
    by_hand(office.store.database, change, *values)
    untouched, touched = verify(folder)
    assert untouched.ok
    assert not touched.ok
    assert ("missing" in touched.problem) == change.endswith("sequence = 5")
    assert touched.proven_upto == proven
