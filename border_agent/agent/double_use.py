"""Looks, whenever a visa list was installed, whether a visa used here was used too often; and says so."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from border_agent.clock import Clock
from border_agent.store.errors import StoreError
from border_agent.store.journal import Journal
from border_agent.store.visa_conflicts import ConflictNoted, VisaConflicts
from mqtt_schemas.entries import DeviceEvent

CONFLICTS: Final = "conflicts"
"""Hub key: a conflict was found, withdrawn or seen."""

_log = logging.getLogger(__name__)


class DoubleUse:
    """A context manager: entering starts the thread that looks, leaving ends it."""

    def __init__(self, conflicts: VisaConflicts, journal: Journal, clock: Clock, changed: Callable[[], None]) -> None:
        self._conflicts = conflicts
        self._journal = journal
        self._clock = clock
        self._changed = changed
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="double-use", daemon=True)

    def __enter__(self) -> Self:
        # What was installed before the agent ended has perhaps not been looked at.
        self._wake.set()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """A list may have been installed: look now."""
        self._wake.set()

    def look(self) -> bool:
        """Look at a portion of the list; whether there is more. What is found is in the journal, durably, before the
        list counts as looked at. Raises StoreError."""
        found = self._conflicts.examine()
        for noted in found.changed:
            self._journal.commit([self._entry(noted)], [noted])
        self._conflicts.examined(found.upto)
        if found.changed:
            self._changed()
        return found.more

    def _entry(self, noted: ConflictNoted) -> DeviceEvent:
        now = self._clock.read()
        details = {"visa": noted.visa, "entries": str(noted.entries), "uses": str(noted.uses)}
        for number, fact in enumerate(noted.elsewhere, start=1):
            details[f"elsewhere_{number}"] = f"{fact.post or fact.device} {fact.at.isoformat()} {fact.entry}"
        return DeviceEvent(
            id=secrets.token_hex(16),
            occurred_at=now.at,
            recorded_at=now.at,
            clock=now.quality,
            event="visa_conflict" if noted.stands else "visa_conflict_withdrawn",
            details=details,
        )

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                while self.look() and not self._stopping.is_set():
                    continue
            except StoreError as error:
                # The next list, or the next start, looks again from the same place.
                _log.error("conflicts could not be looked for: %s", error.code)
