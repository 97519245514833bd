"""Referrals: a kiosk's finished inspections that wait for an officer of the post, until somebody settles them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import stamp
from mqtt_schemas.entries import Decision, Direction

EXPIRED: Final = "expired"
"""Settled by nobody: the traveller is long gone, or was inspected anew."""


class Referred(Struct, frozen=True, kw_only=True):
    """An inspection handed over. Give it to `Journal.commit` with its entry and evidence."""

    inspection: str
    entry: str
    """Id of the journal entry that says so."""
    evidence: bytes
    """SHA-256 of the stored evidence."""
    direction: Direction
    started_at: datetime
    finished_at: datetime

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        connection.execute(
            "INSERT INTO referral (inspection, entry, evidence, direction, started_at, finished_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                self.inspection,
                self.entry,
                self.evidence,
                self.direction.value,
                stamp(self.started_at),
                stamp(self.finished_at),
            ),
        )


class Referral(Struct, frozen=True, kw_only=True):
    """One that nobody has settled yet."""

    inspection: str
    entry: str
    evidence: bytes
    direction: Direction
    proposal: Decision
    """Of the entry; `unknown` where it cannot be told."""
    started_at: datetime
    finished_at: datetime


class Referrals:
    """The referrals of this device. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def unsettled(self) -> tuple[Referral, ...]:
        """All that wait, the oldest first."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT r.inspection, r.entry, r.evidence, r.direction, r.started_at, r.finished_at,"
                " coalesce(p.proposal, '') FROM referral r LEFT JOIN passage p ON p.entry = r.entry"
                " WHERE r.settled_at IS NULL ORDER BY r.finished_at, r.inspection"
            ).fetchall()
        return tuple(
            Referral(
                inspection=row[0],
                entry=row[1],
                evidence=bytes(row[2]),
                direction=Direction(row[3]),
                started_at=datetime.fromisoformat(row[4]),
                finished_at=datetime.fromisoformat(row[5]),
                proposal=Decision(row[6]),
            )
            for row in rows
        )

    def settle(self, inspection: str, settled_as: str, at: datetime) -> bool:
        """It is dealt with, durably; False where there is no such one, or it was before."""
        with self._store.writing() as connection:
            return bool(
                connection.execute(
                    "UPDATE referral SET settled_at = ?, settled_as = ? WHERE inspection = ? AND settled_at IS NULL",
                    (stamp(at), settled_as, inspection),
                ).rowcount
            )
