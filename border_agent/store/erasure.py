"""Erasing evidence: what the centre holds, and the policy no longer wants here, goes for good.

A day goes as a whole: its records and pictures as far as the centre holds them, and with the last picture the day's
key. Freed pages are overwritten and the log is emptied; what a disk may still have of a picture elsewhere opens under
no key any more. Entries stay, and the chain holds: it names evidence by its SHA-256 only.

What the centre does not hold stays, however old: nothing is lost because a line was cut. So does the record of a
referral that nobody has settled: it is still to be handed over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, structs

from border_agent.store.database import Store
from border_agent.store.evidence_keys import day_of
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import stamp

_PORTION: Final = 16
"""Pieces of one transaction: some two megabytes, because a decision waits behind it."""


class Erased(Struct, frozen=True, kw_only=True):
    """What went."""

    records: int = 0
    pictures: int = 0
    days: tuple[str, ...] = ()
    """Days whose key was destroyed."""
    more: bool = False
    """There is more to erase."""
    clean: bool = True
    """The log is emptied too; False: somebody was reading, it is tried again."""

    def __add__(self, other: Erased) -> Erased:
        return Erased(
            records=self.records + other.records,
            pictures=self.pictures + other.pictures,
            days=self.days + other.days,
            more=other.more,
        )

    @property
    def anything(self) -> bool:
        return bool(self.records or self.pictures or self.days)


def erase(store: Store, keep_days: int, at: datetime) -> Erased:
    """Erase what is of days more than `keep_days` before the day of `at` (0: of every day that is over).

    In small transactions, so that a decision may pass. Raises StoreError; it is safe to call again.
    """
    erased = erase_some(store, keep_days, at)
    while erased.more:
        erased += erase_some(store, keep_days, at)
    return structs.replace(erased, clean=store.truncate_log()) if erased.anything else erased


def erase_some(store: Store, keep_days: int, at: datetime) -> Erased:
    """One step of `erase`; the log is left for the end (`Store.truncate_log`). Raises StoreError."""
    before = day_of(at - timedelta(days=keep_days))
    with store.writing() as connection:
        _overwriting(connection)
        records = _erase_records(connection, before)
    if records == _PORTION:
        return Erased(records=records, more=True)
    with store.writing() as connection:
        _overwriting(connection)
        pictures = _erase_pictures(connection, before, at)
    if pictures == _PORTION:
        return Erased(records=records, pictures=pictures, more=True)
    with store.writing() as connection:
        _overwriting(connection)
        days = _destroy_keys(connection, before, at)
    return Erased(records=records, pictures=pictures, days=days)


def erased_days(connection: Connection) -> dict[str, int]:
    """Pictures erased of each day whose key is destroyed. The caller holds the transaction."""
    rows = connection.execute(
        "SELECT day, pieces FROM evidence_erased WHERE day NOT IN (SELECT day FROM evidence_key) ORDER BY day"
    )
    return dict(rows.fetchall())


def _overwriting(connection: Connection) -> None:
    """From here on what is deleted on this connection is overwritten, too, and not only forgotten."""
    connection.execute("PRAGMA secure_delete = ON").fetchone()


def _erase_records(connection: Connection, before: str) -> int:
    names = connection.execute(
        "SELECT e.sha256 FROM evidence_state w JOIN evidence e ON e.sha256 = w.sha256"
        " WHERE w.whole_at IS NOT NULL AND e.kept_at < ? AND NOT EXISTS"
        " (SELECT 1 FROM referral r WHERE r.evidence = e.sha256 AND r.settled_at IS NULL) LIMIT ?",
        (before, _PORTION),
    ).fetchall()
    connection.executemany("DELETE FROM evidence WHERE sha256 = ?", names)
    connection.executemany("DELETE FROM evidence_state WHERE sha256 = ?", names)
    return len(names)


def _erase_pictures(connection: Connection, before: str, at: datetime) -> int:
    rows = connection.execute(
        "SELECT sha256, day FROM evidence_blob WHERE whole_at IS NOT NULL AND day < ? LIMIT ?", (before, _PORTION)
    ).fetchall()
    connection.executemany("DELETE FROM evidence_blob WHERE sha256 = ?", [(name,) for name, _ in rows])
    connection.executemany(
        "INSERT INTO evidence_erased (day, at, pieces) VALUES (?, ?, 1)"
        " ON CONFLICT (day) DO UPDATE SET at = excluded.at, pieces = pieces + 1",
        [(day, stamp(at)) for _, day in rows],
    )
    return len(rows)


def _destroy_keys(connection: Connection, before: str, at: datetime) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT day FROM evidence_key k WHERE day < ?"
        " AND NOT EXISTS (SELECT 1 FROM evidence_blob b WHERE b.day = k.day) ORDER BY day",
        (before,),
    ).fetchall()
    connection.executemany("DELETE FROM evidence_key WHERE day = ?", rows)
    connection.executemany(
        "INSERT INTO evidence_erased (day, at, pieces) VALUES (?, ?, 0)"
        " ON CONFLICT (day) DO UPDATE SET at = excluded.at",
        [(day, stamp(at)) for (day,) in rows],
    )
    return tuple(day for (day,) in rows)
