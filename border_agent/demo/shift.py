"""A shift at a post: travellers at two kiosks and a counter, officers at their pages, the line cut in between."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from border_agent.api.client import AgentClient
from border_agent.demo.appliance import Appliance
from border_agent.demo.chips import obstacle
from border_agent.demo.counter import Arrival, arrive
from border_agent.demo.officer import Officer
from border_agent.demo.parts import DemoFailed
from border_agent.demo.post_world import PostWorld
from border_agent.demo.proof import Proof, prove_all

OFFICERS = ("1001", "1002")
PASSWORD = "Latérite-et-borne-1992"  # noqa: S105  (of people who do not exist, in a world that ends with the demo)
OUTAGE_FROM, OUTAGE_TO = 0.3, 0.7
"""Shares of the travellers between which the line is down."""
PAUSE_SECONDS = 0.2
PATIENCE_SECONDS = 120.0

Tell = Callable[..., None]


class Shift(Struct, frozen=True, kw_only=True):
    """What a shift found out."""

    travellers: int
    decided: dict[str, int]
    """How many, by decision."""
    by_origin: dict[str, int]
    waits: tuple[float, ...]
    """Seconds from the machine's proposal to the recorded decision, one for each traveller."""
    outage_seconds: float
    unacknowledged_most: int
    proof: Proof
    seconds: float

    @property
    def good(self) -> bool:
        return self.proof.holds and sum(self.decided.values()) == self.travellers

    def as_json(self) -> dict[str, Any]:
        """Keys are stable."""
        waits = sorted(self.waits)
        return {
            "travellers": self.travellers,
            "decided": self.decided,
            "by_origin": self.by_origin,
            "wait_seconds": {
                "p50": round(statistics.median(waits), 2),
                "p95": round(waits[min(len(waits) - 1, int(0.95 * len(waits)))], 2),
            },
            "outage_seconds": round(self.outage_seconds, 1),
            "unacknowledged_most": self.unacknowledged_most,
            "entries_decided": self.proof.entries_decided,
            "entries_at_centre": self.proof.entries_at_centre,
            "lost": self.proof.lost,
            "duplicated": self.proof.duplicated,
            "chain_ok": self.proof.chain_ok and self.proof.same_bytes,
            "good": self.good,
            "seconds": round(self.seconds, 1),
        }


class _Arrivals:
    """Whoever comes next, for whichever device is free."""

    def __init__(self, arrivals: list[Arrival], travellers: int) -> None:
        self._next: Iterator[Arrival] = itertools.islice(itertools.cycle(arrivals), travellers)
        self._lock = threading.Lock()
        self.begun = 0
        self.proposed: dict[str, tuple[str, float]] = {}
        """Device and moment of each proposal by its inspection."""

    def take(self) -> Arrival | None:
        with self._lock:
            arrival = next(self._next, None)
            self.begun += arrival is not None
            return arrival


class _Decisions:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at: dict[str, float] = {}
        self.as_: dict[str, str] = {}


def play_shift(folder: Path, album: Path, tell: Tell, *, travellers: int = 200, outage_seconds: float = 0.0) -> Shift:
    """Play a shift in `folder`. `outage_seconds`: the line stays down at least so long.

    Raises DemoFailed, and what the parts raise.
    """
    begun = time.monotonic()
    if obstacle():
        tell("demo.no_chips", why=obstacle())
    with PostWorld(folder, album) as world:
        arrivals = _Arrivals(world.start(), travellers)
        tell("shift.open", url=world.url)
        decisions, done = _Decisions(), threading.Event()
        failures: list[Exception] = []

        def watched(work: Callable[..., None], *arguments: object) -> threading.Thread:
            def run() -> None:
                try:
                    work(*arguments)
                except Exception as error:
                    failures.append(error)
                    done.set()

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            return thread

        halls = [watched(_hall, appliance, arrivals, done) for appliance in world.appliances]
        desks = [watched(_desk, world, number, decisions, done) for number in OFFICERS]

        def moved() -> tuple[int, int]:
            return arrivals.begun, len(decisions.at)

        outage, most = _line(world, decisions, travellers, outage_seconds, moved, done, tell)
        _wait(lambda: not any(hall.is_alive() for hall in halls), "travellers", moved, done)
        _wait(lambda: len(decisions.at) >= travellers, "decisions", moved, done)
        done.set()
        for desk in desks:
            desk.join()
        if failures:
            raise failures[0]
        tell("shift.waiting_acks")
        for appliance in world.appliances:
            appliance.wait_for("acknowledgements", lambda now: now["line"]["unacknowledged"] == 0)
            appliance.stop_agent()
        world.national.stop_centre()
        proof = prove_all(world.national, world.appliances, decisions.as_)
    by_origin: dict[str, int] = {}
    decided: dict[str, int] = {}
    for inspection, (device, _) in arrivals.proposed.items():
        by_origin[device] = by_origin.get(device, 0) + 1
        decision = decisions.as_[inspection]
        decided[decision] = decided.get(decision, 0) + 1
    return Shift(
        travellers=travellers,
        decided=decided,
        by_origin=by_origin,
        waits=tuple(decisions.at[one] - at for one, (_, at) in arrivals.proposed.items()),
        outage_seconds=outage,
        unacknowledged_most=most,
        proof=proof,
        seconds=time.monotonic() - begun,
    )


def _hall(appliance: Appliance, arrivals: _Arrivals, done: threading.Event) -> None:
    """Travellers at one device, one after the other."""
    while not done.is_set() and (arrival := arrivals.take()) is not None:
        case = arrive(appliance, arrival)
        arrivals.proposed[case["id"]] = (appliance.device, time.monotonic())


def _desk(world: PostWorld, number: str, decisions: _Decisions, done: threading.Event) -> None:
    """An officer who takes whoever has waited longest, and decides as is proposed."""
    with Officer(world.url, world.ca) as officer:
        officer.activate(number, world.codes[number], PASSWORD)
        while not done.is_set():
            waiting = [one for one in officer.waiting() if one not in decisions.at]
            for inspection in waiting[:3]:
                decided = officer.decide(inspection)
                if decided:
                    with decisions.lock:
                        decisions.as_[inspection], decisions.at[inspection] = decided, time.monotonic()
                    break
            else:
                done.wait(PAUSE_SECONDS)


def _line(
    world: PostWorld,
    decisions: _Decisions,
    travellers: int,
    outage_seconds: float,
    moved: Callable[[], object],
    done: threading.Event,
    tell: Tell,
) -> tuple[float, int]:
    """Cut the line to the data centre and mend it; how long it was down, and how many entries waited then."""
    _wait(lambda: len(decisions.at) >= OUTAGE_FROM * travellers, "first decisions", moved, done)
    world.national.broker.kill()
    cut = time.monotonic()
    tell("shift.outage.begins", decided=len(decisions.at))
    _wait(lambda: len(decisions.at) >= OUTAGE_TO * travellers, "decisions without a line", moved, done)
    while time.monotonic() - cut < outage_seconds and not done.is_set():
        done.wait(1.0)
    most = 0
    for appliance in world.appliances:
        with AgentClient(str(appliance.socket)) as agent:
            most += agent.state()["line"]["unacknowledged"]
    world.national.broker.start()
    outage = time.monotonic() - cut
    tell("shift.outage.ends", decided=len(decisions.at), waiting=most, seconds=round(outage))
    return outage, most


def _wait(holds: Callable[[], bool], what: str, moved: Callable[[], object], done: threading.Event) -> None:
    """Wait for as long as something moves on. Raises DemoFailed after `PATIENCE_SECONDS` in which nothing has."""
    last, since = moved(), time.monotonic()
    while not holds() and not done.is_set():
        now = moved()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE_SECONDS:
            raise DemoFailed(what, f"nothing moves on at {last}")
        time.sleep(0.1)
