"""Visas used by movements that this device wrote: a single-entry visa is used up before the centre can know of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import stamp
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import VisaRecord

EXIT: Final = Direction.EXIT.value
_MOST_NAMED: Final = 16
"""Uses that a record of the visa list names (`VisaRecord.used`)."""


class VisaUsed(Struct, frozen=True, kw_only=True):
    """A movement that used a visa. Give it to `Journal.commit` with the movement's entry."""

    visa_id: str
    movement_id: str
    """The entry's own id: a movement counts once."""
    direction: Direction
    occurred_at: datetime

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        connection.execute(
            "INSERT INTO visa_use (movement, visa, direction, occurred_at) VALUES (?, ?, ?, ?)",
            (self.movement_id, self.visa_id, self.direction.value, stamp(self.occurred_at)),
        )


class UseMended(Struct, frozen=True, kw_only=True):
    """A movement put right: whether it used its visa, and which way. Give it to `Journal.commit` with the correction.

    A use that a correction brings about is dated as it is written: no list issued before can have counted it. One of
    a visa without an id that was given back cannot be counted again: its key was not the id.
    """

    visa_id: str
    movement_id: str
    direction: Direction
    counts: bool

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        if not self.counts:
            connection.execute("DELETE FROM visa_use WHERE movement = ?", (self.movement_id,))
            return
        changed = connection.execute(
            "UPDATE visa_use SET direction = ? WHERE movement = ?", (self.direction.value, self.movement_id)
        )
        if changed.rowcount == 0 and self.visa_id:
            VisaUsed(
                visa_id=self.visa_id, movement_id=self.movement_id, direction=self.direction, occurred_at=at
            ).apply(connection, at)


class VisaUse(Struct, frozen=True, kw_only=True):
    """One use, as it is stored."""

    movement_id: str
    direction: Direction
    occurred_at: datetime


def unlisted(record: VisaRecord, entered: Sequence[VisaUse]) -> list[VisaUse] | None:
    """Entries made here that a record of the visa list has not counted; None where it names none of those it counts.

    By the movements' ids, so in whatever order things arrive.
    """
    if record.uses and not record.used:
        return None
    named = {fact.entry for fact in record.used}
    unknown = [use for use in entered if use.movement_id not in named]
    if record.uses > len(record.used) >= _MOST_NAMED:
        # It names the newest only: what is older than these it has counted all the same. Of fewer it names all, and
        # what it counts beside them are entries that no journal at the centre has.
        unknown = [use for use in unknown if use.occurred_at >= record.used[0].at]
    return unknown


class VisaUses:
    """What this device knows of the use of visas. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def count(self, visa_id: str) -> int:
        """Entries made here with this visa: exits do not use it up, everything else does."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT count(*) FROM visa_use WHERE visa = ? AND direction <> ?", (visa_id, EXIT)
            ).fetchone()
        return int(row[0])

    def of(self, visa_id: str) -> list[VisaUse]:
        """All uses of a visa here, in the order they were written."""
        with self._store.reading() as connection:
            return uses_of(connection, visa_id)


def uses_of(connection: Connection, visa_id: str) -> list[VisaUse]:
    """See `VisaUses.of`."""
    rows = connection.execute(
        "SELECT movement, direction, occurred_at FROM visa_use WHERE visa = ? ORDER BY rowid", (visa_id,)
    ).fetchall()
    return [
        VisaUse(movement_id=row[0], direction=Direction(row[1]), occurred_at=datetime.fromisoformat(row[2]))
        for row in rows
    ]
