"""The state bar: what an officer must know of the device before trusting a screen. It has no good news by default.

Whatever cannot be read is shown as not known. Each item is an icon, a word and a link to `/state/<topic>`, where the
meaning and the remedy stand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from border_agent.agent.kiosk import OutOfService
from border_agent.agent.maintenance import ListState, MaintenanceReport
from border_agent.agent.runtime import Agent
from border_agent.errors import BorneError
from firmware_bridge.roles import DeviceState
from mqtt_schemas.entries import ClockQuality
from mqtt_schemas.feeds import Feed

FRESH_SECONDS: Final = 0.5
"""All pages and streams share what was read within so long."""
STALE_HOURS: Final = 72
"""Where the policy says nothing: the same as in the inspection's rules."""
LISTS: Final = (Feed.VISAS, Feed.TRUST, Feed.WATCHLIST, Feed.POLICY, Feed.OFFICERS)


class Topic(StrEnum):
    """What `/state/<topic>` explains."""

    LINE = "line"
    UNSENT = "unsent"
    VISAS = "visas"
    TRUST = "trust"
    CSCA = "csca"
    STAYS = "stays"
    WATCHLIST = "watchlist"
    POLICY = "policy"
    OFFICERS = "officers"
    CLOCK = "clock"
    DEVICES = "devices"
    CONFLICTS = "conflicts"
    POST = "post"
    DECODERS = "decoders"
    STORE = "store"


class Tone(StrEnum):
    """How it stands; each has a shape and a word of its own, never a colour alone."""

    GOOD = "good"
    NOTE = "note"
    WARN = "warn"
    BAD = "bad"


class BarItem(Struct, frozen=True):
    """One item. Words: `console.bar.<topic>` is its name, `key` what is said of it."""

    topic: Topic
    tone: Tone
    key: str
    params: dict[str, str] = {}


class BarView(Struct, frozen=True):
    """The bar at one moment."""

    at: datetime
    items: tuple[BarItem, ...]


class Bar:
    """Reads the bar. Thread-safe."""

    def __init__(self, agent: Agent, clock: Callable[[], float] = time.monotonic) -> None:
        self._agent = agent
        self._clock = clock
        self._lock = threading.Lock()
        self._read: tuple[float, BarView] | None = None

    def view(self) -> BarView:
        """The bar now; never raises what the agent raises."""
        with self._lock:
            now = self._clock()
            if self._read is None or now - self._read[0] > FRESH_SECONDS:
                self._read = (self._clock(), self._look())
            return self._read[1]

    def _look(self) -> BarView:
        report = self._agent.maintenance.report()
        return BarView(report.clock.at, tuple(self._items(report)))

    def _items(self, report: MaintenanceReport) -> Iterator[BarItem]:
        yield _line(report)
        yield _unsent(report)
        yield from self._lists(report)
        yield _clock_item(report)
        yield _devices(report)
        yield from self._conflicts()
        yield from self._post(report.clock.at)
        if OutOfService.DECODERS in report.out_of_service:
            yield BarItem(Topic.DECODERS, Tone.BAD, "console.bar.decoders.failed")
        elif self._agent.kiosk.status().ready:
            yield BarItem(Topic.DECODERS, Tone.GOOD, "console.bar.decoders.ready")
        else:
            yield BarItem(Topic.DECODERS, Tone.WARN, "console.bar.decoders.starting")
        if OutOfService.STORE in report.out_of_service or report.lists is None:
            yield BarItem(Topic.STORE, Tone.BAD, "console.bar.store.failed")
        elif OutOfService.ROOM in report.out_of_service:
            yield BarItem(Topic.STORE, Tone.BAD, "console.bar.store.low")

    def _lists(self, report: MaintenanceReport) -> Iterator[BarItem]:
        found = {state.name: state for state in report.lists or ()}
        stale = self._stale_hours()
        feeds = [*LISTS, *([Feed.CSCA] if self._reads_chips else [])]
        if Feed.STAYS.value in found:
            # A data centre before 1.5 has none; then an exit goes by this device's own passages.
            feeds.append(Feed.STAYS)
        for feed in feeds:
            state = found.get(feed.value)
            topic = Topic(feed.value)
            if report.lists is None:
                yield BarItem(topic, Tone.BAD, "console.bar.list.unknown")
            elif state is None:
                # Without it chips are read all the same, and nobody is known to vouch for them.
                yield BarItem(topic, Tone.WARN if topic is Topic.CSCA else Tone.BAD, "console.bar.list.missing")
            else:
                yield _list(topic, state, report.clock.at, stale.get(feed.value, STALE_HOURS))

    def _conflicts(self) -> Iterator[BarItem]:
        """Only where there is something to look at."""
        try:
            count = self._agent.conflicts.unseen()
        except BorneError:
            # That the store cannot be read is an item of its own.
            return
        if count:
            yield BarItem(Topic.CONFLICTS, Tone.WARN, "console.bar.conflicts.new", {"count": str(count)})

    @property
    def _reads_chips(self) -> bool:
        return self._agent.config.devices.chip_reader is not None

    def _stale_hours(self) -> dict[str, int]:
        try:
            return dict(self._agent.policy().list_stale_hours)
        except BorneError:
            return {}

    def _post(self, now: datetime) -> Iterator[BarItem]:
        status = self._agent.post_line.status()
        if not status.configured:
            return
        if status.online:
            yield BarItem(Topic.POST, Tone.GOOD, "console.bar.post.up")
        else:
            yield _since(Topic.POST, Tone.BAD, "console.bar.post.down", status.since, now)


def _line(report: MaintenanceReport) -> BarItem:
    line = report.line
    if line.paused:
        return BarItem(Topic.LINE, Tone.WARN, "console.bar.line.drill")
    if not line.online:
        return _since(Topic.LINE, Tone.BAD, "console.bar.line.down", line.since, report.clock.at)
    if line.problems:
        return BarItem(Topic.LINE, Tone.WARN, "console.bar.line.trouble", {"count": str(len(line.problems))})
    return _since(Topic.LINE, Tone.GOOD, "console.bar.line.up", line.since, report.clock.at)


def _unsent(report: MaintenanceReport) -> BarItem:
    count = report.line.unacknowledged
    if not count:
        return BarItem(Topic.UNSENT, Tone.GOOD, "console.bar.unsent.none")
    tone = Tone.NOTE if report.line.online else Tone.WARN
    key = "console.bar.unsent.one" if count == 1 else "console.bar.unsent.some"
    return BarItem(Topic.UNSENT, tone, key, {"count": str(count)})


def _list(topic: Topic, state: ListState, now: datetime, stale_hours: int) -> BarItem:
    key, age = _age(now - state.issued)
    if state.expires <= now:
        return BarItem(topic, Tone.BAD, f"console.bar.list.expired.{key}", age)
    if now - state.issued > timedelta(hours=stale_hours):
        return BarItem(topic, Tone.WARN, f"console.bar.list.stale.{key}", age)
    return BarItem(topic, Tone.GOOD, f"console.bar.list.current.{key}", age)


def _age(age: timedelta) -> tuple[str, dict[str, str]]:
    """In the unit people speak of: minutes below two hours, hours below two days, then days."""
    minutes = max(0, age // timedelta(minutes=1))
    if minutes < 120:
        return "minutes", {"count": str(minutes)}
    if minutes < 48 * 60:
        return "hours", {"count": str(minutes // 60)}
    return "days", {"count": str(minutes // 1440)}


def _clock_item(report: MaintenanceReport) -> BarItem:
    tone = {
        ClockQuality.SYNCHRONISED: Tone.GOOD,
        ClockQuality.ACKNOWLEDGED: Tone.GOOD,
        ClockQuality.HOLDOVER: Tone.NOTE,
        ClockQuality.DOUBTFUL: Tone.BAD,
    }.get(report.clock.quality, Tone.BAD)
    return BarItem(Topic.CLOCK, tone, f"console.bar.clock.{report.clock.quality.value}")


def _devices(report: MaintenanceReport) -> BarItem:
    ready = sum(device.state is DeviceState.ready for device in report.devices)
    total = len(report.devices)
    counts = {"ready": str(ready), "total": str(total)}
    if not total:
        return BarItem(Topic.DEVICES, Tone.NOTE, "console.bar.devices.none")
    if ready == total:
        return BarItem(Topic.DEVICES, Tone.GOOD, "console.bar.devices.ready", counts)
    return BarItem(Topic.DEVICES, Tone.BAD if not ready else Tone.WARN, "console.bar.devices.some", counts)


def _since(topic: Topic, tone: Tone, key: str, since: datetime, now: datetime) -> BarItem:
    """With the time of day, or from yesterday on with the date."""
    local = since.astimezone()
    return BarItem(
        topic, tone, key if local.date() == now.astimezone().date() else f"{key}_days", {"since": local.isoformat()}
    )
