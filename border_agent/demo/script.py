"""Who comes, and what happens meanwhile: the line is cut during travellers 5 to 8, the agent killed after the 7th."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from border_agent.demo.chips import obstacle
from border_agent.demo.counter import Arrival, Passage, pass_by
from border_agent.demo.flight import lists_are_there, prepare_flight
from border_agent.demo.proof import prove
from border_agent.demo.report import Result
from border_agent.demo.world import World

_log = logging.getLogger(__name__)

OUTAGE_BEFORE, OUTAGE_AFTER = 5, 8
"""The broker is killed before the one and comes back after the other."""
KILL_AFTER = 7
SHORT = (1, 2, 5, 6, 7, 8, 13, 15)
"""The travellers of the short form: every kind of verdict, the outage, the kill and a copied chip
are still in it."""

Tell = Callable[..., None]
"""Tells a person what happens: a key of the demo's catalogue, and its parameters."""


def play(folder: Path, album_folder: Path, tell: Tell, *, numbers: tuple[int, ...] = ()) -> Result:
    """Play the whole demo in `folder`; pictures are kept in `album_folder` for the next time.

    `numbers` chooses travellers (none: all). Raises DemoFailed, and what the parts raise.
    """
    begun = time.monotonic()
    tell("demo.preparing")
    if obstacle():
        tell("demo.no_chips", why=obstacle())
    flight = prepare_flight(album_folder, folder, chips=not obstacle())
    with World(folder) as world:
        tell("demo.starting")
        world.prepare(flight.feeds)
        world.start_centre()
        world.start_agent()
        state = world.wait_for("lists", lists_are_there)
        tell("demo.lists")
        memory = state["memory_bytes"]
        arrivals = [one for one in flight.arrivals if not numbers or one.number in numbers]
        passages, outage = _arrive(world, arrivals, tell)
        tell("demo.waiting_acks")
        world.wait_for("acknowledgements", lambda now: now["line"]["unacknowledged"] == 0)
        world.stop_agent()
        world.stop_centre()
        proof = prove(world, passages)
    return Result(
        passages=tuple(passages),
        proof=proof,
        outage_seconds=outage,
        kills=1,
        memory=memory,
        seconds=time.monotonic() - begun,
    )


def _arrive(world: World, arrivals: list[Arrival], tell: Tell) -> tuple[list[Passage], float]:
    passages: list[Passage] = []
    groups: dict[int, str] = {}
    cut_at, outage = 0.0, 0.0
    last = arrivals[-1].number
    for arrival in arrivals:
        if arrival.number == OUTAGE_BEFORE:
            world.broker.kill()
            cut_at = time.monotonic()
            tell("demo.outage.begins")
        passage = pass_by(world, arrival, groups.get(arrival.guardian, ""))
        passages.append(passage)
        groups[arrival.number] = passage.inspection
        tell("demo.traveller", passage=passage, of=last)
        if arrival.number == KILL_AFTER:
            # The broker is down, so the decision just told cannot have been acknowledged.
            world.kill_agent()
            tell("demo.kill", seconds=round(world.start_agent(), 1))
        if arrival.number == OUTAGE_AFTER:
            world.broker.start()
            outage = time.monotonic() - cut_at
            tell("demo.outage.ends", seconds=round(outage, 1))
    return passages, outage
