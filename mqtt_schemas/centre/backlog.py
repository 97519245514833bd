"""Who still has entries from an outage to send, and what waits for them: long lists and evidence.

After an outage all posts come back at once, and what they share (the data centre's own line, a satellite) is as thin
as each of them believes it to have alone. The one with the longest journal then sends it beside the photos of those
that are done, and is acknowledged behind their lists. A device sees to its own order; only the centre sees them all.
"""

from __future__ import annotations

import time

from msgspec import Struct

from mqtt_schemas.centre.database import Database
from mqtt_schemas.errors import ContractError
from mqtt_schemas.messages import State, decode

FEW = 20
"""So many entries are no backlog: a hello may overtake what is on its way."""
EVIDENCE_SECONDS = 60
"""A device is told to keep its evidence for so long, and asked again with its next piece."""
CHUNK_SECONDS = 40.0
"""Between two chunks of a long list meanwhile: after 70 s without one a device gives up what it has staged."""
_LOOK_SECONDS = 1.0
_HELLO_SECONDS = 5.0
"""After a hello it is looked for so long: another process may be storing it."""
_STUCK_SECONDS = 30.0
"""Whoever sends nothing for so long is not waited for: it is gone, or its stream stands still until somebody acts."""
_LONGEST_SECONDS = 900.0
"""Nobody waits longer, whatever the others owe; then not before all of them are done, and as long again has passed: a
device that owes and owes, or says so, takes half of the time from the others at most."""


class _Owing(Struct):
    mark: int
    since: float
    """When the mark last rose."""


class Backlog:
    """Asked by whoever could hold something back. Raises what Database raises."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owing: dict[tuple[str, bytes], _Owing] = {}
        self._standing = False
        self._begun: float | None = None
        self._not_before = 0.0
        self._look_until = time.monotonic() + _HELLO_SECONDS
        self._look_at = 0.0

    def greeted(self) -> None:
        """A device said hello: it may owe something."""
        self._look_until = time.monotonic() + _HELLO_SECONDS

    def stands(self, now: float) -> bool:
        """Whether anybody has a backlog that others should let through; `now` in monotonic seconds."""
        if (self._owing or now < self._look_until) and now >= self._look_at:
            self._look(now)
            self._look_at = now + _LOOK_SECONDS
        return self._standing

    def _look(self, now: float) -> None:
        owing: dict[tuple[str, bytes], _Owing] = {}
        streams = self._database.rows("SELECT device, epoch, mark FROM stream WHERE closed_at IS NULL")
        marks = {(device, bytes(epoch)): int(mark) for device, epoch, mark in streams}
        for device, payload in self._database.rows("SELECT device, state FROM device_state WHERE online = 1"):
            try:
                state = decode(State, bytes(payload))
            except ContractError:
                continue  # of a later version, kept as it came
            if state.epoch is None:
                continue
            mark = marks.get((device, state.epoch), 0)
            if state.sequence > mark + FEW:
                before = self._owing.get((device, state.epoch))
                same = before is not None and before.mark == mark
                owing[device, state.epoch] = before if before is not None and same else _Owing(mark, now)
        self._owing = owing
        if not owing and self._begun is not None:
            self._not_before = now + min(now - self._begun, _LONGEST_SECONDS)
            self._begun = None
        elif owing and self._begun is None and now >= self._not_before:
            self._begun = now
        self._standing = (
            self._begun is not None
            and now < self._begun + _LONGEST_SECONDS
            and any(now < one.since + _STUCK_SECONDS for one in owing.values())
        )
