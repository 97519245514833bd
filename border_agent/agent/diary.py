"""What happens to the device itself, as journal entries: started, lists installed, its clock set right."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

from border_agent.clock import Clock
from border_agent.reporting import ReportingEvent
from border_agent.store import Journal, StoreError
from mqtt_schemas.entries import DeviceEvent
from mqtt_schemas.feeds import Feed

_log = logging.getLogger(__name__)

CLOCK_SET = "clock_set"
NOTED = frozenset({"list_installed", "keys_installed", "certificate_renewed"})
"""Reporting's events that belong in the journal: they bear on later decisions."""

OFTEN = frozenset({Feed.VISAS.value, Feed.STAYS.value})
OFTEN_SECONDS = 3600.0
"""Lists that change with every movement elsewhere are noted so often at most: each decision names version and head of
what it was made on anyway."""

Note = Callable[[str, dict[str, str]], None]
"""Writes an event of the device: `Diary.note`."""
NOTED_AN_HOUR = 60


class Diary:
    """Writes events of the device. A full disk loses an event, never a decision, so it is only logged."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._versions: dict[str, int] = {}
        self._installed_at: dict[str, float] = {}

    def note(self, event: str, details: dict[str, str]) -> None:
        """One event, durably."""
        now = self._clock.read()
        entry = DeviceEvent(
            id=secrets.token_hex(16),
            occurred_at=now.at,
            recorded_at=now.at,
            clock=now.quality,
            event=event,
            details=details,
        )
        try:
            self._journal.commit([entry])
        except StoreError as error:
            _log.error("%s could not be noted: %s", event, error.code)

    def on_event(self, event: ReportingEvent) -> None:
        """See `reporting.Listener`."""
        if event.kind == CLOCK_SET:
            # Each time, and by how much: an auditor who finds time going back looks for it.
            self.note(event.kind, {"seconds": str(event.version)})
            return
        if event.kind == "list_installed" and event.subject in OFTEN:
            now = time.monotonic()
            if now - self._installed_at.get(event.subject, -OFTEN_SECONDS) < OFTEN_SECONDS:
                return
            self._installed_at[event.subject] = now
        # A head signed anew every hour renews a list's dates; the list itself is the same.
        if event.kind in NOTED and self._versions.get(event.kind + event.subject) != event.version:
            self._versions[event.kind + event.subject] = event.version
            self.note(event.kind, {"subject": event.subject, "version": str(event.version)})


class Sparing:
    """A note of what anybody in the hall can cause: a child at a button must fill neither disk nor line.

    So many an hour are written down; more of them are only logged. Thread-safe.
    """

    def __init__(self, note: Note, clock: Callable[[], float] = time.monotonic) -> None:
        self._note = note
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: deque[float] = deque(maxlen=NOTED_AN_HOUR)

    def __call__(self, event: str, details: dict[str, str]) -> None:
        with self._lock:
            now = self._clock()
            full = len(self._noted) == NOTED_AN_HOUR and now - self._noted[0] < 3600.0
            if not full:
                self._noted.append(now)
        if full:
            _log.warning("%s is not written down: more than %d within an hour", event, NOTED_AN_HOUR)
            return
        self._note(event, details)
