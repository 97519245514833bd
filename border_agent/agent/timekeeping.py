"""The clock over a restart: what somebody vouched for goes on counting while the machine, or its battery, kept time.

Without this a post whose power fails while the line is down would doubt its clock, and send every traveller to an
officer, although its clock is as good as before. What is kept is one moment that was vouched for, and where the
kernel's own uninterrupted clock stood then. In the same boot the time now follows from that alone, whatever anybody
did to the system's clock; after another boot the system's clock is believed only where a battery-backed one set it.
"""

from __future__ import annotations

import logging
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from border_agent.clock import Clock, uptime
from border_agent.reporting import ReportingEvent
from border_agent.store import Notes, StoreError
from mqtt_schemas.entries import ClockQuality

_log = logging.getLogger(__name__)

NOTE = "agent.vouched_time"
EVERY_SECONDS = 600.0

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BATTERY = Path("/sys/class/rtc")


class VouchedTime(Struct, frozen=True, kw_only=True):
    """A moment that a time server or the centre vouched for."""

    at: datetime
    boot: str
    uptime: float
    """CLOCK_BOOTTIME then, seconds: it counts on through suspend and through any change of the system's clock."""


class Timekeeping:
    """Notes vouched moments while they come, and lets a new process's clock go on from the last."""

    def __init__(self, notes: Notes, clock: Clock) -> None:
        self._notes = notes
        self._clock = clock
        self._noted_at = -EVERY_SECONDS

    def resume(self) -> None:
        """Let the clock go on from what was noted before, if that can be told. Raises StoreError."""
        kept = self._notes.get(NOTE)
        if kept is None:
            return
        try:
            vouched = msgspec.json.decode(kept, type=VouchedTime)
        except msgspec.MsgspecError:
            _log.error("the vouched time that was kept cannot be read")
            return
        if vouched.boot and vouched.boot == boot_id():
            ago = timedelta(seconds=max(0.0, uptime() - vouched.uptime))
            self._clock.resumed(vouched.at + ago, ago)
        elif set_by_battery() and (now := datetime.now(UTC)) >= vouched.at:
            self._clock.resumed(now, now - vouched.at)

    def on_event(self, event: ReportingEvent) -> None:
        """Note the time when the centre has just vouched for it, now and then."""
        now = time.monotonic()
        if event.kind != "acknowledged" or now - self._noted_at < EVERY_SECONDS:
            return
        reading = self._clock.read()
        if reading.quality is not ClockQuality.SYNCHRONISED:
            return
        try:
            note = VouchedTime(at=reading.at, boot=boot_id(), uptime=uptime())
            self._notes.put(NOTE, msgspec.json.encode(note))
        except StoreError as error:
            _log.error("the time cannot be noted: %s", error.code)
            return
        self._noted_at = now


def boot_id() -> str:
    """The kernel's name for this boot; empty where it does not say. The service's unit tells it, because its sandbox
    hides the kernel's file."""
    told = os.environ.get("BORNE_BOOT_ID", "")
    try:
        return (told or _BOOT_ID.read_text(encoding="ascii")).strip().replace("-", "")
    except OSError:
        return ""


def set_by_battery(folder: Path = _BATTERY) -> bool:
    """Whether the kernel set the system's clock from a battery-backed one when it started (rtc's `hctosys`)."""
    try:
        return any((clock / "hctosys").read_text(encoding="ascii").strip() == "1" for clock in folder.iterdir())
    except OSError:
        return False
