"""How the device is, written into its journal every hour; and the journal's own retention.

The hourly entry is for whoever looks after many devices: it says what will be wrong next week. Nothing in it is of a
traveller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from border_agent.agent.diary import Note
from border_agent.agent.machine import disk
from border_agent.clock import Clock
from border_agent.reporting import ReportingStatus
from border_agent.store import Journal, Store
from border_agent.store.copying import size_of
from border_agent.store.evidence_waiting import EvidenceWaiting
from border_agent.store.retention import prune
from mqtt_schemas.records import Policy

_log = logging.getLogger(__name__)

EVENT = "health"
EVERY_SECONDS = 3600.0
FIRST_SECONDS = 300.0
RETENTION_SECONDS = 600.0


class Health:
    """Notes how the device is."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        note: Note,
        line: Callable[[], ReportingStatus],
        memory: Callable[[], dict[str, int]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._note = note
        self._line = line
        self._memory = memory
        self._evidence = EvidenceWaiting(store)

    def step(self) -> bool:
        """Write it down, once. Raises StoreError."""
        self._note(EVENT, self.details())
        return False

    def details(self) -> dict[str, str]:
        """Figures by stable keys, sizes in bytes. Raises StoreError."""
        line, reading, waiting = self._line(), self._clock.read(), self._evidence.count()
        room = disk(Path(self._store.path).parent)
        return {
            "disk_free": str(room.free_bytes) if room is not None else "",
            "disk_total": str(room.total_bytes) if room is not None else "",
            "room": self._store.room().value,
            "store": str(size_of(self._store)),
            "unsent": str(line.unacknowledged),
            "online": "1" if line.online else "0",
            "problems": ",".join(problem.code.value for problem in line.problems),
            "clock": reading.quality.value,
            "clock_back": str(reading.went_back_seconds),
            "evidence_waiting": str(waiting.pieces),
            "evidence_bytes": str(waiting.size),
            "memory": str(sum(self._memory().values())),
        }


class Retention:
    """Lets the text of old entries go, as the policy says (see `store.retention`). One thread's."""

    def __init__(self, store: Store, journal: Journal, policy: Callable[[], Policy], clock: Clock) -> None:
        self._store = store
        self._journal = journal
        self._policy = policy
        self._clock = clock
        self._clean = False
        """What is gone is gone from the log as well; not known at the start, where a cut may have come between."""

    def step(self) -> bool:
        """One small step; whether there is more. Raises StoreError."""
        days = self._policy().journal_days
        if days is not None:
            done = prune(self._store, days, self._clock.now())
            self._clean = self._clean and not (done.entries or done.passages)
            if done.more:
                return True
        if not self._clean:
            self._clean = self._store.truncate_log()
        self._journal.sync_end()
        return False
