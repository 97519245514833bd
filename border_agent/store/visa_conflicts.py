"""Visas used here that turn out to have been used too often: found when the visa list comes, by whoever was cut off.

The list's record names the uses that the centre knows. Only records of visas used here are looked at, each once.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.lists import installed
from border_agent.store.notes import Notes
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import moment, stamp
from border_agent.store.uses import EXIT, unlisted, uses_of
from mqtt_schemas.entries import Direction
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import Feed, read_record
from mqtt_schemas.records import VisaRecord, VisaUseFact

_EXAMINED = "visa_conflicts"
"""The note of the visa list's version up to which records have been looked at."""

_PORTION = 2000
"""Changes of the list looked through in one go."""

# By the list's own order; the record itself is read only where the visa was used here.
_USED_HERE = """
    SELECT r.key, r.record FROM feed_row r
    WHERE r.feed = :feed AND r.version > :after AND r.version <= :upto AND r.record IS NOT NULL
        AND (EXISTS (SELECT 1 FROM visa_use u WHERE u.visa = r.key)
            OR EXISTS (SELECT 1 FROM visa_conflict c WHERE c.visa = r.key))
    ORDER BY r.version
"""


class VisaConflict(Struct, frozen=True, kw_only=True):
    """A visa used here and used too often, as it is stored."""

    visa: str
    found_at: datetime
    entries: int
    """Allowed."""
    uses: int
    """Made, as far as list and journal know."""
    withdrawn_at: datetime | None = None
    """Since when it is none any more: an entry was taken back."""
    seen_at: datetime | None = None
    seen_by: str = ""
    """Service number of the officer who has seen it."""

    @property
    def unseen(self) -> bool:
        """It stands, and nobody has said to have seen it."""
        return self.withdrawn_at is None and self.seen_at is None


class Examined(Struct, frozen=True, kw_only=True):
    """What one look at the list has shown."""

    changed: tuple[ConflictNoted, ...]
    upto: int
    more: bool
    """There is more of the list to look at."""


class ConflictNoted(Struct, frozen=True, kw_only=True):
    """A conflict found, grown or withdrawn. Give it to `Journal.commit` with the entry that says so."""

    visa: str
    entries: int
    uses: int
    stands: bool
    elsewhere: tuple[VisaUseFact, ...] = ()
    """The uses that are not of this journal, the oldest first."""

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`. One that grew is to be seen anew."""
        connection.execute(
            "INSERT INTO visa_conflict (visa, found_at, entries, uses, withdrawn_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (visa) DO UPDATE SET entries = excluded.entries, uses = excluded.uses,"
            " withdrawn_at = excluded.withdrawn_at, seen_at = NULL, seen_by = NULL",
            (self.visa, stamp(at), self.entries, self.uses, None if self.stands else stamp(at)),
        )


class VisaConflicts:
    """Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notes = Notes(store)

    def examine(self) -> Examined:
        """Look at the next changes of the installed list; writes nothing. `examined` moves on."""
        after = int(self._notes.get(_EXAMINED) or b"0")
        with self._store.reading() as connection:
            version, _ = installed(connection, Feed.VISAS)
            # A list that was begun anew is looked at from its beginning.
            after = after if after <= version else 0
            upto = min(version, after + _PORTION)
            rows = connection.execute(_USED_HERE, {"feed": Feed.VISAS.value, "after": after, "upto": upto}).fetchall()
            newest = {str(visa): bytes(record) for visa, record in rows}
            found = [_judged(connection, record) for record in newest.values()]
        changed = tuple(noted for noted in found if noted is not None)
        return Examined(changed=changed, upto=upto, more=upto < version)

    def examined(self, upto: int) -> None:
        """Everything that was found up to this version is noted."""
        if int(self._notes.get(_EXAMINED) or b"-1") != upto:
            self._notes.put(_EXAMINED, str(upto).encode())

    def all(self) -> tuple[VisaConflict, ...]:
        """Every conflict, those first that nobody has seen, then the newest."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT visa, found_at, entries, uses, withdrawn_at, seen_at, seen_by FROM visa_conflict"
                " ORDER BY withdrawn_at IS NULL AND seen_at IS NULL DESC, found_at DESC, visa"
            ).fetchall()
        return tuple(_conflict(row) for row in rows)

    def unseen(self) -> int:
        """How many stand that nobody has said to have seen."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT count(*) FROM visa_conflict WHERE withdrawn_at IS NULL AND seen_at IS NULL"
            ).fetchone()
        return int(row[0])

    def entries_of(self, visa: str) -> tuple[str, ...]:
        """Ids of the entries made here with a visa."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT movement FROM visa_use WHERE visa = ? AND direction <> ? ORDER BY rowid", (visa, EXIT)
            ).fetchall()
        return tuple(row[0] for row in rows)


class ConflictSeen(Struct, frozen=True, kw_only=True):
    """An officer has seen a conflict. Give it to `Journal.commit` with the officer's act."""

    visa: str
    officer: str

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`. One that was seen stays so, by whoever was first."""
        connection.execute(
            "UPDATE visa_conflict SET seen_at = ?, seen_by = ? WHERE visa = ? AND seen_at IS NULL",
            (stamp(at), self.officer, self.visa),
        )


def _judged(connection: Connection, record: bytes) -> ConflictNoted | None:
    """What a record says of a visa used here; None: nothing that is not noted already."""
    try:
        visa = read_record(VisaRecord, record)
    except Malformed:
        return None
    entered = [use for use in uses_of(connection, visa.visa_id) if use.direction is not Direction.EXIT]
    here = {use.movement_id for use in entered}
    # Of a list that does not name what it counts, everything made here may be counted.
    uses = visa.uses + len(unlisted(visa, entered) or ())
    stands = bool(here) and 0 < visa.entries < uses
    row = connection.execute(
        "SELECT uses, withdrawn_at FROM visa_conflict WHERE visa = ?", (visa.visa_id,)
    ).fetchone()
    if row is None and not stands:
        return None
    if row is not None and (row[1] is None) == stands and (int(row[0]) == uses or not stands):
        return None
    return ConflictNoted(
        visa=visa.visa_id,
        entries=visa.entries,
        uses=uses,
        stands=stands,
        elsewhere=tuple(fact for fact in visa.used if fact.entry not in here),
    )


def _conflict(row: tuple[str, str, int, int, str | None, str | None, str | None]) -> VisaConflict:
    visa, found_at, entries, uses, withdrawn_at, seen_at, seen_by = row
    found = moment(found_at)
    assert found is not None
    return VisaConflict(
        visa=visa,
        found_at=found,
        entries=entries,
        uses=uses,
        withdrawn_at=moment(withdrawn_at),
        seen_at=moment(seen_at),
        seen_by=seen_by or "",
    )
