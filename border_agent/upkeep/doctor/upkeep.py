"""What keeps the device well and closed: last update, last backup, firewall, encryption of what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from border_agent.upkeep.backup import SUFFIX
from border_agent.upkeep.doctor.machine import Machine
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.room import STATE
from border_agent.upkeep.doctor.values import Found, found

UPDATE_STATE: Final = "/var/lib/borne-update/state.json"
BACKUPS: Final = "/var/backups/borne"
BACKUP_OLD: Final = timedelta(days=3)
_PHASES: Final = {
    "idle": "update.good",
    "confirmed": "update.good",
    "staged": "update.staged",
    "switched": "update.unconfirmed",
    "rolled_back": "update.rolled_back",
}
_DEEPEST: Final = 8


def check_update(patient: Patient) -> Iterator[Found]:
    text = patient.machine.read(UPDATE_STATE)
    if text is None:
        yield found("update.none", UPDATE_STATE)
        return
    try:
        state: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        code = _PHASES[state["phase"]]
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        yield found("update.unreadable", UPDATE_STATE, str(error)[:200])
        return
    version, reason = str(state.get("target", "")), str(state.get("reason", ""))
    yield found(code, UPDATE_STATE, f"{version} {reason}".strip(), version=version, reason=reason)


def check_backup(patient: Patient) -> Iterator[Found]:
    folder = patient.machine.path(BACKUPS)
    try:
        newest = max((one.stat().st_mtime for one in folder.iterdir() if one.suffix == SUFFIX), default=None)
    except FileNotFoundError:
        newest = None
    except OSError as error:
        yield found("backup.unknown", BACKUPS, error.strerror or str(error))
        return
    if newest is None:
        yield found("backup.none", BACKUPS)
        return
    made = datetime.fromtimestamp(newest, UTC)
    old = patient.machine.now() - made > BACKUP_OLD
    yield found("backup.old" if old else "backup.good", BACKUPS, made.isoformat(timespec="minutes"), made=made)


def check_firewall(patient: Patient) -> Iterator[Found]:
    """Only root may ask, and only the kernel knows: a file of rules is not a firewall."""
    machine = patient.machine
    ran = machine.run("nft", "list", "ruleset") if machine.live else None
    if ran is None or ran.code:
        yield found("firewall.unknown", "nftables", ran.error.strip()[:200] if ran is not None else "")
        return
    # "type filter hook input priority filter; policy drop;"
    hooks = {
        hook: any(f"hook {hook} " in line and "policy drop" in line for line in ran.out.splitlines())
        for hook in ("input", "output")
    }
    open_hooks = ", ".join(hook for hook, closed in hooks.items() if not closed)
    yield found("firewall.open" if open_hooks else "firewall.good", "nftables", open_hooks)


def check_storage(patient: Patient) -> Iterator[Found]:
    """Whether what lies under the store's folder is a LUKS volume, through whatever layers."""
    machine = patient.machine
    config = patient.config
    folder = str(config.path(config.store.path).parent) if config is not None else STATE
    number = _device_of(machine, folder)
    if number is None:
        yield found("storage.unknown", folder)
        return
    kinds = _layers(machine, f"/sys/dev/block/{number}", _DEEPEST)
    if kinds is None:
        yield found("storage.unknown", folder, number)
    else:
        encrypted = any(kind.startswith("CRYPT-") for kind in kinds)
        yield found("storage.encrypted" if encrypted else "storage.plain", folder, " ".join(kinds) or number)


def _device_of(machine: Machine, folder: str) -> str | None:
    """The number of the block device that a folder is mounted from; None where it is from none (overlay, tmpfs)."""
    best, number = -1, ""
    for line in (machine.read("/proc/self/mountinfo") or "").splitlines():
        fields = line.split()
        if len(fields) < 5:
            continue
        mount = fields[4].rstrip("/")
        if (folder == mount or folder.startswith(mount + "/")) and len(mount) >= best:
            best, number = len(mount), fields[2]
    return None if number.startswith("0:") or not number else number


def _layers(machine: Machine, device: str, depth: int) -> list[str] | None:
    """What the device-mapper says of a device and of those below it; None where the kernel shows no such device."""
    if not machine.path(device).exists():
        return None
    kinds = [text.strip()] if (text := machine.read(f"{device}/dm/uuid")) else []
    if depth:
        for below in machine.names(f"{device}/slaves"):
            kinds += _layers(machine, f"{device}/slaves/{below}", depth - 1) or []
    return kinds
