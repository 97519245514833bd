"""Counting, and saying a thing once: a line that brings rubbish for a week must not fill the disk with log."""

from __future__ import annotations

import logging
import threading
from collections import Counter

MOST_KINDS = 256
_OTHER = "other"


class Counts:
    """How often each kind of thing happened; the first of each kind may be logged. Thread-safe."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, kind: str, number: int = 1) -> bool:
        """Count; True at the first of its kind."""
        with self._lock:
            # Kinds are ours, but some carry a code that came from outside: never more than so many.
            if kind not in self._counts and len(self._counts) >= MOST_KINDS:
                kind = _OTHER
            self._counts[kind] += number
            return self._counts[kind] == number

    def warn(self, kind: str, detail: object) -> None:
        """Count, and log the first of its kind."""
        if self.add(kind):
            self._log.warning("%s: %s (further ones are counted)", kind, detail)

    def snapshot(self) -> dict[str, int]:
        """All counts."""
        with self._lock:
            return dict(self._counts)
