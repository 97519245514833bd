"""Somebody turned the system's clock: written down once when it is seen, and once when both agree again.

The device's own time does not follow such a turn (see `clock`), so nothing in the journal's times would show it.
"""

from __future__ import annotations

from border_agent.agent.diary import Note
from border_agent.clock import TOLERANCE, Clock

EVERY_SECONDS = 15.0


class ClockWatch:
    """A chore."""

    def __init__(self, clock: Clock, note: Note) -> None:
        self._clock = clock
        self._note = note
        self._noted = 0.0

    def step(self) -> bool:
        """Look once; there is never more to do."""
        turned = self._clock.turned_seconds()
        if abs(turned - self._noted) > TOLERANCE.total_seconds():
            self._noted = turned
            reading = self._clock.read()
            self._note("clock_turned", {"seconds": str(round(turned)), "clock": reading.quality.value})
        return False
