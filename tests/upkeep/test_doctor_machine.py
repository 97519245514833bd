"""The machine underneath: clock, disk, memory, processor, network, units, update, backup, firewall, encryption."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from border_agent.upkeep.doctor import Ran, Report, examine
from border_agent.upkeep.doctor.clock import check_clock
from border_agent.upkeep.doctor.engine import WATCHED, check_units
from border_agent.upkeep.doctor.examine import Check
from border_agent.upkeep.doctor.lines import check_network
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.room import check_memory, check_processor
from border_agent.upkeep.doctor.upkeep import (
    BACKUPS,
    UPDATE_STATE,
    check_backup,
    check_firewall,
    check_storage,
    check_update,
)
from tests.upkeep.doctor_kit import NOW, FakeMachine, codes, one

NOWHERE = Path("/nowhere/agent.toml")
TRACKING = "C0000201,192.0.2.1,{stratum},1790000000.1,0.000012,0.00001,0.00002,1.2,0.0,0.01,0.02,0.01,64.2,{leap}\n"
RULES = """table inet borne {{
 chain input {{
  type filter hook input priority filter; policy {input};
 }}
 chain output {{
  type filter hook output priority filter; policy {output};
 }}
}}
"""


def look(machine: FakeMachine, check: Check) -> Report:
    return examine(NOWHERE, machine, checks=(check,))


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def run_by(machine: FakeMachine, **programs: str) -> FakeMachine:
    machine.put("/run/systemd/system/x")
    answers = {name: Ran(0, out, "") for name, out in programs.items()}
    return FakeMachine(machine.root, programs=answers)


@pytest.mark.parametrize("at", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 10, 31, 23, 59, tzinfo=UTC)])
def test_a_clock_before_the_software_was_written(tmp_path: Path, at: datetime) -> None:
    report = look(FakeMachine(tmp_path, at), check_clock)
    assert one(report, "clock.before_build").advice["en"].startswith("1. Set the time")
    assert not report.ok


@pytest.mark.parametrize(
    ("stratum", "leap", "code"),
    [(3, "Normal", "clock.good"), (0, "Not synchronised", "clock.no_server"), (4, "Unknown", "clock.no_server")],
)
def test_what_chrony_says(machine: FakeMachine, stratum: int, leap: str, code: str) -> None:
    report = look(run_by(machine, chronyc=TRACKING.format(stratum=stratum, leap=leap)), check_clock)
    assert codes(report, "clock.") == [code]


def test_a_clock_nobody_keeps(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("border_agent.upkeep.doctor.clock.kernel_synchronised", lambda: False)
    assert codes(look(machine, check_clock), "clock.") == ["clock.unsynchronised"]


@pytest.mark.usefixtures("mounting")
def test_a_disk_that_is_really_full_or_read_only(tmp_path: Path) -> None:
    """On a small memory disk in a mount namespace: filled to the brim, then without inodes, then read-only."""
    script = """
set -e
look() {{ "$PYTHON" -c 'from border_agent.cli import main; main()' doctor --config /nowhere --json >> "$1" || true; }}
mkdir -p /var/lib
mount -t tmpfs -o size={size},nr_inodes={inodes} tmpfs /var/lib
mkdir /var/lib/borne
{fill}
look {out}
"""
    for name, size, inodes, fill, code in (
        ("full", "64m", 10000, "head -c 50m /dev/zero > /var/lib/borne/filled", "disk.full"),
        ("inodes", "2g", 60, "true", "disk.no_inodes"),
        ("read-only", "64m", 10000, "mount -o remount,ro /var/lib", "disk.read_only"),
        ("room", "2g", 10000, "true", "disk.good"),
        # As in the sandbox of the watch: this view may not be written to, the disk is in order.
        ("view", "2g", 10000, "mount -o remount,bind,ro /var/lib", "disk.good"),
    ):
        out = tmp_path / name
        ran = subprocess.run(
            ["unshare", "-m", "sh", "-c", script.format(size=size, inodes=inodes, fill=fill, out=out)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHON": sys.executable},
        )
        assert ran.returncode == 0, ran.stderr
        assert f'"{code}"' in out.read_text(), name


def test_memory_and_processor(machine: FakeMachine) -> None:
    machine.put("/proc/meminfo", "MemTotal:  4000000 kB\nMemAvailable:   100000 kB\n")
    machine.put("/proc/cpuinfo", "processor : 0\nflags : fpu sse sse2 ssse3\n")
    assert codes(look(machine, check_memory), "memory.") == ["memory.low"]
    assert codes(look(machine, check_processor), "processor.") == ["processor.no_avx"]
    machine.put("/proc/meminfo", "MemTotal:  4000000 kB\nMemAvailable:  2000000 kB\n")
    machine.put("/proc/cpuinfo", "processor : 0\nflags : fpu sse avx avx2\n")
    assert codes(look(machine, check_memory), "memory.") == ["memory.good"]
    assert codes(look(machine, check_processor), "processor.") == ["processor.good"]


def test_cable_and_route(machine: FakeMachine) -> None:
    assert codes(look(machine, check_network), "network.") == ["network.unknown"]
    machine.put("/sys/class/net/lo/carrier", "1\n")
    machine.put("/sys/class/net/enp1s0/carrier", "0\n")
    assert "enp1s0" in one(look(machine, check_network), "network.unplugged").words["fr"]
    machine.put("/sys/class/net/enp1s0/carrier", "1\n")
    assert codes(look(machine, check_network), "network.") == ["network.no_route"]
    machine.put("/proc/net/route", "Iface\tDestination\tGateway\nenp1s0\t00000000\t0102A8C0\n")
    assert codes(look(machine, check_network), "network.") == ["network.good"]


def unit(name: str, active: str, **more: str) -> str:
    fields = {"Id": f"{name}.service", "LoadState": "loaded", "ActiveState": active, "UnitFileState": "enabled",
              "Result": "success", "NRestarts": "0", **more}  # fmt: skip
    return "\n".join(f"{key}={value}" for key, value in fields.items())


def test_units(machine: FakeMachine) -> None:
    assert codes(look(machine, check_units), "unit.") == ["unit.not_running_systemd"]
    well = [unit("borne-agent", "active"), unit("borne-kiosk", "inactive", LoadState="not-found")]
    assert codes(look(run_by(machine, systemctl="\n\n".join(well)), check_units), "unit.") == ["unit.good"]
    ill = [
        unit("borne-agent", "inactive"),
        unit("borne-lan-broker", "failed", Result="exit-code"),
        unit("chrony", "active", NRestarts="7"),
        unit("borne-guard", "inactive"),  # has done its work at boot
    ]
    report = look(run_by(machine, systemctl="\n\n".join(ill)), check_units)
    assert codes(report, "unit.") == ["unit.failed", "unit.stopped", "unit.restarting"]
    assert one(report, "unit.failed").where == "borne-lan-broker"


def test_every_unit_that_a_role_installs_on_a_device_is_watched() -> None:
    roles = Path(__file__).resolve().parents[2] / "provisioning" / "roles"
    units = {
        file.name.split(".service")[0]
        for role in ("agent", "backup", "kiosk", "monitor", "post", "update")
        for file in (roles / role).rglob("borne-*.service*")
    }
    # Training and restarts are a person's doing; borne-watch is who asks.
    assert units - {"borne-reboot", "borne-training", "borne-watch"} <= set(WATCHED)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "update.none"),
        ('{"phase":"confirmed","target":"1.2.0"}', "update.good"),
        ('{"phase":"staged","target":"1.3.0"}', "update.staged"),
        ('{"phase":"switched","target":"1.3.0","tries":1}', "update.unconfirmed"),
        ('{"phase":"rolled_back","target":"1.3.0","reason":"unhealthy"}', "update.rolled_back"),
        ('{"phase":"sideways"}', "update.unreadable"),
        ('{"phase":', "update.unreadable"),
        ("[]", "update.unreadable"),
        ('{"phase":["idle"]}', "update.unreadable"),
    ],
)
def test_the_state_of_the_last_update(machine: FakeMachine, text: str | None, code: str) -> None:
    if text is not None:
        machine.put(UPDATE_STATE, text)
    assert codes(look(machine, check_update), "update.") == [code]


def test_the_last_backup(machine: FakeMachine) -> None:
    assert codes(look(machine, check_backup), "backup.") == ["backup.none"]
    for days, code in ((1, "backup.good"), (4, "backup.old")):
        machine.put(f"{BACKUPS}/borne-x-20261101T000000Z.backup")
        made = (NOW - timedelta(days=days)).timestamp()
        os.utime(machine.path(f"{BACKUPS}/borne-x-20261101T000000Z.backup"), (made, made))
        assert codes(look(machine, check_backup), "backup.") == [code]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (RULES.format(input="drop", output="drop"), "firewall.good"),
        (RULES.format(input="drop", output="accept"), "firewall.open"),
        ("", "firewall.open"),
    ],
)
def test_the_firewall_is_what_the_kernel_holds(machine: FakeMachine, rules: str, code: str) -> None:
    assert codes(look(run_by(machine, nft=rules), check_firewall), "firewall.") == [code]


def test_the_firewall_cannot_be_told_without_the_right_to_ask(machine: FakeMachine) -> None:
    assert codes(look(machine, check_firewall), "firewall.") == ["firewall.unknown"]


def test_encryption_through_layers(machine: FakeMachine) -> None:
    """/var/lib/borne on a logical volume on LUKS: the uuid of the lower layer counts."""
    machine.put(
        "/proc/self/mountinfo", "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 253:1 / /var rw - ext4 /dev/x rw\n"
    )
    machine.put("/sys/dev/block/8:1/size")
    machine.put("/sys/dev/block/253:1/dm/uuid", "LVM-abc\n")
    assert codes(look(machine, check_storage), "storage.") == ["storage.plain"]
    machine.put("/sys/dev/block/253:1/slaves/dm-0/dm/uuid", "CRYPT-LUKS2-0123-data\n")
    assert codes(look(machine, check_storage), "storage.") == ["storage.encrypted"]
    machine.put("/proc/self/mountinfo", "21 1 0:31 / / rw - overlay overlay rw\n")
    assert codes(look(machine, check_storage), "storage.") == ["storage.unknown"]


def test_a_check_that_crashes_or_hangs_is_a_finding_and_the_others_still_speak(machine: FakeMachine) -> None:
    import threading

    never = threading.Event()

    def crashes(_: Patient) -> None:
        raise RuntimeError("on purpose")

    def hangs(_: Patient) -> list[object]:
        never.wait(30)
        return []

    report = examine(NOWHERE, machine, checks=(crashes, hangs, check_backup), most_seconds=0.3)  # type: ignore[arg-type]
    never.set()
    assert codes(report, "check.", "backup.") == ["check.crashed", "check.slow", "backup.none"]
    assert "on purpose" in one(report, "check.crashed").words["en"]
    assert report.seconds < 5
