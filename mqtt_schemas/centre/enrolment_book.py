"""What was done with devices, by whom and why: a book that is only ever written on, and what was handed to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.errors import ContractError
from mqtt_schemas.messages import State, decode

_EVENT = (
    "SELECT id, what, device, post, person, reason, at, journal_key, epoch, mark, head, said_sequence,"
    " said_acknowledged FROM enrolment_event"
)

_ANSWER = "SELECT event, answer, names, expires FROM enrolment_answer"


class What(StrEnum):
    """What was done. Words: `enrolment.<what>`."""

    ENROLLED = "enrolled"
    RENEWED = "renewed"
    MOVED = "moved"
    RETIRED = "retired"
    REPLACED = "replaced"
    CLONED = "cloned"
    BROUGHT = "brought"
    """The end of its journal came by stick."""


class LastKnown(Struct, frozen=True, kw_only=True):
    """A device's journal, as far as this side knows of it."""

    epoch: bytes = b""
    """Of its newest stream; empty: it has sent nothing."""
    mark: int = 0
    """Up to where that is stored here."""
    head: bytes = b""
    said_sequence: int = 0
    """Where its journal ended when it last said so."""
    said_acknowledged: int = 0

    @property
    def said_unsent(self) -> int:
        """Entries it was known to have and this side has not."""
        return max(0, self.said_sequence - self.mark)


class Event(Struct, frozen=True, kw_only=True):
    """A line of the book."""

    number: int
    what: str
    device: str
    post: str
    person: str
    reason: str
    at: str
    journal_key: bytes
    known: LastKnown


class Answer(Struct, frozen=True):
    """What a device was handed, and when its certificate ends."""

    number: int
    answer: bytes
    names: tuple[str, ...]
    expires: str


class Book:
    """The book of a centre's database; writing needs a transaction around it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(
        self,
        what: What,
        device: str,
        post: str,
        journal_key: bytes,
        *,
        person: str,
        reason: str,
        at: datetime,
        known: LastKnown | None = None,
    ) -> int:
        """One line more; its number. What is known of the device's journal goes down with it."""
        known = known or self.last_known(device)
        (number,) = self._database.one(
            "INSERT INTO enrolment_event (what, device, post, person, reason, at, journal_key, epoch, mark, head,"
            " said_sequence, said_acknowledged) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            [
                what,
                device,
                post,
                person,
                reason,
                stamp(at),
                journal_key,
                known.epoch,
                known.mark,
                known.head,
                known.said_sequence,
                known.said_acknowledged,
            ],
        )
        return int(number)

    def handed(
        self, number: int, device: str, request: bytes, answer: bytes, names: tuple[str, ...], expires: datetime
    ) -> None:
        """What a device is handed with event `number`."""
        self._database.execute(
            "INSERT INTO enrolment_answer (event, device, request, answer, names, expires) VALUES (?, ?, ?, ?, ?, ?)",
            [number, device, request, answer, " ".join(names), stamp(expires)],
        )

    def events(self, device: str = "") -> list[Event]:
        """The book, oldest first; of one device, or of all."""
        where, values = (" WHERE device = ?", [device]) if device else ("", [])
        return [_event(row) for row in self._database.rows(f"{_EVENT}{where} ORDER BY id", values)]

    def answered(self, request: bytes) -> Answer | None:
        """What this very request was answered."""
        return _answer(self._database.one(f"{_ANSWER} WHERE request = ? ORDER BY event DESC LIMIT 1", [request]))

    def newest(self, device: str) -> Answer | None:
        """What a device was handed last."""
        return _answer(self._database.one(f"{_ANSWER} WHERE device = ? ORDER BY event DESC LIMIT 1", [device]))

    def burnt(self, journal_key: bytes) -> bool:
        """Whether these are the keys of a device that was cloned."""
        row = self._database.one(
            "SELECT id FROM enrolment_event WHERE journal_key = ? AND what = ?", [journal_key, What.CLONED]
        )
        return row is not None

    def brought(self, device: str, journal_key: bytes, known: LastKnown) -> bool:
        """Whether the journal of this machine was brought by stick, to the end it last said it had."""
        row = self._database.one(
            "SELECT id FROM enrolment_event WHERE device = ? AND journal_key = ? AND what = ?",
            [device, journal_key, What.BROUGHT],
        )
        return row is not None and not known.said_unsent

    def last_known(self, device: str) -> LastKnown:
        """What is stored of a device's newest stream, and what it last said of itself."""
        row = self._database.one(
            "SELECT epoch, mark, head FROM stream WHERE device = ? ORDER BY id DESC LIMIT 1", [device]
        )
        epoch, mark, head = (b"", 0, b"") if row is None else (bytes(row[0]), int(row[1]), bytes(row[2]))
        said = self._said(device)
        if said is None or (epoch and said.epoch not in (None, epoch)):
            return LastKnown(epoch=epoch, mark=mark, head=head)
        return LastKnown(
            epoch=epoch or said.epoch or b"",
            mark=mark,
            head=head,
            said_sequence=said.sequence,
            said_acknowledged=said.acknowledged,
        )

    def _said(self, device: str) -> State | None:
        row = self._database.one("SELECT state FROM device_state WHERE device = ?", [device])
        try:
            return None if row is None else decode(State, bytes(row[0]))
        except ContractError:
            return None


def _answer(row: Any) -> Answer | None:
    return None if row is None else Answer(int(row[0]), bytes(row[1]), tuple(row[2].split()), str(row[3]))


def _event(row: Any) -> Event:
    number, what, device, post, person, reason, at, key, epoch, mark, head, said, acknowledged = row
    return Event(
        number=number,
        what=what,
        device=device,
        post=post,
        person=person,
        reason=reason,
        at=at,
        journal_key=bytes(key),
        known=LastKnown(
            epoch=bytes(epoch),
            mark=mark,
            head=bytes(head),
            said_sequence=said,
            said_acknowledged=acknowledged,
        ),
    )
