"""The maintenance screen: how the device and the machine underneath are, trying a device out, restarting.

No personal data is in it: device names, figures, codes, and the log's last lines, which hold none either.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from border_agent.agent.devices import DeviceDetails, DeviceRole, Trial
from border_agent.agent.diary import Note
from border_agent.agent.kiosk import Kiosk, OutOfService
from border_agent.agent.logring import LogRing
from border_agent.agent.machine import Disk, Interface, disk, interfaces, versions
from border_agent.agent.window import WindowView
from border_agent.clock import Clock, ClockReading, uptime
from border_agent.config import Config
from border_agent.errors import BorneError
from border_agent.reporting import ReportingStatus
from border_agent.store import Lists, StoreError

_log = logging.getLogger(__name__)

LOG_LINES = 40
REBOOT_SECONDS = 10.0
"""A command that has not failed by then is taken to be doing what it was told."""


class NoReboot(BorneError):
    """No command that restarts this machine is configured."""

    code = "maintenance.no_reboot"


class RebootFailed(BorneError):
    """The command that restarts this machine cannot be run, or ended with an error."""

    code = "maintenance.reboot_failed"


class LineState(Struct, frozen=True, kw_only=True):
    online: bool
    since: datetime
    broker: str
    unacknowledged: int
    problems: tuple[str, ...]
    """Codes of what stands in the way."""
    paused: bool = False
    """Cut on purpose, for an exercise."""


class ListState(Struct, frozen=True, kw_only=True):
    name: str
    version: int
    issued: datetime
    expires: datetime
    age_seconds: int


class MaintenanceReport(Struct, frozen=True, kw_only=True):
    """Everything the maintenance screen shows."""

    device: str
    post: str
    role: str
    training: bool
    in_service: bool
    out_of_service: tuple[OutOfService, ...]
    devices: tuple[DeviceDetails, ...]
    printer: str
    line: LineState
    lists: tuple[ListState, ...] | None
    """None: the store cannot be read."""
    clock: ClockReading
    memory_bytes: dict[str, int]
    disk: Disk | None
    """Of the store's folder."""
    software: str
    python: str
    kernel: str
    uptime_seconds: int
    network: tuple[Interface, ...]
    log: list[str]
    can_reboot: bool
    window: WindowView | None


class Maintenance:
    """Asked by whoever has signed in at the kiosk, or by an officer. Calls may come from any thread."""

    def __init__(
        self,
        config: Config,
        *,
        kiosk: Kiosk,
        clock: Clock,
        lists: Lists,
        note: Note,
        line: Callable[[], ReportingStatus],
        memory: Callable[[], dict[str, int]],
        software: str,
        log: LogRing | None,
    ) -> None:
        self._config = config
        self._kiosk = kiosk
        self._clock = clock
        self._lists = lists
        self._note = note
        self._line = line
        self._memory = memory
        self._software = software
        self._ring = log

    def report(self) -> MaintenanceReport:
        """Nothing here is cached."""
        config, line, now = self._config, self._line(), self._clock.read()
        reasons = self._kiosk.out_of_service()
        return MaintenanceReport(
            device=config.device.id,
            post=config.device.post,
            role=config.device.role,
            training=config.device.training,
            in_service=not reasons,
            out_of_service=reasons,
            devices=self._kiosk.devices.details(),
            printer=self._kiosk.slips.condition,
            line=LineState(
                online=line.online,
                since=line.since,
                broker=line.broker,
                unacknowledged=line.unacknowledged,
                problems=tuple(problem.code for problem in line.problems),
                paused=line.paused,
            ),
            lists=self._list_states(now.at),
            clock=now,
            memory_bytes=self._memory(),
            disk=disk(config.path(config.store.path).parent),
            software=self._software,
            **versions(),
            uptime_seconds=int(uptime()),
            network=interfaces(),
            log=self._ring.last(LOG_LINES) if self._ring is not None else [],
            can_reboot=bool(config.kiosk.reboot),
            window=self._kiosk.window.view(),
        )

    def test(self, role: DeviceRole, by: str) -> Trial:
        """Try a device out; `by`: the number of whoever asks. Raises NoSuchDevice."""
        trial = self._kiosk.devices.try_out(role)
        outcome = "passed" if trial.passed else trial.code
        self._note("device_tested", {"device": role.value, "outcome": outcome, "number": by})
        return trial

    def reboot(self, by: str) -> None:
        """Restart the machine. Written down first: afterwards there may be nobody to do it.

        Raises NoReboot, RebootFailed.
        """
        command = self._config.kiosk.reboot
        if not command:
            raise NoReboot("kiosk.reboot")
        self._note("reboot_asked", {"number": by})
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise RebootFailed(command[0], str(error)) from None
        try:
            status = process.wait(REBOOT_SECONDS)
        except subprocess.TimeoutExpired:
            return
        if status:
            raise RebootFailed(command[0], f"ended with {status}")

    def _list_states(self, now: datetime) -> tuple[ListState, ...] | None:
        try:
            infos = self._lists.infos()
        except StoreError as error:
            _log.error("the lists cannot be read: %s", error.code)
            return None
        return tuple(
            ListState(
                name=info.name,
                version=info.version,
                issued=info.issued,
                expires=info.expires,
                age_seconds=max(0, int((now - info.issued).total_seconds())),
            )
            for info in infos
        )
