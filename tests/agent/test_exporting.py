"""The journal's export: an auditor's check of the file, and what it must find."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.agent.diary import Diary
from border_agent.agent.exporting import Exporting, WrongPeriod, verify_export
from border_agent.clock import Clock
from border_agent.store import Journal, Store, create_key
from mqtt_schemas.entries import EpochReason

START = datetime(2026, 12, 1, 22, tzinfo=UTC)


class Device:
    """A journal over three days, two epochs and five hostile details."""

    def __init__(self, folder: Path) -> None:
        self.at = START.timestamp()
        self.clock = Clock(system=lambda: self.at, synchronised=lambda: True)
        self.key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
        create_key(folder / "key")
        self.store = Store(folder / "store.db", folder / "key")
        self.journal = Journal(self.store, "test-device-1", self.key, self.clock, software="1")
        diary = Diary(self.journal, self.clock)
        for number in range(12):
            diary.note("opened", {"name": f'<b>é\u2028"{number}'})
            self.at += 4 * 3600
            if number == 8:
                self.journal.open_epoch(EpochReason.STORE_LOST)
        self.acts: list[tuple[str, str, str, dict[str, str]]] = []
        self.exporting = Exporting(
            store=self.store,
            device="test-device-1",
            key=self.key,
            clock=self.clock,
            software="1.0",
            act=lambda *act: self.acts.append(act),
        )

    def export(self, first: int = 0, last: int = 9) -> list[bytes]:
        day = START.date()
        pieces = self.exporting.export(day + timedelta(first), day + timedelta(last), "1234")
        return b"".join(pieces).splitlines(keepends=True)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path)
    with device.store:
        yield device


def of(lines: list[bytes], kind: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, lines) if line["line"] == kind]


def test_a_whole_journal_exports_and_holds(device: Device) -> None:
    lines = device.export()
    assert verify_export(lines, device.key.public_key()).ok
    report = verify_export(lines)
    assert (report.ok, report.device, report.entries) == (True, "test-device-1", 14)
    (header,) = of(lines, "header")
    assert header["public_key"] == device.key.public_key().public_bytes_raw().hex()
    assert header["software"] == "1.0"
    assert header["epoch"] == device.journal.position().epoch.hex()
    assert len(of(lines, "stream")) == 2
    assert json.loads(str(of(lines, "entry")[1]["body"]))["details"] == {"name": '<b>é\u2028"0'}


def test_a_part_holds_by_itself_and_has_no_other_day(device: Device) -> None:
    lines = device.export(1, 1)
    assert verify_export(lines, device.key.public_key()).ok
    days = {json.loads(str(entry["body"]))["recorded_at"][:10] for entry in of(lines, "entry")}
    assert days == {"2026-12-02"}
    (stream,) = of(lines, "stream")
    assert stream["first"] != 1
    assert len(of(lines, "secret")) == 1


def test_a_period_without_entries_is_a_true_answer(device: Device) -> None:
    lines = device.export(100, 101)
    assert verify_export(lines, device.key.public_key()).ok
    assert of(lines, "entry") == []


def test_the_act_is_written_before_the_first_byte(device: Device) -> None:
    pieces = device.exporting.export(START.date(), START.date(), "1234")
    assert device.acts == [("1234", "exported", "journal", {"since": "2026-12-01", "until": "2026-12-01"})]
    next(pieces)


@pytest.mark.parametrize("last", [-1, 3661])
def test_a_wrong_period_is_refused_and_not_written_down(device: Device, last: int) -> None:
    with pytest.raises(WrongPeriod):
        device.export(0, last)
    assert not device.acts


def test_every_changed_byte_is_found(device: Device) -> None:
    whole = b"".join(device.export())
    for place in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[place] ^= 1
        report = verify_export(bytes(changed).splitlines(keepends=True), device.key.public_key())
        assert not report.ok, (place, whole[max(0, place - 30) : place + 30])


def test_lines_that_are_missing_doubled_or_exchanged_are_found(device: Device) -> None:
    lines = device.export()
    for place in range(len(lines)):
        assert not verify_export(lines[:place] + lines[place + 1 :]).ok
        assert not verify_export([*lines[: place + 1], lines[place], *lines[place + 1 :]]).ok
        assert not verify_export(lines[:place]).ok, "a file that broke off"
    for place in range(len(lines) - 1):
        exchanged = [*lines]
        exchanged[place], exchanged[place + 1] = lines[place + 1], lines[place]
        assert not verify_export(exchanged).ok


def test_an_entry_changed_in_the_store_is_seen_in_the_file(device: Device) -> None:
    with device.store.writing() as connection:
        connection.execute("DROP TRIGGER journal_unaltered")
        connection.execute(
            "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'opened', 'shut') AS BLOB) WHERE sequence = 3"
        )
        connection.execute("UPDATE journal SET body = x'ff00' WHERE sequence = 4")
    report = verify_export(device.export(), device.key.public_key())
    assert {(fault.what, fault.sequence) for fault in report.faults} >= {("digest", 3), ("digest", 4)}


def test_another_devices_file_is_not_this_ones(device: Device) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    report = verify_export(device.export(), other.public_key())
    assert not report.ok
    assert report.faults[0].what == "key"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b""],
        [b"{}"],
        [b"[]\n"],
        [b"\xff\n"],
        [b'{"line":"entry"}\n'],
        [b'{"line":"header","device":"x","public_key":"zz"}\n'],
        [b"[" * 100_000],
        [b'{"line":"header","device":"x","public_key":"' + b"00" * 32 + b'"}\n', b'{"line":"stream","epoch":1}\n'],
    ],
)
def test_rubbish_is_a_finding_and_never_a_crash(lines: list[bytes]) -> None:
    assert not verify_export(lines).ok
