"""What is wrong at the post's network at present: each problem once, for as long as it keeps happening."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from border_agent.agent.post.values import PostProblem, PostProblemCode
from border_agent.reporting.counts import Counts

_log = logging.getLogger(__name__)

STANDS_SECONDS = 600.0
"""So long after it happened last."""
MOST_PROBLEMS = 64


class _Standing(Struct):
    since: datetime
    last_at: float
    count: int = 0


class PostProblems:
    """The standing problems, and counts of everything. Thread-safe."""

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._standing: dict[tuple[PostProblemCode, str], _Standing] = {}
        self.counts = Counts(_log)

    def met(self, code: PostProblemCode, device: str = "", detail: str = "") -> bool:
        """It has happened (again); True where it was not shown before."""
        self.counts.warn(f"refused.{code.value}", f"{device} {detail}".strip())
        with self._lock:
            self._expire()
            found = self._standing.get((code, device))
            if found is None:
                if len(self._standing) >= MOST_PROBLEMS:
                    return False
                found = self._standing[code, device] = _Standing(self._now(), 0.0)
            found.last_at = self._monotonic()
            found.count += 1
            return found.count == 1

    def over(self, code: PostProblemCode, device: str = "") -> None:
        """It is no longer so."""
        with self._lock:
            self._standing.pop((code, device), None)

    def standing(self) -> tuple[PostProblem, ...]:
        with self._lock:
            self._expire()
            return tuple(
                PostProblem(code=code, device=device, since=one.since, count=one.count)
                for (code, device), one in self._standing.items()
            )

    def _expire(self) -> None:
        now = self._monotonic()
        for key in [key for key, one in self._standing.items() if now - one.last_at > STANDS_SECONDS]:
            del self._standing[key]
