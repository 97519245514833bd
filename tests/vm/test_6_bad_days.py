"""Mornings as they come: a battery clock in 1970, no line from the start, and the encrypted volume all the same."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.vm.counter import wait_for, wait_ready
from tests.vm.journals import both_ends
from tests.vm.rehearsal import Rehearsal

pytestmark = pytest.mark.timeout(3600)
IMPOSTOR = 7
"""The traveller of the cast with somebody else's passport."""


def test_it_wakes_in_1970_and_connects(rehearsal: Rehearsal) -> None:
    rehearsal.needs("back")
    machine = rehearsal.machine
    machine.shut_down(rehearsal.patience(60))
    machine.start(clock="1970-01-02T00:00:00")
    with rehearsal.counter.reached(machine) as agent:
        wait_ready(agent, rehearsal.patience(120))
        state = wait_for(agent, "line", lambda now: bool(now["line"]["online"]), rehearsal.patience(60))
        wait_for(agent, "acknowledged", lambda now: now["line"]["unacknowledged"] == 0, rehearsal.patience(60))
    rehearsal.note("after a boot in 1970, the clock", state["clock"])
    wrong = datetime.fromisoformat(state["clock"]["at"]) - datetime.now(UTC)
    assert abs(wrong) < timedelta(minutes=10)


def test_it_works_without_a_line_from_the_start(rehearsal: Rehearsal) -> None:
    rehearsal.needs("back")
    country, counter, machine = rehearsal.country, rehearsal.counter, rehearsal.machine
    country.broker.kill()
    machine.power_cut()
    machine.start()
    with counter.reached(machine) as agent:
        wait_ready(agent, rehearsal.patience(120))
        passage = counter.pass_by(rehearsal.cast.arrival(IMPOSTOR))
        assert passage.as_expected, (passage.verdict, passage.findings)
        rehearsal.told[passage.inspection] = passage.decision
        line = agent.state()["line"]
        assert line["online"] is False
        assert line["unacknowledged"] > 0
        country.broker.start()
        begun = time.monotonic()
        wait_for(agent, "acknowledged", lambda now: now["line"]["unacknowledged"] == 0, rehearsal.patience(120))
    rehearsal.note("line back to everything acknowledged, s", round(time.monotonic() - begun, 1))


def test_the_volume_opens_by_the_tpm_and_by_nothing_else(rehearsal: Rehearsal) -> None:
    rehearsal.needs("back")
    machine = rehearsal.machine
    shown = machine.run("findmnt -n -o SOURCE,OPTIONS /var/lib/borne")
    assert shown.startswith("/dev/mapper/borne-data")
    header = json.loads(machine.run("cryptsetup luksDump --dump-json-metadata /dev/vdb"))
    ways = {token["type"]: token["keyslots"] for token in header["tokens"].values()}
    assert set(ways) == {"systemd-tpm2", "systemd-recovery"}
    # And there is no further key, such as a password left from the making.
    assert {slot for slots in ways.values() for slot in slots} == set(header["keyslots"])
    # The store itself is unreadable without the keys that the TPM unseals, wherever the disk is put.
    assert machine.run("head -c 15 /var/lib/borne/store.db") != "SQLite format 3"


def test_after_all_this_nothing_is_lost(rehearsal: Rehearsal) -> None:
    rehearsal.needs("back")
    ends = both_ends(rehearsal)
    assert ends.decided == dict.fromkeys(rehearsal.told, 1)
    assert ends.centre_holds
    assert ends.device_holds
    assert ends.entries >= ends.recorded
