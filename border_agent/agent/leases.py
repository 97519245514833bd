"""Who has an inspection in hand: one session at a time, for as long as its page says that it is still there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct, structs

from border_agent.errors import BorneError

LEASE_SECONDS = 60.0
"""A page that has not been heard of for so long holds nothing any more: a closed lid, a dead battery."""
MOST_KNOWN = 2000
"""Inspections of which it is known when somebody first had them: not each of them is decided here."""


class Holder(Struct, frozen=True, kw_only=True):
    """Whoever has an inspection in hand."""

    number: str
    name: str
    counter: str = ""
    device: str = ""
    """The device at which; another than this one where the post's network says so."""
    session: str = ""
    """Key of the session; empty: at another device."""
    alone: bool = False
    """In hand while the post's network is away: another counter may have done the same."""


class Held(BorneError):
    """Another officer has this inspection in hand; `detail` says who."""

    code = "inspection.held"

    def __init__(self, where: str, holder: Holder) -> None:
        super().__init__(where, " ".join(part for part in (holder.number, holder.counter, holder.device) if part))
        self.holder = holder


class _Lease(Struct, frozen=True):
    holder: Holder
    until: float
    taken_at: datetime


class Leases:
    """The leases of this device. Thread-safe."""

    def __init__(self, now: Callable[[], datetime], clock: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._leases: dict[str, _Lease] = {}
        self._first: dict[str, datetime] = {}

    def take(self, inspection: str, holder: Holder) -> None:
        """Take it, or keep it. Raises Held while another session has it."""
        with self._lock:
            now = self._clock()
            found = self._leases.get(inspection)
            if found is not None and found.until > now and found.holder.session != holder.session:
                raise Held(inspection, found.holder)
            taken_at = self._first.setdefault(inspection, self._now())
            while len(self._first) > MOST_KNOWN:
                oldest = next(iter(self._first))
                del self._first[oldest]
                self._leases.pop(oldest, None)
            self._leases[inspection] = _Lease(holder, now + LEASE_SECONDS, taken_at)

    def keep(self, inspection: str, session: str) -> bool:
        """Hold it on; False where this session does not have it any more."""
        with self._lock:
            found = self._leases.get(inspection)
            if found is None or found.holder.session != session:
                return False
            self._leases[inspection] = structs.replace(found, until=self._clock() + LEASE_SECONDS)
            return True

    def leave(self, inspection: str, session: str) -> bool:
        """Give it back; False where this session does not have it."""
        with self._lock:
            found = self._leases.get(inspection)
            if found is None or found.holder.session != session:
                return False
            del self._leases[inspection]
            return True

    def leave_all(self, session: str) -> tuple[str, ...]:
        """Give everything of a session back; which inspections those were."""
        with self._lock:
            mine = tuple(key for key, lease in self._leases.items() if lease.holder.session == session)
            for key in mine:
                del self._leases[key]
            return mine

    def forget(self, inspection: str) -> None:
        """It is over."""
        with self._lock:
            self._leases.pop(inspection, None)
            self._first.pop(inspection, None)

    def holder(self, inspection: str) -> Holder | None:
        """Who has it now."""
        with self._lock:
            found = self._leases.get(inspection)
            return found.holder if found is not None and found.until > self._clock() else None

    def taken_at(self, inspection: str) -> datetime | None:
        """When it was first taken in hand, by whomever."""
        with self._lock:
            return self._first.get(inspection)
