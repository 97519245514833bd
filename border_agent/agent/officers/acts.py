"""What people do at this device beside deciding, as journal entries."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from border_agent.agent.diary import NOTED_AN_HOUR
from border_agent.clock import Clock
from border_agent.store import Change, Journal, StoreError
from mqtt_schemas.entries import OfficerAct

_log = logging.getLogger(__name__)

LONGEST_TEXT = 1024
"""Of one detail, as the contract has it; what a person typed is cut, never refused for its length."""


class Acts:
    """Writes acts into the journal. Thread-safe; `monotonic`: seconds that only go forward."""

    def __init__(self, journal: Journal, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sparing: deque[float] = deque(maxlen=NOTED_AN_HOUR)

    def note(
        self,
        officer: str,
        act: str,
        subject: str = "",
        details: Mapping[str, str] | None = None,
        second_officer: str = "",
        *,
        changes: Sequence[Change] = (),
    ) -> bool:
        """One act, durably, with what changes by it. False where it could not be written: a full disk loses a note,
        and never stands in anybody's way."""
        try:
            self.write(officer, act, subject, details, second_officer, changes=changes)
        except StoreError as error:
            _log.error("act %s of %s could not be noted: %s", act, officer or "nobody", error.code)
            return False
        return True

    def write(
        self,
        officer: str,
        act: str,
        subject: str = "",
        details: Mapping[str, str] | None = None,
        second_officer: str = "",
        *,
        changes: Sequence[Change] = (),
    ) -> None:
        """The same for an act that counts only once it is written. Raises StoreError."""
        now = self._clock.read()
        entry = OfficerAct(
            id=secrets.token_hex(16),
            occurred_at=now.at,
            recorded_at=now.at,
            clock=now.quality,
            officer=_fitting(officer),
            act=_fitting(act),
            subject=_fitting(subject),
            second_officer=_fitting(second_officer),
            details={_fitting(key): _fitting(value) for key, value in (details or {}).items() if value},
        )
        self._journal.commit([entry], changes)

    def sparing(self, act: str, subject: str = "", details: Mapping[str, str] | None = None) -> None:
        """An act of nobody in particular: so many an hour are written down, more of them only logged. Whoever
        reaches the sign-in page must fill neither the disk nor the line."""
        with self._lock:
            now = self._monotonic()
            full = len(self._sparing) == NOTED_AN_HOUR and now - self._sparing[0] < 3600.0
            if not full:
                self._sparing.append(now)
        if full:
            _log.warning("%s is not written down: more than %d within an hour", act, NOTED_AN_HOUR)
            return
        self.note("", act, subject, details)


def _fitting(text: str) -> str:
    # A lone surrogate is no text that JSON could carry.
    return text[:LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8")
