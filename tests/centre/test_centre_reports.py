"""Export, alarms, counts, and the proof from the stored bytes."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import msgspec
import pytest
from centre_device import AT, Office, PaperDevice, movement, open_office

from mqtt_schemas.centre.folder import init
from mqtt_schemas.centre.proof import verify
from mqtt_schemas.centre.reports import alarms, close_alarm, counts, export_movements, movements
from mqtt_schemas.entries import write_entry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init(tmp_path / "centre", at=AT)
    return tmp_path / "centre"


@pytest.fixture
def office(folder: Path) -> Office:
    return open_office(folder / "centre.db")


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


def test_counts(folder: Path, office: Office) -> None:
    assert msgspec.structs.astuple(counts(folder)) == (0,) * 8
    device = fill(office)[0]
    device.add(b"unreadable")
    device.add(device.bodies[4])
    office.acks(device.sent(22, 23))
    found = counts(folder)
    assert (found.devices, found.streams, found.entries, found.movements) == (2, 2, 44, 41)
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
        ("UPDATE journal SET body = replace(body, 'admit', 'refer') WHERE stream = 2 AND sequence = 9", 8),
        ("UPDATE journal SET digest = zeroblob(32) WHERE stream = 2 AND sequence = 3", 2),
        ("UPDATE journal SET head = zeroblob(32) WHERE stream = 2 AND sequence = 3", 2),
        ("DELETE FROM journal WHERE stream = 2 AND sequence = 5", 4),
        ("DELETE FROM journal WHERE stream = 2 AND sequence > 14", 14),
        ("DELETE FROM secret WHERE stream = 2 AND first = 1", 0),
        ("UPDATE secret SET secret = zeroblob(32) WHERE stream = 2 AND first = 6", 5),
        ("UPDATE head_signature SET signature = zeroblob(64) WHERE stream = 2 AND sequence = 14", 14),
        ("DELETE FROM head_signature WHERE stream = 2 AND sequence = 21", 21),
        ("UPDATE stream SET journal_key = zeroblob(32) WHERE id = 2", 7),
        ("UPDATE stream SET mark = 22 WHERE id = 2", 21),
    ],
)
def test_the_proof_finds_what_a_hand_changed(folder: Path, office: Office, change: str, proven: int) -> None:
    fill(office)
    office.store.database.close()
    # By somebody with the file, past this program and its triggers.
    with sqlite3.connect(folder / "centre.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        if "replace(" in change:
            change = change.replace(
                "replace(body, 'admit', 'refer')", "CAST(replace(CAST(body AS TEXT), 'admit', 'refer') AS BLOB)"
            )
        assert connection.execute(change).rowcount > 0
    connection.close()
    untouched, touched = verify(folder)
    assert untouched.ok
    assert not touched.ok
    assert ("missing" in touched.problem) == change.endswith("sequence = 5")
    assert touched.proven_upto == proven
