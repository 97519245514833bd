"""Evidence goes when the policy says so: looked after in idle moments, and noted in the journal."""

from __future__ import annotations

import logging
from collections.abc import Callable

from border_agent.agent.diary import Note
from border_agent.clock import Clock
from border_agent.store import Store
from border_agent.store.erasure import Erased, erase_some
from mqtt_schemas.records import Policy

_log = logging.getLogger(__name__)

EVERY_SECONDS = 600.0
EVENT = "evidence_erased"


class Erasing:
    """Erases what the centre holds and the policy no longer wants here. One thread's."""

    def __init__(self, store: Store, policy: Callable[[], Policy], clock: Clock, note: Note) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._note = note
        self._erased = Erased()
        """What went since the last note."""
        self._clean = False
        """Whether the log is empty of what was erased; before the first look nobody knows how the last run ended."""

    def step(self) -> bool:
        """Erase a portion of what is due; whether there is more (see `Chores.add`). Where the country has not decided
        yet (`evidence_days` is null), everything stays.

        Raises StoreError; it is safe to call again.
        """
        days = self._policy().evidence_days
        if days is not None:
            self._erased += erase_some(self._store, days, self._clock.now())
            self._clean = self._clean and not self._erased.anything
            if self._erased.more:
                return True
        if not self._clean:
            self._clean = self._store.truncate_log()
        if self._erased.anything:
            erased, self._erased = self._erased, Erased()
            _log.info("erased %d records and %d pictures", erased.records, erased.pictures)
            days_gone = ",".join(erased.days[:8])
            self._note(EVENT, {"records": str(erased.records), "pictures": str(erased.pictures), "days": days_gone})
        return False
