"""Idle moments: small steps while nobody is inspected; the hourly health, retention, a nearly full disk."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from border_agent.agent import diary
from border_agent.agent.chores import Chores
from border_agent.agent.desk import NoRoom
from border_agent.agent.diary import Diary
from border_agent.agent.health import Health, Retention
from border_agent.agent.kiosk import OutOfService
from border_agent.agent.runtime import Agent
from border_agent.api.client import ApiRefused
from border_agent.config import load_config
from border_agent.console.bar import Bar, Tone, Topic
from border_agent.reporting import ReportingEvent
from border_agent.store import Room, StoreFailed, verify_journal
from mqtt_schemas.entries import DeviceEvent, read_entry
from tests.agent.conftest import Start, write_device
from tests.agent.desk_kit import POLICY


class Work:
    def __init__(self, steps: int) -> None:
        self.left = steps
        self.done = 0

    def step(self) -> bool:
        self.done += 1
        self.left -= 1
        return self.left > 0


def test_each_has_its_turn_and_nobody_who_is_inspected_waits() -> None:
    now, busy = [0.0], [False]
    chores = Chores(lambda: busy[0], first=20.0, clock=lambda: now[0])
    long, short = Work(10), Work(1)
    chores.add("long", 600.0, long.step)
    chores.add("short", 60.0, short.step)
    assert not chores.turn()
    assert long.done == 0, "whatever must be warm is warm first"
    now[0] = 20.0
    assert chores.turn()
    assert (long.done, short.done) == (1, 1)
    busy[0] = True
    assert not chores.turn()
    assert long.done == 1
    busy[0] = False
    while chores.turn():
        pass
    assert (long.done, short.done) == (10, 1)
    now[0] = 80.0
    chores.turn()
    assert (long.done, short.done) == (10, 2)


def test_one_may_begin_later() -> None:
    now = [0.0]
    chores = Chores(lambda: False, clock=lambda: now[0])
    work = Work(1)
    chores.add("later", 3600.0, work.step, first=300.0)
    now[0] = 299.0
    chores.turn()
    assert work.done == 0
    now[0] = 300.0
    chores.turn()
    assert work.done == 1


def test_one_that_fails_keeps_no_other_from_its_turn_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    chores = Chores(lambda: False, first=0.0, clock=lambda: now[0])

    def fails() -> bool:
        raise StoreFailed("store.db", "no")

    def broken() -> bool:
        raise RuntimeError("defect")

    work = Work(1)
    for name, step in (("fails", fails), ("broken", broken), ("work", work.step)):
        chores.add(name, 1.0, step)
    for _ in range(5):
        chores.turn()
        now[0] += 1.0
    assert work.done == 5
    assert len(caplog.records) == 2


def test_the_thread_ends_with_its_owner() -> None:
    with Chores(lambda: False, first=0.0) as chores:
        assert any(thread.name == "chores" for thread in threading.enumerate())
        assert not chores.turn()
    assert not any(thread.name == "chores" for thread in threading.enumerate())


@pytest.fixture
def agent(folder: Path) -> Iterator[Agent]:
    with Agent(load_config(write_device(folder))) as started:
        yield started


def test_the_hourly_entry_says_how_the_device_is(agent: Agent) -> None:
    health = Health(agent._store, agent._clock, agent.kiosk._note, agent.line, agent.memory_bytes)
    assert not health.step()
    entry = read_entry(agent.journal.latest(1)[0])
    assert isinstance(entry, DeviceEvent)
    assert entry.event == "health"
    details = entry.details
    assert set(details) == {
        "disk_free",
        "disk_total",
        "room",
        "store",
        "unsent",
        "online",
        "problems",
        "clock",
        "clock_back",
        "evidence_waiting",
        "evidence_bytes",
        "memory",
    }
    assert int(details["store"]) > 0
    assert int(details["unsent"]) >= 2
    assert (details["online"], details["room"]) == ("0", "ok")


def test_retention_follows_the_policy_and_leaves_a_journal_that_verifies(agent: Agent) -> None:
    journal, store = agent.journal, agent._store
    policy = [POLICY]
    far = agent._clock.now() + timedelta(days=400)
    for days in (0, 1):
        agent._clock.raise_floor(agent._clock.now() + timedelta(days=2 * days))
        agent.kiosk._note("filler", {})
    end = journal.position()
    journal.move_mark(end.sequence, end.head, datetime.now(UTC))
    clock = agent._clock
    clock.raise_floor(far)
    retention = Retention(store, journal, lambda: policy[0], clock)
    while retention.step():
        pass
    assert verify_journal(store, agent._journal_key.public_key()).pruned == 0, "the country has not decided"
    policy[0] = structs.replace(POLICY, journal_days=90)
    while retention.step():
        pass
    report = verify_journal(store, agent._journal_key.public_key())
    assert report.ok
    assert report.pruned >= 2


def test_a_disk_that_is_nearly_full_takes_nobody_new_and_still_records(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = agent.desk.start()
    free = os.statvfs(agent._store.path.parent)
    monkeypatch.setattr(agent._store, "reserve_bytes", 8 * free.f_bavail * free.f_frsize)
    assert agent._store.room() is Room.LOW
    assert agent.kiosk.out_of_service() == (OutOfService.ROOM,)
    storage = [item for item in Bar(agent).view().items if item.topic is Topic.STORE]
    assert [(item.tone, item.key) for item in storage] == [(Tone.BAD, "console.bar.store.low")]
    with pytest.raises(NoRoom):
        agent.desk.start()
    agent.desk.cancel(begun.id)
    agent.kiosk._note("still", {})
    assert json.loads(agent.journal.latest(1)[0])["event"] == "still"
    monkeypatch.setattr(agent._store, "reserve_bytes", 0)
    assert agent.kiosk.out_of_service() == ()
    assert agent.desk.start().id


def test_the_window_is_told_why(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start()
    monkeypatch.setattr(agent._store, "reserve_bytes", 2**62)
    assert agent._store.room() is Room.FULL
    assert client.kiosk()["in_service"] is False
    with pytest.raises(ApiRefused) as refused:
        client.start()
    assert (refused.value.reason, refused.value.status) == ("inspection.no_room", 507)


def test_lists_that_change_with_every_movement_are_noted_once_an_hour(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(diary.time, "monotonic", lambda: now[0])
    written = Diary(agent.journal, agent._clock)
    before = agent.journal.position().sequence
    for version in range(1, 6):
        for feed in ("visas", "stays", "watchlist"):
            written.on_event(ReportingEvent(kind="list_installed", subject=feed, version=version))
    assert agent.journal.position().sequence - before == 1 + 1 + 5
    now[0] += diary.OFTEN_SECONDS
    written.on_event(ReportingEvent(kind="list_installed", subject="visas", version=6))
    assert agent.journal.position().sequence - before == 8
