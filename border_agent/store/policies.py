"""Policies that were in force once. Each decision names the issue of the feed it was made under, so all stay."""

from __future__ import annotations

from border_agent.store.database import Store
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import Feed, read_record
from mqtt_schemas.records import Policy


class Policies:
    """Past and present policies. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def at(self, version: int) -> Policy | None:
        """The policy that was in force in an issue of the feed: the one put last until then. None where there was
        none, where that one had been deleted or cannot be read, or where the issue never came here."""
        with self._store.reading() as connection:
            (newest,) = connection.execute(
                "SELECT coalesce(max(version), 0) FROM feed WHERE name = ?", (Feed.POLICY.value,)
            ).fetchone()
            if version > newest:
                return None
            rows = connection.execute(
                "SELECT record FROM feed_row r WHERE feed = :feed AND version <= :version AND record IS NOT NULL"
                " AND NOT EXISTS (SELECT 1 FROM feed_row n WHERE n.feed = r.feed AND n.key = r.key"
                " AND n.version > r.version AND n.version <= :version) ORDER BY version DESC LIMIT 1",
                {"feed": Feed.POLICY.value, "version": version},
            ).fetchall()
        return _policy(bytes(rows[0][0])) if rows else None

    def named(self, policy_id: str) -> Policy | None:
        """The newest policy of a name; None where none came here."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT record FROM feed_row WHERE feed = ? AND key = ? AND record IS NOT NULL"
                " ORDER BY version DESC LIMIT 1",
                (Feed.POLICY.value, policy_id),
            ).fetchone()
        return _policy(bytes(row[0])) if row is not None else None


def _policy(record: bytes) -> Policy | None:
    try:
        return read_record(Policy, record)
    except Malformed:
        return None
