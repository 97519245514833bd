"""What every driver keeps about its device: state, problems, and when to look for it again."""

from __future__ import annotations

import logging
import time
from collections import deque

from firmware_bridge.roles import PROBLEMS_KEPT, DeviceProblem, DeviceState, Fault

_log = logging.getLogger(__name__)

LOG_AGAIN = 60.0
"""A fault that keeps coming is logged once; again only after this many seconds without it."""


class Condition:
    """The state of one device and what is wrong with it. Logs changes, not attempts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = DeviceState.absent
        self.problems: deque[DeviceProblem] = deque(maxlen=PROBLEMS_KEPT)
        self._last_seen: dict[Fault, float] = {}

    def become(self, state: DeviceState, reason: str = "", level: int = logging.WARNING) -> bool:
        """Enter a state; False if the device was in it already (then nothing is logged)."""
        if state is self.state:
            return False
        self.state = state
        _log.log(level, "device %s is %s%s", self.name, state.value, f" ({reason})" if reason else "")
        return True

    def report(self, fault: Fault, detail: str) -> None:
        now = time.monotonic()
        self.problems.append(DeviceProblem(fault, self.name, detail, now))
        before = self._last_seen.get(fault)
        self._last_seen[fault] = now
        if before is None or now - before >= LOG_AGAIN:
            _log.warning("device %s: %s: %s", self.name, fault.value, detail)


class Backoff:
    """When to try again: soon after a loss, then ever more rarely, up to `most` seconds."""

    def __init__(self, first: float = 0.1, most: float = 2.0) -> None:
        self._first = first
        self._most = most
        self._delay = first
        self.due = 0.0
        """`time.monotonic()` from which on the next attempt may be made."""

    def failed(self) -> None:
        self.due = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, self._most)

    def succeeded(self) -> None:
        """The device has proved itself (delivered something, not merely opened)."""
        self._delay = self._first
