"""Uses of visas, as the journals tell them, in the records of the visa list.

A visa is used by every admitted movement with it that is no exit, once, by the movement's id. What the imported list
says of uses beside that is of journals that are not here (another state's, a time before this centre): `elsewhere`.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, structs

from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.entries import Direction
from mqtt_schemas.errors import ContractError
from mqtt_schemas.feeds import Feed, put, read_change, read_record
from mqtt_schemas.records import VisaRecord, VisaUseFact

MOST_TOLD = 16
"""Uses that a record names: the newest."""


class Use(Struct, frozen=True):
    """One use of a visa, and where its entry is stored."""

    entry: str
    device: str
    post: str
    at: datetime
    stream: int
    sequence: int
    allowed: int
    """Entries that the visa's seal allows; 0: no limit, or none stated."""

    @property
    def fact(self) -> VisaUseFact:
        return VisaUseFact(entry=self.entry, device=self.device, post=self.post[:40], at=self.at)


class Listed(Struct, frozen=True):
    """What the visa list said of a visa's uses when it was last imported."""

    uses: int
    elsewhere: int


def uses_of(database: Database, visa: str) -> list[Use]:
    """All uses of a visa, in the order in which they took place."""
    rows = database.rows(
        "SELECT entry, device, post, occurred_at, stream, sequence, entries FROM passage"
        " WHERE visa = ? AND counts = 1 AND direction <> ? ORDER BY occurred_at, entry",
        [visa, Direction.EXIT.value],
    )
    return [
        Use(entry, device, post, datetime.fromisoformat(at), stream, sequence, allowed)
        for entry, device, post, at, stream, sequence, allowed in rows
    ]


def used_again(database: Database, visa: str) -> bool:
    """Whether a visa was used more than once by journals that are here, or has been in conflict."""
    row = database.one(
        "SELECT (SELECT count(*) FROM passage WHERE visa = ?1 AND counts = 1 AND direction <> ?2),"
        " (SELECT count(*) FROM conflict WHERE visa = ?1)",
        [visa, Direction.EXIT.value],
    )
    return int(row[0]) > 1 or int(row[1]) > 0


def keep_uses(database: Database, record: VisaRecord) -> VisaRecord:
    """A record of the visa list as it is published: with the uses that are known here. Writes nothing."""
    held = database.one(
        "SELECT 1 FROM passage WHERE visa = ?1 UNION ALL SELECT 1 FROM visa_listed WHERE visa = ?1 LIMIT 1",
        [record.visa_id],
    )
    if held is None:
        return structs.replace(record, used=())
    uses = uses_of(database, record.visa_id)
    listed = _listed_now(_listed(database, record.visa_id), record.uses, len(uses))
    return _with_uses(record, uses, listed.elsewhere)


def note_listed(database: Database, record: VisaRecord) -> None:
    """Note what an imported record says of uses. In the import's transaction, before the record is put."""
    before = _listed(database, record.visa_id)
    passed = database.one("SELECT 1 FROM passage WHERE visa = ? LIMIT 1", [record.visa_id]) is not None
    if before is None and not record.uses and not passed:
        return
    now = _listed_now(before, record.uses, len(uses_of(database, record.visa_id)))
    if now != before:
        _note(database, record.visa_id, now)
    if passed:
        # It may allow fewer entries than before.
        database.execute(
            "INSERT INTO touched (subject) VALUES (?) ON CONFLICT (subject) DO NOTHING", [f"visa {record.visa_id}"]
        )


class Counted(Struct, frozen=True):
    """A visa's uses, and what it allows."""

    visa: str
    uses: tuple[Use, ...]
    """By journals that are here."""
    elsewhere: int
    allowed: int
    """The fewer of what its seal and the list allow; 0: no limit is known."""
    change: bytes | None
    """That puts its record anew; None: it is as it is published, or the list does not hold it."""

    @property
    def made(self) -> int:
        return len(self.uses) + self.elsewhere

    @property
    def overused(self) -> bool:
        return 0 < self.allowed < self.made


def count(feeds: FeedStore, visa: str) -> Counted:
    """A visa's uses as they are now. In a transaction, alone: a list imported before uses were counted is noted."""
    database = feeds.database
    uses = uses_of(database, visa)
    held = feeds.current(Feed.VISAS, visa)
    record = read_record(VisaRecord, read_change(held).record) if held is not None else None
    listed = _listed(database, visa)
    if listed is None and record is not None and record.uses and not record.used:
        listed = _listed_now(None, record.uses, len(uses))
        _note(database, visa, listed)
    elsewhere = listed.elsewhere if listed is not None else 0
    limits = [use.allowed for use in uses] + ([record.entries] if record is not None else [])
    change = None
    if record is not None:
        try:
            change = put(visa, _with_uses(record, uses, elsewhere))
        except ContractError:
            # A device's or post's name that no record can hold.
            change = put(visa, structs.replace(record, uses=elsewhere + len(uses), used=()))
    return Counted(
        visa=visa,
        uses=tuple(uses),
        elsewhere=elsewhere,
        allowed=min((limit for limit in limits if limit > 0), default=0),
        change=change if change != held else None,
    )


def _with_uses(record: VisaRecord, uses: list[Use], elsewhere: int) -> VisaRecord:
    told = tuple(use.fact for use in uses[-MOST_TOLD:])
    return structs.replace(record, uses=elsewhere + len(uses), used=told)


def _listed(database: Database, visa: str) -> Listed | None:
    row = database.one("SELECT uses, elsewhere FROM visa_listed WHERE visa = ?", [visa])
    return None if row is None else Listed(*row)


def _listed_now(before: Listed | None, uses: int, here: int) -> Listed:
    """What a list that says `uses` means, where `here` of them are in journals that are here.

    The list knows those by this centre's exports, so only what is beyond them is elsewhere. The same number said
    again says nothing new, and a higher one never makes fewer of what was elsewhere.
    """
    if before is not None and before.uses == uses:
        return before
    beyond = max(0, uses - here)
    if before is not None and uses > before.uses:
        beyond = max(beyond, before.elsewhere)
    return Listed(uses, beyond)


def _note(database: Database, visa: str, listed: Listed) -> None:
    database.execute(
        "INSERT INTO visa_listed (visa, uses, elsewhere) VALUES (?, ?, ?)"
        " ON CONFLICT (visa) DO UPDATE SET uses = excluded.uses, elsewhere = excluded.elsewhere",
        [visa, listed.uses, listed.elsewhere],
    )
