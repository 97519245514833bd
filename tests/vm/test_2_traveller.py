"""A traveller at the counter of the provisioned post: true drivers, caged decoders, the agent's own sandbox."""

from __future__ import annotations

import pytest

from tests.vm.counter import wait_for
from tests.vm.rehearsal import Rehearsal

pytestmark = pytest.mark.timeout(1800)
GOOD = 1
"""The traveller of the cast with nothing to find fault with, by both serial lines and both cameras."""


def lists_are_there(state: dict[str, object]) -> bool:
    lists = state["lists"]
    assert isinstance(lists, dict)
    return all(lists.get(name, {}).get("version") for name in ("visas", "trust", "policy", "watchlist"))


def test_the_lists_come_down_the_line(rehearsal: Rehearsal) -> None:
    rehearsal.needs("ready")
    with rehearsal.counter.reached(rehearsal.machine) as agent:
        state = wait_for(agent, "lists", lists_are_there, rehearsal.patience(60))
    assert state["line"]["online"] is True


def test_a_traveller_passes_and_the_centre_knows(rehearsal: Rehearsal) -> None:
    rehearsal.needs("ready")
    with rehearsal.counter.reached(rehearsal.machine) as agent:
        passage = rehearsal.counter.pass_by(rehearsal.cast.arrival(GOOD))
        codes = [finding["code"] for finding in passage.findings]
        rehearsal.note("traveller, ms a step", passage.step_ms)
        assert passage.as_expected, (passage.verdict, codes)
        rehearsal.told[passage.inspection] = passage.decision
        wait_for(agent, "acknowledged", lambda now: now["line"]["unacknowledged"] == 0, rehearsal.patience(30))
        state = agent.state()
    memory = {part: round(size / 1e6) for part, size in state["memory_bytes"].items()}
    rehearsal.note("agent's resident memory, MB", memory)
    rehearsal.done("traveller")
