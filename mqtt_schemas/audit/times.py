"""Does a journal's time only go forward? `recorded_at` of each entry against the latest one before it.

A device never shows less than its clock's floor, so its entries' times only fall where somebody set the clock: the
centre by its signed time, which the device notes as an event `clock_set` within the next entries. A fall that nobody
notes is a fault. Falls of half a minute are none: so far a clock may differ before it is set, and two officers'
decisions may be read off the clock in one order and committed in the other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

TOLERANCE: Final = timedelta(seconds=30)
NOTED_WITHIN: Final = 64
"""Entries after a fall in which the event that explains it must come: a commit's worth may lie between."""

CLOCK_SET: Final = "clock_set"


class Fall(Struct, frozen=True):
    """A clock that fell."""

    line: int
    sequence: int
    before: datetime
    after: datetime

    @property
    def detail(self) -> str:
        """In figures."""
        return f"{self.before.isoformat()} to {self.after.isoformat()}"


class Times:
    """Goes along with one segment's entries."""

    def __init__(self, unexplained: Callable[[Fall], None], explained: Callable[[Fall], None]) -> None:
        self._unexplained = unexplained
        self._explained = explained
        self._latest: datetime | None = None
        self._open: list[Fall] = []
        self.first: datetime | None = None
        """Of the first entry."""
        self.last: datetime | None = None
        """The latest there is."""

    def recorded(self, line: int, sequence: int, at: datetime) -> None:
        """An entry's time."""
        self._expire(sequence)
        self.first = self.first or at
        self.last = max(self.last or at, at)
        if self._latest is not None and at < self._latest - TOLERANCE:
            self._open.append(Fall(line, sequence, self._latest, at))
            self._latest = at
        elif self._latest is None or at > self._latest:
            self._latest = at

    def clock_set(self, seconds: int) -> None:
        """The entry met last says that the clock was set by so much."""
        for fall in self._open:
            wanted = (fall.before - fall.after).total_seconds()
            if seconds < 0 and -seconds >= wanted - TOLERANCE.total_seconds():
                self._explained(fall)
                self._open.remove(fall)
                return

    def end(self) -> None:
        """No entry follows."""
        for fall in self._open:
            self._unexplained(fall)
        self._open.clear()

    def _expire(self, sequence: int) -> None:
        while self._open and sequence - self._open[0].sequence > NOTED_WITHIN:
            self._unexplained(self._open.pop(0))
