"""What time is it, and how far may that be believed?

A device may have no battery-backed clock, and time is evidence. So the clock is the system's, held against
what cannot be argued away: it never shows less than its floor (the newest of the software's build date, the
journal's high-water mark and the lists installed), and a centre's signed acknowledgement, bound to the
session's nonce, may set it right in either direction. Between those it is held against the kernel's own uninterrupted
clock: a system clock that somebody turns, forth or back, is not followed unless a time server stands behind it, and
the reading says by how much it was turned. Everything is UTC.

Qualities, in the contract's words:

    synchronised  a time server or an acknowledgement vouched for it within a day
    holdover      one of them did, longer ago; since then it has run on by itself
    doubtful      the system's clock is below the floor, was turned, or differs from what the centre signed
    unknown       nothing has vouched for it
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from mqtt_schemas.entries import ClockQuality

BUILD_DATE: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""The software was not written later than it runs: the first floor of every clock."""

TOLERANCE: Final = timedelta(seconds=30)
"""How far the system's clock may differ from the centre's before the centre's is taken."""

FRESH: Final = timedelta(hours=24)
"""How long one word of a time server or the centre counts as synchronised."""

_NOT: Final = timedelta(0)
_BACKWARDS: Final = timedelta(seconds=1)
_STALE_ACK: Final = timedelta(seconds=60)
_REANCHOR: Final = timedelta(hours=1)
_TIME_ERROR: Final = 5
_TOLD: Final = Path("/run/borne-clock/synchronised")
_TOLD_FRESH: Final = 31.0
"""Seconds; it is written every ten."""


def uptime() -> float:
    """Seconds since the machine was started, suspended or not (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockReading(Struct, frozen=True):
    """One look at the clock."""

    at: datetime
    """UTC."""
    quality: ClockQuality
    went_back_seconds: float = 0.0
    """How far the clock stands below the newest time already used, or was turned back; 0: it does not, was not."""
    jumped_seconds: float = 0.0
    """How far it was turned forth, with nobody to vouch for it; 0: it was not."""


class Clock:
    """The device's clock. Thread-safe; does no I/O but what `system`, `monotonic` and `synchronised` do."""

    def __init__(
        self,
        *,
        system: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = uptime,
        synchronised: Callable[[], bool] | None = None,
        floor: datetime = BUILD_DATE,
    ) -> None:
        """`system`: seconds since 1970; `monotonic`: seconds that nobody can turn, and that count on in a sleeping
        machine; `synchronised`: whether a time server vouches for the system's (default: the kernel's own word)."""
        self._system = system
        self._monotonic = monotonic
        self._synchronised = kernel_synchronised if synchronised is None else synchronised
        self._lock = threading.Lock()
        self._floor = floor
        self._floor_at = monotonic()
        self._anchor: tuple[datetime, float] | None = None
        self._trail: tuple[datetime, float] | None = None
        """The system's time at some moment since the start, from which it has to run on."""
        self._vouched_at: float | None = None

    def now(self) -> datetime:
        """The time, UTC."""
        return self.read().at

    def read(self) -> ClockReading:
        """The time with its quality."""
        with self._lock:
            return self._read()

    def trusted_system(self) -> bool:
        """False while the system's own clock is known to be wrong: what OpenSSL checks by it means nothing."""
        with self._lock:
            reading, system = self._read(), self._system_time()
            return system is not None and abs(system - reading.at) <= TOLERANCE

    def turned_seconds(self) -> float:
        """How far the system's clock is from the time believed: forth, or negative, back. 0: no more than both may
        differ, or it holds no date."""
        with self._lock:
            reading, system = self._read(), self._system_time()
            apart = system - reading.at if system is not None else timedelta(0)
            return _seconds(apart) if abs(apart) > TOLERANCE else 0.0

    def raise_floor(self, at: datetime) -> None:
        """It is not earlier than this (a journal entry's time, a list's issue)."""
        with self._lock:
            if at > self._floor:
                self._floor, self._floor_at = at, self._monotonic()

    def acknowledged(self, at: datetime) -> bool:
        """Take the time of an acknowledgement that carried the current nonce; False where it is too old to count.

        An acknowledgement repeated later in the same session carries an earlier time than has passed since the
        last: it changes nothing. One below the floor lowers it: whoever set the clock a year ahead for a day must
        not leave a year of findings behind.
        """
        with self._lock:
            now = self._monotonic()
            if self._anchor is not None:
                begun, since = self._anchor
                projected = begun + timedelta(seconds=now - since)
                if at < projected - _STALE_ACK:
                    return False
                # A slow line only ever makes it late: keep the one that came quickest, for an hour.
                if at <= projected and now - since < _REANCHOR.total_seconds():
                    self._vouched_at = now
                    return True
            self._anchor = (at, now)
            self._vouched_at = now
            if at < self._floor - TOLERANCE:
                self._floor, self._floor_at = at, now
            return True

    def resumed(self, at: datetime, vouched_ago: timedelta) -> None:
        """Go on from an earlier process of this device: its time now, and how long ago somebody vouched for it.

        For a caller that knows the time to have run on meanwhile (the same boot, or a clock with a battery).
        """
        with self._lock:
            if self._anchor is None:
                now = self._monotonic()
                self._anchor = (at, now)
                self._vouched_at = now - max(0.0, vouched_ago.total_seconds())

    def _read(self) -> ClockReading:
        now = self._monotonic()
        system = self._system_time()
        by_server = self._synchronised()
        floor = self._floor
        if self._anchor is not None:
            projected = _run_on(self._anchor, now)
            agrees = system is not None and abs(system - projected) <= TOLERANCE
            at = system if agrees and system is not None else projected
            quality = self._vouched(now) if agrees or not by_server else ClockQuality.DOUBTFUL
        else:
            plausible = system is not None and system >= floor - _BACKWARDS
            if plausible and system is not None and (by_server or self._trail is None):
                self._trail = (system, now)
                self._vouched_at = now if by_server else self._vouched_at
            floored = floor + timedelta(seconds=max(0.0, now - self._floor_at))
            expected = floored if self._trail is None else _run_on(self._trail, now)
            if system is None or not plausible or abs(system - expected) > TOLERANCE:
                # Run on from what was known last: two moments still have an order, and none is below the floor.
                return _turned(system, expected, max(expected, floored))
            at, quality = system, self._vouched(now)
        behind = floor - at
        return ClockReading(at, quality, _seconds(behind) if behind > _BACKWARDS else 0.0)

    def _vouched(self, now: float) -> ClockQuality:
        if self._vouched_at is None:
            return ClockQuality.UNKNOWN
        fresh = now - self._vouched_at <= FRESH.total_seconds()
        return ClockQuality.SYNCHRONISED if fresh else ClockQuality.HOLDOVER

    def _system_time(self) -> datetime | None:
        """None where the system's clock holds a value that is no date."""
        try:
            return datetime.fromtimestamp(self._system(), UTC)
        except (OverflowError, ValueError, OSError):
            return None


def _run_on(known: tuple[datetime, float], now: float) -> datetime:
    """The time now, from one that was known at some reading of the clock that nobody can turn."""
    return known[0] + timedelta(seconds=now - known[1])


def _turned(system: datetime | None, expected: datetime, at: datetime) -> ClockReading:
    """A system's clock that is not followed, by how far it is off; None: it holds no date."""
    off = system - expected if system is not None else _NOT
    return ClockReading(at, ClockQuality.DOUBTFUL, _seconds(max(-off, _NOT)), _seconds(max(off, _NOT)))


def _seconds(span: timedelta) -> float:
    return round(span.total_seconds(), 3)


class _Timex(ctypes.Structure):
    # Only the call's own result is read; the kernel's structure is 208 bytes, and must have room.
    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 508))


_libc = ctypes.CDLL(None)


def kernel_synchronised(told: Path = _TOLD) -> bool:
    """Whether the kernel says that a time server keeps its clock (adjtimex(2): any state but TIME_ERROR).

    A sandbox may refuse the call; then a program outside it asks instead, and keeps the moment of asking in `told`.
    """
    try:
        state = _libc.adjtimex(ctypes.byref(_Timex()))
    except AttributeError:
        return False
    if state < 0:
        return _told_just_now(told)
    return int(state) < _TIME_ERROR


def _told_just_now(told: Path) -> bool:
    try:
        asked = float(told.read_text(encoding="ascii")[:32])
    except (OSError, ValueError):
        return False
    return 0 <= uptime() - asked + 1 <= _TOLD_FRESH
