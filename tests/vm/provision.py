"""Ansible on this machine, the virtual one at the other end of SSH: what a technician's controller does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.vm.image import LOGIN
from tests.vm.inventory import DEVICE
from tests.vm.machine import Machine

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROVISIONING = REPOSITORY / "provisioning"
ANSIBLE = REPOSITORY / ".venv-provisioning" / "bin" / "ansible-playbook"
SECONDS = {"kvm": 1200.0, "tcg": 5400.0}


@dataclass(frozen=True)
class Recap:
    """What one run did."""

    ok: int
    changed: tuple[str, ...]
    failures: tuple[str, ...]
    slowest: tuple[tuple[float, str], ...]
    seconds: float


def play(machine: Machine, inventory: Path, *words: str, playbook: str = "site.yml") -> Recap:
    """Run a playbook for the device. Raises AssertionError where Ansible itself fails."""
    connection = {
        "ansible_host": "127.0.0.1",
        "ansible_port": machine.port,
        "ansible_user": LOGIN,
        "ansible_ssh_private_key_file": str(machine.image.key.resolve()),
    }
    extra = machine.folder / "connection.yml"
    extra.write_text(json.dumps({"all": {"hosts": {DEVICE: connection}}}))
    begun = time.monotonic()
    log = machine.folder / "ansible.log"
    done = subprocess.run(
        [str(ANSIBLE), playbook, "-i", str(inventory), "-i", str(extra), "--limit", DEVICE, *words],
        cwd=PROVISIONING,
        env={
            **os.environ,
            "PATH": f"{ANSIBLE.parent}:{os.environ.get('PATH', os.defpath)}",
            "ANSIBLE_CONFIG": str(PROVISIONING / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOG_PATH": str(log),
            # An emulated processor compresses for longer than loopback takes; known_hosts is this run's own.
            "ANSIBLE_SSH_ARGS": " ".join(
                (
                    "-o ControlMaster=auto -o ControlPersist=10m -o ServerAliveInterval=30",
                    "-o StrictHostKeyChecking=no",
                    f"-o UserKnownHostsFile={machine.folder / 'known_hosts'}",
                )
            ),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS[machine.accelerator],
    )
    (machine.folder / "ansible.json").write_text(done.stdout)
    return _recap(done, time.monotonic() - begun)


def _recap(done: subprocess.CompletedProcess[str], seconds: float) -> Recap:
    try:
        said = json.loads(done.stdout[done.stdout.index("{\n") :])
    except ValueError:
        raise AssertionError(
            f"ansible-playbook: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        ) from None
    changed, failures, slowest = [], [], []
    for task in (task for play in said["plays"] for task in play["tasks"]):
        name, result = task["task"]["name"], task["hosts"].get(DEVICE, {})
        slowest.append((_lasted(task["task"].get("duration", {})), name))
        if result.get("changed"):
            changed.append(name)
        if (result.get("failed") or result.get("unreachable")) and not result.get("ignored_errors"):
            failures.append(f"{name}: {_words(result)}")
    stats = said["stats"].get(DEVICE, {})
    if done.returncode and not failures:
        failures.append(done.stderr[-2000:] or f"status {done.returncode}")
    return Recap(
        stats.get("ok", 0), tuple(changed), tuple(failures), tuple(sorted(slowest, reverse=True)[:8]), seconds
    )


def _words(result: dict[str, object]) -> str:
    said: list[str] = [str(result.get(key, "")) for key in ("msg", "stderr", "stdout")]
    results = result.get("results")
    for one in results if isinstance(results, Sequence) else ():
        if one.get("failed"):
            said.append(str(one.get("msg")))
    return " ".join(filter(None, said))[:2000]


def _lasted(duration: dict[str, str]) -> float:
    def stamp(key: str) -> float:
        text = duration.get(key, "")
        hours, minutes, rest = (text.partition("T")[2].rstrip("Z") or "0:0:0").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)

    return max(0.0, stamp("end") - stamp("start"))
