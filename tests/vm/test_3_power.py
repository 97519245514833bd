"""The plug is pulled when a decision is told and not yet acknowledged; nothing is lost, nothing doubled."""

from __future__ import annotations

import time

import pytest

from tests.vm.counter import wait_for, wait_ready
from tests.vm.journals import both_ends
from tests.vm.rehearsal import Rehearsal

pytestmark = pytest.mark.timeout(3600)
REFUSED = 2
"""The traveller of the cast whose visa has expired."""


def test_power_fails_right_after_a_decision(rehearsal: Rehearsal) -> None:
    rehearsal.needs("traveller")
    country, counter, machine = rehearsal.country, rehearsal.counter, rehearsal.machine
    country.broker.kill()
    with counter.reached(machine):
        passage = counter.pass_by(rehearsal.cast.arrival(REFUSED))
        # The officer has been told; from here on the device owes the country this entry.
        machine.power_cut()
    assert passage.as_expected, (passage.verdict, passage.findings)
    rehearsal.told[passage.inspection] = passage.decision
    rehearsal.done("power cut")


def test_it_comes_back_and_sends_what_it_owes(rehearsal: Rehearsal) -> None:
    rehearsal.needs("power cut")
    country, counter, machine = rehearsal.country, rehearsal.counter, rehearsal.machine
    country.broker.start()
    rehearsal.note("boot of the post to SSH, s", round(machine.start(), 1))
    with counter.reached(machine) as agent:
        wait_ready(agent, rehearsal.patience(120))
        rehearsal.note("boot of the post to agent ready, s", round(time.monotonic() - machine.started_at, 1))
        wait_for(agent, "acknowledged", lambda now: now["line"]["unacknowledged"] == 0, rehearsal.patience(60))
    rehearsal.done("back")


def test_nothing_is_lost_and_nothing_doubled(rehearsal: Rehearsal) -> None:
    rehearsal.needs("back")
    ends = both_ends(rehearsal)
    assert ends.decided == dict.fromkeys(rehearsal.told, 1)
    assert ends.centre_holds
    assert ends.device_holds
    assert ends.entries >= ends.recorded
    rehearsal.note("entries at the centre and on the device", ends.entries)
