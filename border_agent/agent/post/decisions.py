"""What was decided about the post's inspections lately, here and at other counters."""

from __future__ import annotations

import threading
from collections import OrderedDict

from msgspec import Struct

from border_agent.store import Passages
from mqtt_schemas.entries import Decision

SAID_SECONDS = 3600.0
"""A decision is told again for so long, whenever somebody asks."""
MOST_DECIDED = 2000


class Known(Struct, frozen=True):
    """A decision."""

    device: str
    """Where; empty: here."""
    decision: Decision
    officer: str
    at: float


class Decisions:
    """Thread-safe."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Known] = OrderedDict()

    def add(self, inspection: str, known: Known) -> bool:
        """Remember it; False where one is known: the first counts."""
        with self._lock:
            if inspection in self._known:
                return False
            self._known[inspection] = known
            while len(self._known) > MOST_DECIDED:
                self._known.popitem(last=False)
            return True

    def known(self, inspection: str) -> Known | None:
        """What was heard, or decided here, since the start."""
        with self._lock:
            return self._known.get(inspection)

    def of_journal(self, inspection: str, now: float) -> Known | None:
        """This device's own decision, of before the agent was started too. Raises StoreError."""
        passage = self._passages.of_inspection(inspection)
        if passage is None or not passage.officer:
            return None
        return Known("", passage.decision, passage.officer, now)

    def own(self, now: float) -> list[tuple[str, Known]]:
        """Those of this device in the last hour."""
        with self._lock:
            return [
                (inspection, known)
                for inspection, known in self._known.items()
                if not known.device and now - known.at <= SAID_SECONDS
            ]
