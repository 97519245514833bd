"""The unit that really runs: how closed it is, that everything works in there, and what the post costs."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.vm.counter import wait_for, wait_ready
from tests.vm.inventory import USB
from tests.vm.machine import Machine
from tests.vm.rehearsal import Rehearsal
from tests.vm.scans import lynis, openscap

pytestmark = pytest.mark.timeout(3600)
LARGEST_EXPOSURE = 1.5
SECONDS = 60
FREE_SOCKET = 4
UNIT = "borne-agent.service"
PORTS = {"22", "8443", "8883"}
"""SSH, the officers' pages, the post's broker."""


def test_the_running_unit_is_closed(rehearsal: Rehearsal) -> None:
    rehearsal.needs("ready")
    said = rehearsal.machine.run(f"systemd-analyze security --no-pager {UNIT}")
    rehearsal.keep("systemd-security.txt", said)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert found is not None
    rehearsal.note("systemd-analyze security of the running unit", float(found[1]))
    assert float(found[1]) <= LARGEST_EXPOSURE


def test_readers_cameras_and_decoders_work_in_there(rehearsal: Rehearsal) -> None:
    rehearsal.needs("traveller")
    pid = rehearsal.machine.run(f"systemctl show -P MainPID {UNIT}").strip()
    status = rehearsal.machine.run(f"cat /proc/{pid}/status")
    assert re.search(r"^Seccomp:\s+2$", status, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M)
    with rehearsal.counter.reached(rehearsal.machine) as agent:
        state = agent.state()
    devices = {device["name"]: device["state"] for device in state["devices"]}
    assert devices == dict.fromkeys(("document-reader", "code-scanner", "document", "face"), "ready")
    # Cameras and decoders work in cages of their own within it, as on a machine without a unit around them.
    assert {device["confinement"] for device in state["devices"] if "confinement" in device} == {"seccomp"}
    assert state["decoders"]["confinement"] == "seccomp"
    rehearsal.note("devices in the sandbox", devices)
    rehearsal.keep("state.json", json.dumps(state, indent=1))


def test_a_camera_of_the_kernel_works_in_there(rehearsal: Rehearsal) -> None:
    """/dev/video0 of the kernel's own test driver, by way of Video4Linux, the unit's device rules and the cage."""
    rehearsal.needs("traveller")
    machine = rehearsal.machine
    # Hardening keeps test drivers out; root may still say otherwise, and nobody else.
    assert not machine.ok("modprobe vivid")
    machine.run("modprobe --ignore-install vivid", timeout=rehearsal.patience(30))
    machine.run("udevadm settle; ls -l /dev/video0")
    machine.run("cp -p /etc/borne/agent.toml /etc/borne/agent.toml.before")
    try:
        machine.run("sed -i 's#^source = .*8082/video.*#source = \"/dev/video0\"#' /etc/borne/agent.toml")
        machine.run(f"systemctl restart {UNIT}", timeout=rehearsal.patience(60))
        with rehearsal.counter.reached(machine) as agent:
            wait_ready(agent, rehearsal.patience(60))
        assert machine.run("find /proc/[0-9]*/fd -lname /dev/video0").strip()
    finally:
        machine.run(
            f"mv /etc/borne/agent.toml.before /etc/borne/agent.toml; systemctl restart {UNIT}",
            timeout=rehearsal.patience(60),
        )
    rehearsal.note("Video4Linux in the sandbox", "ready")


def test_only_the_expected_ports_are_open(rehearsal: Rehearsal) -> None:
    rehearsal.needs("ready")
    listening = rehearsal.machine.run("ss -H -l -n -t -u -p")
    rehearsal.keep("ports.txt", listening)
    outside = set()
    for line in listening.splitlines():
        address, _, port = line.split()[4].rpartition(":")
        # The DHCP client hears the network before it has an address.
        if not address.startswith(("127.", "[::1]")) and "dhclient" not in line:
            outside.add(port)
    rehearsal.note("ports open to the network", sorted(outside, key=int))
    assert {"22"} <= outside <= PORTS


def test_a_strange_usb_device_gets_no_driver(rehearsal: Rehearsal) -> None:
    """A stick that says it is a network card, while the readers beside it are let in."""
    rehearsal.needs("provisioned")
    machine = rehearsal.machine
    networks = machine.run("ls /sys/class/net")
    with machine.plugged("usb-net", FREE_SOCKET) as name:
        interfaces = f"/sys/bus/usb/devices/{name}:*"
        machine.run(f"for i in $(seq 60); do ls -d {interfaces} && break; sleep 1; done; udevadm settle")
        # Its first interface is refused by kind; its second is of a serial line's kind, and finds no driver.
        assert machine.run(f"cat {interfaces}/authorized").split() == ["0", "1"]
        assert not machine.ok(f"ls -d {interfaces}/driver")
        assert machine.run("ls /sys/class/net") == networks
        assert f"refused: {name}:" in machine.run("journalctl -b -t borne-usb --no-pager")
    for port in USB.values():
        assert set(machine.run(f"cat /sys/bus/usb/devices/{port}:*/authorized").split()) == {"1"}


def test_no_unit_failed_and_the_doctor_finds_nothing_broken(rehearsal: Rehearsal) -> None:
    rehearsal.needs("traveller")
    machine = rehearsal.machine
    assert machine.run("systemctl --failed --plain --no-legend") == ""
    status, said = machine.answer("borne doctor --json", timeout=rehearsal.patience(60))
    rehearsal.keep("doctor.json", said)
    assert status == 0, said[:3000]


def test_what_an_idle_post_costs(rehearsal: Rehearsal) -> None:
    rehearsal.needs("ready")
    machine = rehearsal.machine
    with rehearsal.counter.reached(machine) as agent:
        wait_ready(agent, rehearsal.patience(60))
        wait_for(agent, "acknowledged", lambda now: now["line"]["unacknowledged"] == 0, rehearsal.patience(30))
    before, begun = _cpu(machine), time.monotonic()
    time.sleep(SECONDS)
    share = (_cpu(machine) - before) / (time.monotonic() - begun)
    rehearsal.note("idle agent, % of one core", round(share * 100, 1))
    memory = int(machine.run(f"systemctl show -P MemoryCurrent {UNIT}"))
    rehearsal.note("idle agent with its children, MB", round(memory / 1e6))
    rehearsal.note("idle post, MB in use", int(machine.run("free -m | awk '/^Mem/ { print $3 }'")))


def _cpu(machine: Machine) -> float:
    """Seconds of processor the unit has used."""
    return int(machine.run(f"systemctl show -P CPUUsageNSec {UNIT}")) / 1e9


def test_scans_are_kept(rehearsal: Rehearsal) -> None:
    rehearsal.needs("provisioned")
    index, report = lynis(rehearsal.machine)
    rehearsal.keep("lynis.txt", report)
    rehearsal.note("lynis hardening index", index)
    passed, failed, report = openscap(rehearsal.machine)
    rehearsal.keep("openscap.xml", report)
    rehearsal.note("OpenSCAP rules passed, failed", (passed, failed))
    assert index >= 70
    assert passed > failed
