"""Who belongs to this post: the installed list of officers, read anew whenever another issue of it is installed."""

from __future__ import annotations

import logging
import threading

from msgspec import Struct

from border_agent.store import Lists, StoreError
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import OfficerRecord, OfficerRole, OfficerState

_log = logging.getLogger(__name__)


class Person(Struct, frozen=True, kw_only=True):
    """Somebody of this post."""

    record: OfficerRecord
    roles: frozenset[OfficerRole]
    """Those that this software knows."""

    @property
    def active(self) -> bool:
        """Whether the centre lets this person work here now."""
        return self.record.state is OfficerState.ACTIVE and bool(self.roles)


class Directory:
    """Asked at every request. Thread-safe."""

    def __init__(self, lists: Lists, post: str) -> None:
        self._lists = lists
        self._post = post
        self._lock = threading.Lock()
        self._version = -1
        self._people: dict[str, Person] = {}
        self._suspended: set[str] = set()

    def people(self) -> dict[str, Person]:
        """Everybody of this post by number, whatever their state. Raises StoreError before it was ever read."""
        try:
            version = self._lists.version(Feed.OFFICERS)
            with self._lock:
                if version == self._version:
                    return self._people
            answer = self._lists.officers()
        except StoreError as error:
            # Whoever works goes on working by what was last read; a store that fails is told elsewhere.
            with self._lock:
                if self._version < 0:
                    raise
                _log.error("the list of officers cannot be read: %s", error.code)
                return self._people
        # Put under two keys, the number is what was put last.
        people = {
            record.number: Person(record=record, roles=frozenset(record.roles) - {OfficerRole.UNKNOWN})
            for record in answer.records
            if self._post in record.posts
        }
        with self._lock:
            self._version, self._people = answer.version, people
        return people

    def active(self, number: str) -> Person | None:
        """Who may work here under this number."""
        person = self.people().get(number)
        return person if person is not None and person.active and not self.suspended(number) else None

    def suspend(self, number: str, suspended: bool) -> None:
        """A supervisor's word, known at once whether or not it could be written down."""
        with self._lock:
            (self._suspended.add if suspended else self._suspended.discard)(number)

    def suspended(self, number: str) -> bool:
        """Whether somebody was suspended here since the start; of earlier suspensions the rows tell."""
        with self._lock:
            return number in self._suspended
