"""Passages: who came through here, when, what was decided; for officers' look-ups, exit control and statistics."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from border_agent.documents.mrz import MrzAlphabet, transliterate
from border_agent.store.database import Store
from border_agent.store.errors import NotAppended, StoreDamaged
from border_agent.store.journal import MOST_AT_ONCE
from border_agent.store.passage_rows import (
    COLUMNS,
    Passage,
    Passing,
    Times,
    passage_of,
    read_passage,
    write_correction,
    write_passage,
)
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import current_stream, moment, stamp
from mqtt_schemas.entries import Correction, Decision, Direction, read_entry, write_entry
from mqtt_schemas.errors import Malformed

__all__ = ["MOST_FOUND", "CorrectionNoted", "Passage", "PassageNoted", "Passages", "Times"]

MOST_FOUND: Final = 500
"""Passages of one answer."""
_MOST_WORDS: Final = 8
_AFTER: Final = "\x7f"
"""Comes after every character of a document number."""
_NEWEST_FIRST: Final = "ORDER BY occurred_at DESC, stream DESC, sequence DESC"
_MOVED: Final = "annulled = 0 AND kind <> 'inspection' AND direction IN ('entry', 'exit')"


class PassageNoted(Struct, frozen=True, kw_only=True):
    """An entry's passage. Give it to `Journal.commit` with the entry."""

    entry: Passing
    times: Times = Times()

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`. Raises NotAppended where the commit has no such entry."""
        stream, sequence = _place(connection, self.entry)
        write_passage(connection, passage_of(self.entry, stream, sequence, self.times))


class CorrectionNoted(Struct, frozen=True, kw_only=True):
    """The passage of an entry that a correction puts right. Give it to `Journal.commit` with the correction."""

    correction: Correction

    def apply(self, connection: Connection, at: datetime) -> None:
        """See `journal.Change`. Raises NotAppended where the commit has no such entry."""
        write_correction(connection, self.correction, *_place(connection, self.correction))


class Passages:
    """What this device's journal says of travellers. Thread-safe; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def search(
        self,
        *,
        text: str = "",
        number: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        direction: Direction | None = None,
        decision: Decision | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[Passage, ...]:
        """Passages, the newest first, at most `MOST_FOUND`; annulled ones too.

        `text`: words in any script, each the beginning of a name's word or a part of a document number. `number`: a
        document number's beginning. `since` counts, `until` does not any more.
        """
        wanted: list[tuple[str, tuple[object, ...]]] = []
        for word in text.split()[:_MOST_WORDS]:
            letters, digits = _letters(word), _alphanumeric(word)
            # Neither holds a character that means anything to LIKE; what cannot be a name, or a number, fits none.
            wanted.append(
                (
                    "(' ' || surname || ' ' || given_names LIKE ? OR number LIKE ?)",
                    (f"% {letters}%" if letters else None, f"%{digits}%" if digits else None),
                )
            )
        if number.strip():
            beginning = _alphanumeric(number)
            if not beginning:
                return ()
            wanted.append(("number >= ? AND number < ?", (beginning, f"{beginning}{_AFTER}")))
        if since is not None:
            wanted.append(("occurred_at >= ?", (stamp(since),)))
        if until is not None:
            wanted.append(("occurred_at < ?", (stamp(until),)))
        if direction is not None:
            wanted.append(("direction = ?", (direction.value,)))
        if decision is not None:
            wanted.append(("decision = ?", (decision.value,)))
        where = " AND ".join(condition for condition, _ in wanted) or "1"
        values = [value for _, bound in wanted for value in bound]
        return self._find(f"{where} {_NEWEST_FIRST} LIMIT ? OFFSET ?", *values, _bounded(limit), max(0, offset))

    def of_document(self, issuer: str, number: str, limit: int = 20) -> tuple[Passage, ...]:
        """Passages with a travel document, the newest first; annulled ones too. Without a number: none."""
        if not number:
            return ()
        return self._find(f"number = ? AND issuer = ? {_NEWEST_FIRST} LIMIT ?", number, issuer, _bounded(limit))

    def of_group(self, group: str) -> tuple[Passage, ...]:
        """Passages of a group, and of the traveller after whose inspection it is named, the newest first."""
        if not group:
            return ()
        return self._find(f"(group_id = ? OR inspection = ?) {_NEWEST_FIRST} LIMIT ?", group, group, MOST_FOUND)

    def late(self, limit: int = 100) -> tuple[Passage, ...]:
        """Movements of days on paper, the one entered last first."""
        return self._find("kind = 'late_entry' ORDER BY stream DESC, sequence DESC LIMIT ?", _bounded(limit))

    def of_inspection(self, inspection: str) -> Passage | None:
        """What became of an inspection here; None: nothing yet."""
        return next(iter(self._find(f"inspection = ? {_NEWEST_FIRST} LIMIT 1", inspection)), None)

    def by_entry(self, entry: str) -> Passage | None:
        """The passage of a journal entry."""
        return next(iter(self._find("entry = ?", entry)), None)

    def last_movement(self, issuer: str, number: str) -> Passage | None:
        """The last admitted entry or exit with a document, by when it took place; None: there is none here."""
        if not number:
            return None
        last = self._find(
            f"number = ? AND issuer = ? AND decision = ? AND {_MOVED} {_NEWEST_FIRST} LIMIT 1",
            number,
            issuer,
            Decision.ADMIT.value,
        )
        return last[0] if last else None

    def open_stay(self, issuer: str, number: str) -> Passage | None:
        """The last admitted entry with a document that no admitted exit has followed; None: there is none here."""
        last = self.last_movement(issuer, number)
        return last if last is not None and last.direction is Direction.ENTRY else None

    def begun_at(self) -> datetime:
        """When the first epoch of this store was opened. Raises StoreDamaged where there is none."""
        with self._store.reading() as connection:
            row = connection.execute("SELECT min(opened_at) FROM stream").fetchone()
        begun = moment(row[0])
        if begun is None:
            raise StoreDamaged(str(self._store.path), "no epoch")
        return begun

    def entry(self, entry: str) -> Passing | None:
        """The journal's own entry behind a passage, as it was written; None where there is none that can be read."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT j.body FROM passage p JOIN journal j ON (j.stream, j.sequence) = (p.stream, p.sequence)"
                " WHERE p.entry = ?",
                (entry,),
            ).fetchone()
        try:
            found = read_entry(bytes(row[0])) if row is not None else None
        except Malformed:
            return None
        return found if isinstance(found, Passing) else None

    def corrections(self, entry: str) -> tuple[Correction, ...]:
        """The corrections of an entry, the oldest first."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT j.body FROM correction c JOIN journal j ON (j.stream, j.sequence) = (c.stream, c.sequence)"
                " WHERE c.corrects = ? ORDER BY c.stream, c.sequence",
                (entry,),
            ).fetchall()
        found = []
        for (body,) in rows:
            try:
                correction = read_entry(bytes(body))
            except Malformed:  # its text has gone by policy; what it changed stands in the passage
                continue
            if isinstance(correction, Correction):
                found.append(correction)
        return tuple(found)

    def _find(self, where: str, *values: object) -> tuple[Passage, ...]:
        with self._store.reading() as connection:
            # Conditions are the lines above; whatever was typed is bound.
            rows: list[tuple[Any, ...]] = connection.execute(
                f"SELECT {COLUMNS} FROM passage WHERE {where}",  # noqa: S608
                values,
            ).fetchall()
        return tuple(read_passage(row) for row in rows)


def _place(connection: Connection, entry: Passing | Correction) -> tuple[int, int]:
    """Stream and sequence of an entry that this transaction has appended."""
    stream = current_stream(connection)
    if stream is not None:
        row = connection.execute(
            "SELECT sequence FROM journal WHERE stream = ? AND sequence > ? AND body = ?",
            (stream.id, stream.sequence - MOST_AT_ONCE, write_entry(entry)),
        ).fetchone()
        if row is not None:
            return stream.id, int(row[0])
    raise NotAppended(entry.id, "noted without its entry")


def _letters(word: str) -> str:
    """A word of a name as an MRZ has it; empty where it cannot be one."""
    try:
        return transliterate(word)
    except MrzAlphabet:
        return ""


def _alphanumeric(word: str) -> str:
    """A word as a part of a document number: its letters and digits as capitals."""
    return "".join(letter for letter in word.upper() if letter.isascii() and letter.isalnum())


def _bounded(limit: int) -> int:
    return min(max(1, limit), MOST_FOUND)
