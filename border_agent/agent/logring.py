"""The last lines of the log, in memory, for the maintenance screen: a technician in the hall has no shell."""

from __future__ import annotations

import logging
import time
from collections import deque

KEPT = 200
LONGEST_LINE = 300


class LogRing(logging.Handler):
    """Keeps the newest lines. A traceback stays out of it: what it shows of values is for the service's own log."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
            line = f"{at} {record.levelname} {record.name}: {record.getMessage()}"
            self._lines.append(" ".join(line[:LONGEST_LINE].split()))
        except Exception:
            self.handleError(record)

    def last(self, count: int) -> list[str]:
        """The newest lines, oldest first."""
        return list(self._lines)[-count:]
