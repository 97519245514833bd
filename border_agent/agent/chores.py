"""What is done in idle moments: small steps, one after the other, while nobody is being inspected.

A decision waits for the store's writer and an inspection for the processor; neither is to wait for tidying. So a
chore takes one small step at a time, and whoever begins an inspection meanwhile waits for that step at most.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from msgspec import Struct

from border_agent.errors import BorneError

_log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
FIRST_SECONDS = 20.0
"""After the start, so that whatever must be warm is warm first."""


class _Chore(Struct):
    name: str
    every: float
    step: Callable[[], bool]
    due: float
    failing: bool = False


class Chores:
    """A thread that does them. A context manager: entering starts it, leaving ends it after the step at hand."""

    def __init__(
        self, busy: Callable[[], bool], *, first: float = FIRST_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`busy`: whether somebody is being inspected."""
        self._busy = busy
        self._clock = clock
        self._began, self._first = clock(), first
        self._chores: list[_Chore] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def add(self, name: str, every: float, step: Callable[[], bool], *, first: float | None = None) -> None:
        """`step` does one small piece of work, every so many seconds, and says whether there is more: then it goes on
        as soon as the others have had their turn. What it raises is logged once, until it succeeds. `first`: seconds
        after the start, where that is to be another moment. Before entering.
        """
        self._chores.append(_Chore(name, every, step, self._began + (self._first if first is None else first)))

    def __enter__(self) -> Chores:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(timeout=10.0)

    def turn(self) -> bool:
        """One step of each chore that is due; whether one of them has more to do."""
        more = False
        for chore in self._chores:
            if self._ending.is_set() or self._busy():
                return False
            if self._clock() < chore.due:
                continue
            goes_on = self._step(chore)
            chore.due = self._clock() + (0.0 if goes_on else chore.every)
            more |= goes_on
        return more

    def _step(self, chore: _Chore) -> bool:
        try:
            goes_on = chore.step()
        except BorneError as error:
            if not chore.failing:
                _log.error("%s: %s", chore.name, error)
            chore.failing = True
            return False
        except Exception:
            # A defect of ours in tidying must not end it for good, nor the agent.
            if not chore.failing:
                _log.exception("%s failed", chore.name)
            chore.failing = True
            return False
        chore.failing = False
        return goes_on

    def _run(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            while self.turn() and not self._ending.is_set():
                # A writer that comes just now gets the lock: Python's locks are not fair.
                self._ending.wait(0.005)
