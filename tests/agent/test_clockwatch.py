"""Somebody turns the system's clock: the journal says so once, and an auditor finds each setting of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from border_agent.agent.clockwatch import ClockWatch
from border_agent.agent.diary import Diary
from border_agent.reporting import ReportingEvent
from mqtt_schemas.entries import ClockQuality, DeviceEvent, read_entry
from tests.agent.conftest import Start
from tests.store.store_kit import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def events(store: Any) -> list[tuple[str, dict[str, str]]]:
    with store.reading() as connection:
        entries = [
            read_entry(bytes(row[0])) for row in connection.execute("SELECT body FROM journal ORDER BY sequence")
        ]
    return [(entry.event, entry.details) for entry in entries if isinstance(entry, DeviceEvent)]


def test_a_turn_is_written_down_once_and_its_end_too(desk: Desk) -> None:
    with desk.store() as store:
        clock = desk.hands.clock()
        journal = desk.journal(store)
        watch = ClockWatch(clock, Diary(journal, clock).note)
        assert not watch.step()
        desk.hands.system += 7200
        watch.step()
        desk.hands.turn(3600)
        watch.step()
        desk.hands.system -= 7200
        watch.step()
        assert events(store) == [
            ("clock_turned", {"seconds": "7200", "clock": ClockQuality.DOUBTFUL}),
            ("clock_turned", {"seconds": "0", "clock": ClockQuality.UNKNOWN}),
        ]


def test_a_machine_that_woke_in_1970_says_so(desk: Desk) -> None:
    desk.hands.system = 0.0
    with desk.store() as store:
        clock = desk.hands.clock()
        ClockWatch(clock, Diary(desk.journal(store), clock).note).step()
        ((event, details),) = events(store)
    assert event == "clock_turned"
    assert int(details["seconds"]) < -50 * 365 * 86400


def test_an_officer_is_told_that_the_clock_was_turned(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start()
    # Whether a time server keeps this machine's clock is not the question here.
    monkeypatch.setattr(agent._clock, "_synchronised", lambda: False)
    agent._clock.read()
    monkeypatch.setattr(agent._clock, "_system", lambda: time.time() + 86400)
    case = client.start(direction="entry")
    while (step := client.inspection(case["id"])["step"]) is not None:
        client.skip(case["id"], step)
    shown = client.inspection(case["id"])
    (turned,) = [finding for finding in shown["findings"] if finding["code"] == "clock.jumped"]
    assert "86,400" in turned["title"]["en"]
    assert shown["proposal"] == "refer"


def test_each_setting_of_the_clock_is_written_down(desk: Desk) -> None:
    with desk.store() as store:
        clock = desk.hands.clock()
        diary = Diary(desk.journal(store), clock)
        for _ in range(2):
            diary.on_event(ReportingEvent(kind="clock_set", version=-3600))
        assert events(store) == [("clock_set", {"seconds": "-3600"})] * 2
