"""What the data centre hands an auditor: keys, where streams stand, and journals as it holds them. On both stores."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from centre_device import AT, PaperDevice, by_hand

from mqtt_schemas.audit import FaultKind, read_keys, verify_files
from mqtt_schemas.centre.audit_keys import keys_file
from mqtt_schemas.centre.desk import Desk
from mqtt_schemas.centre.errors import BadEnrolment
from mqtt_schemas.centre.folder import CentreFolder, StoreSettings, init, renew_keys_document
from mqtt_schemas.centre.journal_files import export_journal
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.centre.store import Store
from mqtt_schemas.entries import EpochReason
from mqtt_schemas.keys import public_bytes

LATER = AT + timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path, store: StoreSettings) -> Path:
    init(tmp_path / "centre", store=store, at=AT)
    return tmp_path / "centre"


def send(folder: Path, device: PaperDevice, *ranges: tuple[int, int]) -> None:
    centre = CentreFolder(folder)
    with centre.database() as database:
        desk = Desk(Store(database), centre.keys(), None, lambda: AT)
        desk.handle([device.greets(), *(device.sent(*part) for part in ranges)])


def written(folder: Path, device: PaperDevice, file: Path) -> Path:
    export_journal(folder, device.name, file, LATER)
    return file


def test_a_journal_as_the_centre_holds_it_proves(folder: Path, tmp_path: Path) -> None:
    device = PaperDevice()
    enrol(folder, device.name, "post-1", device.public, at=AT)
    device.travellers(11)
    send(folder, device, (1, 4), (5, 12))
    device.begin(EpochReason.STORE_LOST)
    device.travellers(2)
    send(folder, device, (1, 3))
    file, keys = written(folder, device, tmp_path / "file"), read_keys(keys_file(folder, LATER))
    report = verify_files([file], keys)
    assert report.ok, report.faults
    assert [(stream.proven_upto, stream.witnessed_upto, stream.opened) for stream in report.streams] == [
        (12, 12, "first_start"),
        (3, 3, "store_lost"),
    ]
    assert [(mark.device, mark.sequence, mark.at) for mark in keys.marks] == [
        (device.name, 12, AT),
        (device.name, 3, AT),
    ]


def test_the_centre_itself_cannot_alter_an_entry_unseen(folder: Path, tmp_path: Path) -> None:
    device = PaperDevice()
    enrol(folder, device.name, "post-1", device.public, at=AT)
    device.travellers(5)
    send(folder, device, (1, 6))
    with CentreFolder(folder).database() as database, database.transaction():
        by_hand(database, "UPDATE journal SET body = ? WHERE sequence = 4", device.bodies[4])
    report = verify_files([written(folder, device, tmp_path / "file")], read_keys(keys_file(folder, LATER)))
    assert [(fault.kind, fault.sequence) for fault in report.faults] == [(FaultKind.EDITED, 4)]
    assert report.streams[0].proven_upto == 0, "one signature for all of them, at the end"


def test_every_key_there_ever_was(folder: Path) -> None:
    first, second = PaperDevice(), PaperDevice()
    enrol(folder, first.name, "post-1", first.public, at=AT)
    send(folder, first, (1, 1))
    enrol(folder, first.name, "post-1", second.public, replace=True, at=AT)
    assert renew_keys_document(folder, at=LATER) == 2
    keys = read_keys(keys_file(folder, LATER))
    assert set(keys.of(first.name)) == {first.public, second.public}
    assert keys.knows_centre and not keys.documents_refused
    assert public_bytes(first.key) in keys.of(first.name)


def test_nothing_of_a_device_that_sent_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadEnrolment):
        export_journal(folder, "kiosk-1", tmp_path / "file", LATER)
    assert not list(tmp_path.glob("file*"))
