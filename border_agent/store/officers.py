"""Officers' sign-in at this device: password, authenticator, security keys, and what a supervisor did about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.journal import Change
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import moment, stamp

_COLUMNS = (
    "number, activation, password, totp, totp_step, activated_at, expires_at, suspended_at, suspended_by, wrong,"
    " locked_until, language, theme"
)


class OfficerRow(Struct, frozen=True, kw_only=True):
    """One number's row. Somebody who never finished an activation here may have one: suspended, or locked out."""

    number: str
    activation: str = ""
    """Id of the activation that the sign-in stands on; empty: none was finished here."""
    password: str = ""
    """Argon2id, PHC string."""
    totp: bytes = b""
    totp_step: int = 0
    """The newest time step whose code was taken."""
    activated_at: datetime | None = None
    expires_at: datetime | None = None
    suspended_at: datetime | None = None
    suspended_by: str = ""
    wrong: int = 0
    locked_until: datetime | None = None
    language: str = ""
    theme: str = ""


class OfficerKey(Struct, frozen=True, kw_only=True):
    """A security key (WebAuthn)."""

    id: bytes
    number: str
    public: bytes
    """COSE key."""
    sign_count: int
    name: str
    added_at: datetime


class OfficerChanged(Struct, frozen=True, kw_only=True):
    """Columns of one officer's row; for `Journal.commit`, or by `Officers.put`."""

    number: str
    values: dict[str, str | int | bytes | datetime | None]

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        connection.execute(
            "INSERT INTO officer (number, activation, password, totp, totp_step, activated_at, expires_at,"
            " suspended_at, suspended_by, wrong, locked_until, language, theme)"
            " VALUES (?, '', '', x'', 0, '', '', NULL, NULL, 0, NULL, '', '') ON CONFLICT (number) DO NOTHING",
            (self.number,),
        )
        names = ", ".join(f"{name} = ?" for name in self.values)
        values = [stamp(value) if isinstance(value, datetime) else value for value in self.values.values()]
        # The names are this software's own, never anybody's input.
        connection.execute(f"UPDATE officer SET {names} WHERE number = ?", (*values, self.number))  # noqa: S608


class ActivationUsed(Struct, frozen=True, kw_only=True):
    """An activation that was finished here; security keys of the sign-in before end with it."""

    id: str
    number: str

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        connection.execute("INSERT INTO used_activation (id, used_at) VALUES (?, ?)", (self.id, stamp(at)))
        connection.execute("DELETE FROM officer_key WHERE number = ?", (self.number,))


class KeyAdded(Struct, frozen=True, kw_only=True):
    """A new security key."""

    key: OfficerKey

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        key = self.key
        connection.execute(
            "INSERT INTO officer_key (id, number, public, sign_count, name, added_at) VALUES (?, ?, ?, ?, ?, ?)",
            (key.id, key.number, key.public, key.sign_count, key.name, stamp(key.added_at)),
        )


class KeyRemoved(Struct, frozen=True, kw_only=True):
    """A security key that no longer serves."""

    id: bytes
    number: str

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        connection.execute("DELETE FROM officer_key WHERE id = ? AND number = ?", (self.id, self.number))


class KeyCounted(Struct, frozen=True, kw_only=True):
    """How often a security key says that it has signed."""

    id: bytes
    sign_count: int

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`."""
        connection.execute("UPDATE officer_key SET sign_count = ? WHERE id = ?", (self.sign_count, self.id))


class OfficerRows:
    """The rows. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, number: str) -> OfficerRow | None:
        """A number's row."""
        with self._store.reading() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM officer WHERE number = ?", (number,)).fetchone()  # noqa: S608
        return _row(row) if row is not None else None

    def all(self) -> dict[str, OfficerRow]:
        """Every row by number."""
        with self._store.reading() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM officer").fetchall()  # noqa: S608
        return {row[0]: _row(row) for row in rows}

    def put(self, *changes: Change, at: datetime) -> None:
        """Changes without an act of their own, durably."""
        with self._store.writing() as connection:
            for change in changes:
                change.apply(connection, at)

    def activation_used(self, activation: str) -> bool:
        """Whether this activation was finished here."""
        with self._store.reading() as connection:
            found = connection.execute("SELECT 1 FROM used_activation WHERE id = ?", (activation,)).fetchone()
        return found is not None

    def keys(self, number: str) -> tuple[OfficerKey, ...]:
        """A number's security keys, the oldest first."""
        with self._store.reading() as connection:
            rows: Sequence[Any] = connection.execute(
                "SELECT id, number, public, sign_count, name, added_at FROM officer_key WHERE number = ?"
                " ORDER BY added_at, id",
                (number,),
            ).fetchall()
        return tuple(
            OfficerKey(
                id=bytes(row[0]),
                number=row[1],
                public=bytes(row[2]),
                sign_count=row[3],
                name=row[4],
                added_at=datetime.fromisoformat(row[5]),
            )
            for row in rows
        )

    def has_key(self, key_id: bytes) -> bool:
        """Whether somebody has this security key."""
        with self._store.reading() as connection:
            found = connection.execute("SELECT 1 FROM officer_key WHERE id = ?", (key_id,)).fetchone()
        return found is not None

    def key_counts(self) -> dict[str, int]:
        """How many security keys each number has."""
        with self._store.reading() as connection:
            rows = connection.execute("SELECT number, count(*) FROM officer_key GROUP BY number").fetchall()
        return dict(rows)


def _row(row: tuple[Any, ...]) -> OfficerRow:
    return OfficerRow(
        number=row[0],
        activation=row[1],
        password=row[2],
        totp=bytes(row[3]),
        totp_step=row[4],
        activated_at=moment(row[5]),
        expires_at=moment(row[6]),
        suspended_at=moment(row[7]),
        suspended_by=row[8] or "",
        wrong=row[9],
        locked_until=moment(row[10]),
        language=row[11],
        theme=row[12],
    )
