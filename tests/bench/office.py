"""Twenty officers at one agent: what they wait for while it drains what the centre has not got, against one alone.

Each officer is a browser with its live stream open, from an address of its own; travellers come over the post's
broker (see `office_world`). Decisions are timed from sending the form to the whole page that says “recorded”.
"""

from __future__ import annotations

import re
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from office_world import PASSWORD, Office, quantiles

from border_agent.api.client import AgentClient
from border_agent.demo.officer import Officer

OFFICERS = 20
BACKLOG = 5000
ALONE = 40
"""Decisions of the one officer."""
HOUR = 500
"""Travellers an hour; for `HOUR_SECONDS`."""
HOUR_SECONDS = 60.0
AT_ONCE = 3
"""Times at which everybody decides in the same moment, while the line is cut."""
IDLE_SECONDS = 6.0
_ROW = re.compile(r'id="row-([0-9a-f]{32})"')

Figure = tuple[str, float, str, str, float]


class Desk:
    """One officer: a browser, and the live stream of its queue. A context manager."""

    def __init__(self, office: Office, number: str, last: int) -> None:
        """`last`: of the loopback address that this browser comes from."""
        self.officer = Officer(office.world.url, office.world.ca)
        self.officer.http.close()
        trust = ssl.create_default_context(cafile=str(office.world.ca))
        self.officer.http = httpx.Client(
            base_url=office.world.url,
            transport=httpx.HTTPTransport(verify=trust, local_address=f"127.0.0.{last}"),
            follow_redirects=True,
            timeout=60.0,
        )
        self.seen: dict[str, float] = {}
        """When each inspection was in a page for the first time."""
        self._number = number
        self._code = office.world.codes[number]
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self.officer.activate(self._number, self._code, PASSWORD)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.officer.http.close()

    def listen(self) -> None:
        """Open the stream."""
        self._thread.start()

    def wait(self, inspection: str) -> float:
        """When the stream has brought it."""
        with self._changed:
            if not self._changed.wait_for(lambda: inspection in self.seen, 60.0):
                raise RuntimeError("a traveller never came into the queue")
            return self.seen[inspection]

    def decide(self, inspection: str, start: threading.Barrier | None = None) -> tuple[float, float]:
        """Open and decide as is proposed, at the start: milliseconds of each."""
        self.wait(inspection)
        begun = time.monotonic()
        page = self.officer.get(f"/inspections/{inspection}")
        opened = (time.monotonic() - begun) * 1000
        action = f"/inspections/{inspection}/decide/{self.officer.proposal(page)}"
        if start is not None:
            start.wait(60.0)
        begun = time.monotonic()
        page = self.officer.send(page, action, {})
        if 'class="message good"' not in page.text:
            raise RuntimeError(f"not recorded: {page.status} {page.path}")
        return opened, (time.monotonic() - begun) * 1000

    def _listen(self) -> None:
        try:
            with self.officer.http.stream("GET", "/events?show=queue:all", timeout=30.0) as answer:
                for line in answer.iter_lines():
                    found = _ROW.findall(line)
                    if found:
                        with self._changed:
                            now = time.monotonic()
                            for inspection in found:
                                self.seen.setdefault(inspection, now)
                            self._changed.notify_all()
        except (httpx.HTTPError, RuntimeError, OSError):
            return  # closed at the end


class Drain:
    """Watches the backlog go, in a thread of its own."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.rate = 0.0
        self.begun = threading.Event()
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._office.world.national.broker.start()
        self._thread.start()

    def _run(self) -> None:
        with AgentClient(str(self._office.world.counter.socket)) as agent:
            first = last = (time.monotonic(), _unsent(agent))
            while last[1] > first[1] * 0.02:  # the rest are decisions made meanwhile
                last = (time.monotonic(), _unsent(agent))
                if last[1] >= first[1]:
                    first = last
                    time.sleep(0.002)
                else:
                    self.begun.set()
        self.rate = (first[1] - last[1]) / (last[0] - first[0])
        self.done.set()


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="borne-") as name, ExitStack() as stack:
        office = stack.enter_context(Office(Path(name), OFFICERS))
        office.start()
        office.fall_behind(BACKLOG)
        quiet = Drain(office)
        quiet.start()
        quiet.done.wait(120.0)
        office.fall_behind(BACKLOG)
        before = office.agent_bytes()
        desks = [stack.enter_context(Desk(office, number, 2 + place)) for place, number in enumerate(office.numbers)]
        alone = _alone(office, desks[0])
        base_open, base_decide, base_seen = (quantiles(values)[0] for values in alone)
        yield from _lines("one officer: page opened", alone[0], "itself, p50", base_open)
        yield from _lines("one officer: decided", alone[1], "itself, p50", base_decide)
        yield from _lines("one officer: in the live queue", alone[2], "itself, p50", base_seen)
        for desk in desks[1:]:
            desk.listen()
        time.sleep(2.0)
        used = office.agent_seconds()
        time.sleep(IDLE_SECONDS)
        share = (office.agent_seconds() - used) / IDLE_SECONDS * 100
        yield f"{OFFICERS} streams, nothing happens: agent's processor", share, "%", "one core", share / 100
        rounds = [_at_once(office, desks) for _ in range(AT_ONCE)]
        cut = [value for values in rounds for value in values]
        base_cut = quantiles(cut)[0]
        yield from _lines(f"{OFFICERS} decide at once, line cut", cut, "one officer, p50", base_decide)
        drain = Drain(office)
        draining = _at_once(office, desks, drain)
        drain.done.wait(120.0)
        yield from _lines(f"{OFFICERS} decide at once, draining", draining, "the same, line cut, p50", base_cut)
        yield f"{BACKLOG:,} entries drained meanwhile", drain.rate, "/s", "nobody at work", drain.rate / quiet.rate
        hour = _hour(office, desks)
        what = f"{OFFICERS} officers, {HOUR}/h ({len(hour[1])})"
        yield from _lines(f"{what}: page opened", hour[0], "one officer, p50", base_open)
        yield from _lines(f"{what}: decided", hour[1], "one officer, p50", base_decide)
        yield from _lines(f"{what}: in the live queues", hour[2], "one officer, p50", base_seen)
        after = office.agent_bytes()
        yield "agent's memory, afterwards", after / 1e6, "MB", "before anybody signed in", after / before


def _alone(office: Office, desk: Desk) -> tuple[list[float], list[float], list[float]]:
    desk.listen()
    opened, decided, seen = [], [], []
    for _ in range(ALONE):
        inspection, said = office.publish()
        seen.append((desk.wait(inspection) - said) * 1000)
        times = desk.decide(inspection)
        opened.append(times[0])
        decided.append(times[1])
    return opened, decided, seen


def _at_once(office: Office, desks: list[Desk], drain: Drain | None = None) -> list[float]:
    """Everybody opens a traveller, and then all decide in the same moment; `drain`: once it has begun."""
    start = threading.Barrier(len(desks) + 1)
    with ThreadPoolExecutor(len(desks)) as pool:
        results = [pool.submit(desk.decide, office.publish()[0], start) for desk in desks]
        while start.n_waiting < len(desks) and not any(result.done() for result in results):
            time.sleep(0.01)
        if drain is not None:
            drain.start()
            drain.begun.wait(60.0)
        start.wait(60.0)
        return [result.result()[1] for result in results]


def _hour(office: Office, desks: list[Desk]) -> tuple[list[float], list[float], list[float]]:
    """Travellers at the rate of `HOUR`, each decided by the next officer: milliseconds of opening, of deciding, and
    from the kiosk's word to each of the streams."""
    begun, said, results = time.monotonic(), {}, []
    with ThreadPoolExecutor(len(desks)) as pool:
        while time.monotonic() - begun < HOUR_SECONDS:
            inspection, said[inspection] = office.publish()
            results.append(pool.submit(desks[len(results) % len(desks)].decide, inspection))
            time.sleep(max(0.0, begun + len(results) * 3600 / HOUR - time.monotonic()))
    times = [result.result() for result in results]
    seen = [(desk.wait(one) - at) * 1000 for one, at in said.items() for desk in desks]
    return [one for one, _ in times], [one for _, one in times], seen


def _lines(what: str, values: list[float], baseline: str, base: float) -> Iterator[Figure]:
    for share, value in zip(("p50", "p95"), quantiles(values), strict=True):
        yield f"{what}, {share}", value, "ms", baseline, value / base


def _unsent(agent: AgentClient) -> int:
    return int(agent.state()["line"]["unacknowledged"])


if __name__ == "__main__":
    for what, value, unit, baseline, ratio in measure():
        print(f"{what:<58} {value:>10.3f} {unit:<4} {ratio:>6.2f} x {baseline}", flush=True)
