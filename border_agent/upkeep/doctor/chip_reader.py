"""The reader of chips: the smart card daemon answers at its socket, and has found the reader."""

from __future__ import annotations

import socket
from typing import Any, Final

from border_agent.config import ChipReaderSection
from border_agent.upkeep.doctor.machine import Machine
from border_agent.upkeep.doctor.values import Found, found
from firmware_bridge.devices.pcsc import PcscReader
from firmware_bridge.errors import DeviceMisconfigured
from firmware_bridge.roles import DeviceState

SOCKET: Final = "/run/pcscd/pcscd.comm"
ROLE: Final = "chip_reader"
_SECONDS: Final = 3.0


def chip_reader_found(machine: Machine, section: ChipReaderSection, told: dict[str, Any] | None) -> Found:
    """What is so with the reader; `told`: what the agent says of it, where it runs."""
    where = section.reader or section.name
    if told is not None and told["state"] == DeviceState.ready:
        return found("device.good", where, told["last_problem"], role=ROLE)
    if (silent := _daemon(machine)) is not None:
        return silent
    if told is not None and told["state"] == DeviceState.failed:
        return found("device.failed", where, told["last_problem"], role=ROLE)
    if told is None and machine.live:
        return _look(section, where)
    return found("chip_reader.missing", where)


def _daemon(machine: Machine) -> Found | None:
    """What is wrong at the daemon's socket; None: it answers. systemd starts the daemon at the first knock."""
    path = machine.path(SOCKET)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            knock.settimeout(_SECONDS)
            knock.connect(str(path))
    except PermissionError as error:
        return found("chip_reader.not_permitted", str(path), error.strerror or "")
    except OSError as error:
        return found("chip_reader.no_daemon", str(path), error.strerror or str(error))
    return None


def _look(section: ChipReaderSection, where: str) -> Found:
    try:
        reader = PcscReader(section.name, section.reader)
    except DeviceMisconfigured as error:
        return found("device.failed", where, error.detail, role=ROLE)
    reader.open()
    try:
        reader.look()
        problems, state = tuple(reader.problems), reader.state
    finally:
        reader.close()
    if state is DeviceState.ready:
        return found("device.present", where, role=ROLE)
    if state is DeviceState.failed:
        return found("device.failed", where, problems[-1].code if problems else "", role=ROLE)
    return found("chip_reader.missing", where)
