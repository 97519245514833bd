"""Conflicts as people ask for them, and the file that proves one to whoever has the devices' keys only."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from centre_device import AT, Office, PaperDevice, open_office
from click.testing import CliRunner
from ledger_kit import VISA, correction, crossing, list_visas, send, settled, visa_record

from border_agent.cli.centre_conflicts import conflicts as command
from mqtt_schemas.audit import AuditKeys, read_keys, verify_files
from mqtt_schemas.centre.audit_keys import keys_file
from mqtt_schemas.centre.conflict_reports import conflicts, export_conflict
from mqtt_schemas.centre.errors import NoSuchConflict
from mqtt_schemas.centre.folder import StoreSettings, init
from mqtt_schemas.journal_file import EntryLine, Segment, read_lines

HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path, store: StoreSettings) -> Path:
    init(tmp_path / "centre", store=store, at=AT)
    return tmp_path / "centre"


@pytest.fixture
def office(folder: Path, store: StoreSettings) -> Office:
    return open_office(folder / "centre.db", url=store.url)


def used_twice(office: Office) -> tuple[PaperDevice, PaperDevice]:
    devices = PaperDevice("post-1", day=3), PaperDevice("post-2")
    office.enrol(*devices)
    list_visas(office, visa_record())
    # At the first post entries of other travellers stand around it, in one batch under one signature.
    others = [crossing(AT, visa="f" * 16, allowed=0) for _ in range(4)]
    send(office, devices[0], *others[:2], crossing(AT), *others[2:])
    send(office, devices[1], crossing(AT + HOUR))
    return devices


def test_a_conflict_is_proved_by_a_file(folder: Path, office: Office, tmp_path: Path) -> None:
    devices = used_twice(office)
    (found,) = conflicts(folder)
    assert (found.number, found.visa, found.allowed, found.made, found.withdrawn_at) == (1, VISA, 1, 2, "")
    assert [(use.device, use.sequence, use.at) for use in found.uses] == [
        ("post-1", 4, AT),
        ("post-2", 2, AT + HOUR),
    ]
    assert [use.epoch for use in found.uses] == [device.epoch.hex() for device in devices]
    file = tmp_path / "conflict.jsonl"
    assert export_conflict(folder, 1, file, at=AT) == found
    keys = AuditKeys({device.name: [device.public] for device in devices})
    report = verify_files([file], keys)
    assert report.ok, report
    assert report.files[0].kind == "proof"
    assert verify_files([file], read_keys(keys_file(folder, AT))).ok
    # The other travellers' entries lead to the signature by their digests only.
    lines = [line.value for line in read_lines(io.BytesIO(file.read_bytes()))]
    shown = [line.body for line in lines if isinstance(line, EntryLine) and line.body is not None]
    assert shown == [devices[0].bodies[3], devices[1].bodies[1]]
    assert [line.first for line in lines if isinstance(line, Segment)] == [4, 2]
    assert devices[0].bodies[4] not in file.read_bytes()
    # Whoever changes the entry, or believes another key, has no proof.
    file.write_bytes(file.read_bytes().replace(b"2026-05-01T08:00:00Z", b"2026-05-01T08:00:01Z"))
    assert not verify_files([file], keys).ok
    export_conflict(folder, 1, file, at=AT)
    stranger = PaperDevice("post-2")
    assert not verify_files([file], AuditKeys({"post-1": [devices[0].public], "post-2": [stranger.public]})).ok


def test_no_such_conflict_leaves_what_is_there(folder: Path, office: Office, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"kept")
    with pytest.raises(NoSuchConflict):
        export_conflict(folder, 1, tmp_path / "kept")
    assert [(file.name, file.read_bytes()) for file in tmp_path.glob("kept*")] == [("kept", b"kept")]


def test_conflicts_by_command(folder: Path, office: Office, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(command, [*arguments, "--folder", str(folder)])
        return result.exit_code, result.output

    assert run("list")[0] == 0
    devices = used_twice(office)
    settled(office)
    code, output = run("list", "--json")
    read = msgspec.json.decode(output)
    assert (code, read["count"], read["conflicts"][0]["visa"]) == (1, 1, VISA)
    code, output = run("list")
    assert code == 1
    assert VISA in output
    assert "post-2" in output
    file = tmp_path / "one.jsonl"
    assert run("export", "1", str(file))[0] == 0
    assert verify_files([file], AuditKeys({device.name: [device.public] for device in devices})).ok
    assert run("export", "7", str(tmp_path / "seven.jsonl"))[0] != 0
    assert not list(tmp_path.glob("seven*"))
    used = crossing(AT + 2 * HOUR)
    send(office, devices[1], used, correction(used, AT + 3 * HOUR, annuls=True))
    first = msgspec.json.decode(run("list", "--json")[1])["conflicts"][0]["uses"][1]["entry"]
    send(office, devices[1], correction(msgspec.structs.replace(used, id=first), AT + 4 * HOUR, annuls=True))
    code, output = run("list", "--json")
    assert (code, msgspec.json.decode(output)["count"]) == (0, 0)
    assert run("list")[0] == 0
