"""A clock that somebody vouched for stays believed over a restart, as far as that can be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from border_agent.agent import timekeeping
from border_agent.agent.timekeeping import NOTE, Timekeeping, VouchedTime
from border_agent.clock import Clock, uptime
from border_agent.reporting import ReportingEvent
from border_agent.store import Notes, Store, create_key
from mqtt_schemas.entries import ClockQuality

ACKNOWLEDGED = ReportingEvent(kind="acknowledged")


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Notes]:
    create_key(tmp_path / "key")
    with Store(tmp_path / "store.db", tmp_path / "key") as store:
        yield Notes(store)


def unvouched() -> Clock:
    return Clock(synchronised=lambda: False)


def note(notes: Notes, *, ago: timedelta, boot: str | None = None) -> None:
    at = datetime.now(UTC) - ago
    vouched = VouchedTime(at=at, boot=boot or timekeeping.boot_id(), uptime=uptime() - ago.total_seconds())
    notes.put(NOTE, msgspec.json.encode(vouched))


def test_a_vouched_clock_is_believed_by_the_next_process(notes: Notes) -> None:
    before = unvouched()
    before.acknowledged(datetime.now(UTC))
    Timekeeping(notes, before).on_event(ACKNOWLEDGED)
    after = unvouched()
    assert after.read().quality is ClockQuality.UNKNOWN
    Timekeeping(notes, after).resume()
    assert after.read().quality is ClockQuality.SYNCHRONISED


def test_after_a_day_it_is_a_holdover(notes: Notes) -> None:
    note(notes, ago=timedelta(hours=30))
    clock = unvouched()
    Timekeeping(notes, clock).resume()
    assert clock.read().quality is ClockQuality.HOLDOVER


def test_in_the_same_boot_a_changed_system_clock_changes_nothing(notes: Notes) -> None:
    note(notes, ago=timedelta(minutes=5))
    clock = Clock(system=lambda: datetime(2027, 6, 1, tzinfo=UTC).timestamp(), synchronised=lambda: False)
    Timekeeping(notes, clock).resume()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(("battery", "quality"), [("1", ClockQuality.SYNCHRONISED), ("0", ClockQuality.UNKNOWN)])
def test_after_another_boot_only_a_battery_counts(
    notes: Notes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, battery: str, quality: ClockQuality
) -> None:
    rtc = tmp_path / "rtc" / "rtc0"
    rtc.mkdir(parents=True)
    (rtc / "hctosys").write_text(battery + "\n", encoding="ascii")
    found = timekeeping.set_by_battery(tmp_path / "rtc")
    monkeypatch.setattr(timekeeping, "set_by_battery", lambda: found)
    note(notes, ago=timedelta(hours=2), boot="another-boot")
    clock = unvouched()
    Timekeeping(notes, clock).resume()
    assert clock.read().quality is quality


def test_what_nobody_vouched_for_is_not_noted_and_rubbish_is_not_believed(notes: Notes) -> None:
    clock = unvouched()
    Timekeeping(notes, clock).on_event(ACKNOWLEDGED)
    assert notes.get(NOTE) is None
    notes.put(NOTE, b"\xff")
    Timekeeping(notes, clock).resume()
    assert clock.read().quality is ClockQuality.UNKNOWN


def test_a_boot_without_a_name_is_nobodys(notes: Notes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a sandbox that hides the kernel's name for the boot, every boot would be the same one."""
    monkeypatch.setattr(timekeeping, "_BOOT_ID", tmp_path / "hidden")
    monkeypatch.setattr(timekeeping, "set_by_battery", lambda: False)
    vouched = unvouched()
    vouched.acknowledged(datetime.now(UTC))
    Timekeeping(notes, vouched).on_event(ACKNOWLEDGED)
    clock = unvouched()
    Timekeeping(notes, clock).resume()
    assert clock.read().quality is ClockQuality.UNKNOWN


def test_the_unit_tells_the_boots_name(monkeypatch: pytest.MonkeyPatch) -> None:
    here = timekeeping.boot_id()
    assert len(here) == 32 and "-" not in here
    monkeypatch.setenv("BORNE_BOOT_ID", "0123456789abcdef0123456789abcdef")
    assert timekeeping.boot_id() == "0123456789abcdef0123456789abcdef"
