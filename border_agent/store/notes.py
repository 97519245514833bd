"""Small values that outlive a restart: the keys document last believed, and the like."""

from __future__ import annotations

from border_agent.store.database import Store


class Notes:
    """Named values. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, name: str) -> bytes | None:
        """A value; None where there is none."""
        with self._store.reading() as connection:
            row = connection.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return bytes(row[0]) if row is not None else None

    def put(self, name: str, value: bytes) -> None:
        """Set a value, durably."""
        with self._store.writing() as connection:
            connection.execute(
                "INSERT INTO note (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )
