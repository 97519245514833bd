"""What happens to the device itself, as journal entries: started, lists installed, its clock set right."""

from __future__ import annotations

import logging
import secrets

from border_agent.clock import Clock
from border_agent.reporting import ReportingEvent
from border_agent.store import Journal, StoreError
from mqtt_schemas.entries import DeviceEvent

_log = logging.getLogger(__name__)

NOTED = frozenset({"list_installed", "keys_installed", "clock_set"})
"""Reporting's events that belong in the journal: they bear on later decisions."""


class Diary:
    """Writes events of the device. A full disk loses an event, never a decision, so it is only logged."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._versions: dict[str, int] = {}

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
        # A head signed anew every hour renews a list's dates; the list itself is the same.
        if event.kind in NOTED and self._versions.get(event.kind + event.subject) != event.version:
            self._versions[event.kind + event.subject] = event.version
            self.note(event.kind, {"subject": event.subject, "version": str(event.version)})
