"""Simulated time: what happens when, in order. Nobody waits; the clock jumps from one event to the next."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from types import ModuleType
from typing import Any

BEGIN = datetime(2027, 3, 1, tzinfo=UTC)
_ZERO = 1_000_000.0
"""Monotonic seconds at the beginning: no program may depend on its being small."""


class Timeline:
    """Events by their time. `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self.now = _ZERO
        self.events = 0
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.now - _ZERO

    def moment(self) -> datetime:
        """The time of day, UTC."""
        return BEGIN + timedelta(seconds=self.elapsed)

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do it then; at once, after what is already due, where `when` has passed."""
        heappush(self._waiting, (max(when, self.now), next(self._numbers), what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self.at(self.now + seconds, what)

    def day(self, day: float, what: Callable[[], None]) -> None:
        """Do it so many days after the beginning."""
        self.at(_ZERO + day * 86_400, what)

    def run(self, until: float) -> None:
        """Until so many seconds after the beginning."""
        end = _ZERO + until
        while self._waiting and self._waiting[0][0] <= end:
            self.now, _, what = heappop(self._waiting)
            self.events += 1
            what()
        self.now = max(self.now, end)


@contextmanager
def lived_in(timeline: Timeline, *modules: ModuleType) -> Iterator[None]:
    """`time.monotonic` is the timeline's everywhere, and `datetime.now` in these modules."""

    class Moment(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return timeline.moment()

    monotonic = time.monotonic
    time.monotonic = lambda: timeline.now  # type: ignore[assignment]
    for module in modules:
        module.datetime = Moment  # type: ignore[attr-defined]
    try:
        yield
    finally:
        time.monotonic = monotonic  # type: ignore[assignment]
        for module in modules:
            module.datetime = datetime  # type: ignore[attr-defined]
