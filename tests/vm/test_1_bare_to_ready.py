"""From a bare Debian to an enrolled post, over SSH, everything from the offline medium."""

from __future__ import annotations

import json
import time

import pytest

from mqtt_schemas.enrolment import open_request
from tests.vm.counter import wait_ready
from tests.vm.inventory import BROKER_PORT, DEVICE, GATEWAY
from tests.vm.machine import HOST
from tests.vm.provision import play
from tests.vm.rehearsal import FIRST, Rehearsal

pytestmark = pytest.mark.timeout(7200)
MEDIUM = "/media/borne"
CHANGED = "/run/changed"


def mount_medium(rehearsal: Rehearsal) -> None:
    """The stick is in its socket; the technician mounts it, read-only."""
    rehearsal.machine.run(f"mkdir -p {MEDIUM} && mount -o ro LABEL=BORNE {MEDIUM}")


def test_the_bare_machine_boots_and_reaches_nobody(rehearsal: Rehearsal) -> None:
    machine = rehearsal.machine
    rehearsal.note("boot of the bare machine to SSH, s", round(machine.start(), 1))
    assert machine.run("cat /etc/hostname").strip() == "debian"
    assert not machine.ok("test -e /opt/borne")
    # No way out but to what this side offers: the broker is reached at its own address, and not by this loopback.
    assert machine.ok(f"timeout 20 bash -c 'echo > /dev/tcp/{HOST}/{BROKER_PORT}'")
    assert not machine.ok(f"timeout 20 bash -c 'echo > /dev/tcp/{GATEWAY}/{rehearsal.country.broker.port}'")
    if machine.accelerator != "kvm":
        rehearsal.slow_down()
    rehearsal.done("booted")


def test_the_medium_is_whole_and_a_changed_one_is_refused(rehearsal: Rehearsal) -> None:
    rehearsal.needs("booted")
    machine = rehearsal.machine
    mount_medium(rehearsal)
    begun = time.monotonic()
    machine.run(f"sh {MEDIUM}/provision.sh --check --fingerprint '{rehearsal.fingerprint}'", timeout=1200)
    rehearsal.note("checking the medium, s", round(time.monotonic() - begun, 1))
    other = rehearsal.fingerprint.replace("0", "1") if "0" in rehearsal.fingerprint else "0000 " * 8
    status, said = machine.answer(f"sh {MEDIUM}/provision.sh --check --fingerprint '{other}'", timeout=600)
    assert status == 1
    assert "REFUSED: the medium's key" in said
    # The same stick with one byte more in one of its programs, as a layer over it.
    machine.run(f"mkdir -p {CHANGED} && mount -t tmpfs none {CHANGED} && cd {CHANGED} && mkdir over work stick")
    layers = f"lowerdir={MEDIUM},upperdir={CHANGED}/over,workdir={CHANGED}/work"
    machine.run(f"mount -t overlay -o {layers} none {CHANGED}/stick && echo >> {CHANGED}/stick/install.sh")
    check = f"sh {CHANGED}/stick/provision.sh --check --fingerprint '{rehearsal.fingerprint}'"
    status, said = machine.answer(check, timeout=1200)
    assert status == 1
    assert "REFUSED: changed or damaged file: install.sh" in said
    machine.run(f"umount {CHANGED}/stick && umount {CHANGED} && rmdir {CHANGED} && modprobe -r overlay")
    rehearsal.done("medium")


def test_it_is_provisioned_over_ssh(rehearsal: Rehearsal) -> None:
    rehearsal.needs("medium")
    recap = play(rehearsal.machine, rehearsal.inventory, "-e", f"borne_medium={MEDIUM}")
    rehearsal.keep("first-run.json", json.dumps(recap.__dict__, indent=1))
    assert recap.failures == ()
    rehearsal.note("first run, s", round(recap.seconds))
    rehearsal.note("first run, tasks changed", len(recap.changed))
    release = rehearsal.machine.run("readlink /opt/borne/current").strip()
    assert release.endswith(FIRST)
    rehearsal.done("provisioned")


def test_it_is_enrolled_and_becomes_ready(rehearsal: Rehearsal) -> None:
    rehearsal.needs("provisioned")
    machine = rehearsal.machine
    begun = time.monotonic()
    # The first run made the keys in the device and wrote the request; the technician reads out its code.
    request = machine.read(f"/var/lib/borne-exchange/{DEVICE}.request")
    opened = open_request(request)
    assert opened.request.facts.sealed_to == "tpm2"
    bundle = rehearsal.country.enrol(request, opened.code)
    machine.put("/var/lib/borne-exchange/bundle", bundle)
    machine.run("borne device install --json /var/lib/borne-exchange/bundle", timeout=rehearsal.patience(60))
    machine.run("systemctl restart borne-agent.service", timeout=rehearsal.patience(60))
    with rehearsal.counter.reached(machine) as agent:
        wait_ready(agent, rehearsal.patience(60))
    rehearsal.note("enrolment and start of the agent, s", round(time.monotonic() - begun))
    rehearsal.note("keys sealed to", opened.request.facts.sealed_to)
    rehearsal.note("from bare machine to ready, s", round(time.monotonic() - machine.started_at))
    status = json.loads(machine.run("borne device status --json", timeout=rehearsal.patience(60)))
    assert status["enrolled"] is True, (DEVICE, status)
    rehearsal.done("ready")


def test_a_second_run_changes_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.needs("ready")
    recap = play(rehearsal.machine, rehearsal.inventory, "-e", f"borne_medium={MEDIUM}")
    assert recap.failures == ()
    assert recap.changed == ()
    rehearsal.note("second run, s", round(recap.seconds))
    rehearsal.keep("second-run.json", json.dumps(recap.__dict__, indent=1))
