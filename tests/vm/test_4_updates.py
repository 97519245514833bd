"""A newer release, a traveller under it, then one whose agent does not start: the device goes back by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from border_agent.api.client import AgentClient
from tests.vm.counter import wait_for, wait_ready
from tests.vm.journals import both_ends
from tests.vm.provision import Recap, play
from tests.vm.rehearsal import BROKEN, NEXT, Rehearsal

pytestmark = pytest.mark.timeout(5400)


def bring(rehearsal: Rehearsal, version: str) -> Recap:
    """The role `update` alone, as for an update in service."""
    rehearsal.answer(version)
    return play(rehearsal.machine, rehearsal.inventory, "--tags", "update")


def runs(rehearsal: Rehearsal) -> str:
    return rehearsal.machine.run("basename $(readlink /opt/borne/current)").strip()


@contextmanager
def ready(rehearsal: Rehearsal) -> Iterator[AgentClient]:
    with rehearsal.counter.reached(rehearsal.machine) as agent:
        wait_ready(agent, rehearsal.patience(120))
        yield agent


def a_traveller(rehearsal: Rehearsal, agent: AgentClient, number: int) -> None:
    passage = rehearsal.counter.pass_by(rehearsal.cast.arrival(number))
    assert passage.as_expected, (passage.verdict, passage.findings)
    rehearsal.told[passage.inspection] = passage.decision
    wait_for(agent, "acknowledged", lambda now: now["line"]["unacknowledged"] == 0, rehearsal.patience(30))


def test_a_newer_release_takes_over(rehearsal: Rehearsal) -> None:
    rehearsal.needs("back")
    recap = bring(rehearsal, NEXT)
    assert recap.failures == ()
    assert runs(rehearsal) == NEXT
    rehearsal.note("update, s", round(recap.seconds))
    with ready(rehearsal) as agent:
        a_traveller(rehearsal, agent, 13)
    rehearsal.done("updated")


def test_a_broken_release_is_taken_back(rehearsal: Rehearsal) -> None:
    rehearsal.needs("updated")
    recap = bring(rehearsal, BROKEN)
    # The technician is told; the device does not wait for that.
    assert recap.failures
    assert runs(rehearsal) == NEXT
    rehearsal.note("update to a broken release and back, s", round(recap.seconds))
    status = json.loads(rehearsal.machine.run("/usr/lib/borne/guard status --json"))
    assert (status["phase"], status["target"]) == ("rolled_back", BROKEN)
    assert BROKEN in status["refused"]
    rehearsal.note("why it was taken back", {key: status[key] for key in ("reason", "detail", "tries")})
    with ready(rehearsal) as agent:
        a_traveller(rehearsal, agent, 14)
    rehearsal.done("rolled back")


def test_entries_of_every_release_are_kept(rehearsal: Rehearsal) -> None:
    rehearsal.needs("rolled back")
    ends = both_ends(rehearsal)
    assert ends.decided == dict.fromkeys(rehearsal.told, 1)
    assert ends.centre_holds
    assert ends.device_holds
    assert ends.entries >= ends.recorded
