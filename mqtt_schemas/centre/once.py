"""Logging a thing once for each kind: a device that repeats itself all night must not fill the log."""

from __future__ import annotations

import logging


class Once:
    """Writes the first message of each kind, then keeps quiet about it until it is forgotten."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: set[str] = set()

    def warning(self, kind: str, message: str, *values: object) -> None:
        self._say(logging.WARNING, kind, message, values)

    def error(self, kind: str, message: str, *values: object) -> None:
        self._say(logging.ERROR, kind, message, values)

    def forget(self, *kinds: str) -> None:
        """It is over: should it happen again, that is news."""
        self._said.difference_update(kinds)

    def _say(self, level: int, kind: str, message: str, values: tuple[object, ...]) -> None:
        if kind not in self._said:
            self._said.add(kind)
            self._log.log(level, message, *values)
