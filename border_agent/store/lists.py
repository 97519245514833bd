"""The lists from the centre: visas, watch-list, signers of visas, authorities of chips, policy.

What is installed answers; nothing else does.

Every change of a feed is a row under its version, and a list's installed version says up to where rows answer. So
changes are staged in small transactions, survive a restart, and are installed by moving one number: all at once, in
less than a millisecond, whatever their number. A decision never waits for a list.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from border_agent.store.database import Store
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import moment
from border_agent.store.terms import (
    document_term,
    name_term,
    same_birth,
    same_given_names,
    same_surname,
)
from border_agent.store.watch_rows import WatchRows
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import STAYS_KEY, Feed, feed_genesis, read_record, stay_document
from mqtt_schemas.records import (
    CscaRecord,
    DeviceRecord,
    OfficerRecord,
    Policy,
    SignerRecord,
    StayRecord,
    VisaRecord,
    WatchRecord,
)

_log = logging.getLogger(__name__)

R = TypeVar("R", bound=Struct)

_EVERY = """
    SELECT r.key, r.record FROM feed_row r
    WHERE r.feed = :feed AND r.version <= :version AND r.record IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM feed_row n WHERE n.feed = r.feed AND n.key = r.key
            AND n.version > r.version AND n.version <= :version)
    ORDER BY r.version
"""
# By the term first: left to itself SQLite takes the rows in their order and looks for the term of each. The feed with
# it, so that one statement is one look; a term that nothing has answers with the feed alone.
_BY_TERM = """
    SELECT f.version, f.head, r.key, r.record FROM feed f
    LEFT JOIN feed_term t ON t.feed = f.name AND t.term = :term AND t.version <= f.version
    LEFT JOIN feed_row r ON r.feed = t.feed AND r.version = t.version AND NOT EXISTS
        (SELECT 1 FROM feed_row n WHERE n.feed = r.feed AND n.key = r.key
            AND n.version > r.version AND n.version <= f.version)
    WHERE f.name = :feed
    ORDER BY t.version
"""
_BY_TERMS = """
    SELECT DISTINCT r.key, r.record FROM json_each(:terms) w
    CROSS JOIN feed_term t ON t.feed = :feed AND t.term = w.value AND t.version <= :version
    CROSS JOIN feed_row r ON r.feed = t.feed AND r.version = t.version
    WHERE NOT EXISTS (SELECT 1 FROM feed_row n WHERE n.feed = r.feed AND n.key = r.key
            AND n.version > r.version AND n.version <= :version)
"""


# The row straight from its key: two pages of the database, as many as plain SQLite with an index wants.
_BY_KEY = """
    SELECT f.version, f.head, r.key, r.record FROM feed f
    LEFT JOIN feed_row r ON r.feed = f.name AND r.key = :key AND r.version <= f.version
    WHERE f.name = :feed
    ORDER BY r.version DESC LIMIT 1
"""


class ListInfo(Struct, frozen=True, kw_only=True):
    """An installed list: which issue, and how old it is."""

    name: str
    version: int
    head: bytes
    issued: datetime
    expires: datetime
    installed_at: datetime


class Answer(Struct, Generic[R], frozen=True, kw_only=True):
    """What a list answered, and in which issue. Version 0: there is no list to ask."""

    records: tuple[R, ...]
    version: int
    head: bytes
    newest_unreadable: bool = False
    """The record put last cannot be read, and so is not among `records`."""


class Lists:
    """The installed lists. Thread-safe; raises StoreError. A record that cannot be read counts as not there."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unreadable: set[str] = set()

    def info(self, feed: str) -> ListInfo | None:
        """An installed list's issue; None where none was ever installed."""
        return next((info for info in self.infos() if info.name == feed), None)

    def infos(self) -> tuple[ListInfo, ...]:
        """Every installed list."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT name, version, head, issued, expires, installed_at FROM feed"
                " WHERE installed_at IS NOT NULL ORDER BY name"
            ).fetchall()
        return tuple(_info(row) for row in rows)

    def visa(self, visa_id: str) -> Answer[VisaRecord]:
        """The visa of this id (16 hexadecimal digits): one record or none."""
        answer = self._find(Feed.VISAS, VisaRecord, _BY_KEY, key=visa_id)
        return _only(answer, lambda record: record.visa_id == visa_id)

    def stay(self, issuer: str, number: str) -> Answer[StayRecord]:
        """The open stay with a travel document: one record or none. The list names documents by a hash, whose key is
        one of its records; without it nothing is found."""
        keys = self._find(Feed.STAYS, StayRecord, _BY_KEY, key=STAYS_KEY) if number else None
        if keys is None or not keys.records:
            return self._nothing(Feed.STAYS)
        document = stay_document(keys.records[0].hash_key, issuer, number)
        answer = self._find(Feed.STAYS, StayRecord, _BY_KEY, key=document.hex())
        return _only(answer, lambda record: record.document == document and record.entered_at is not None)

    def visas_of(self, issuer: str, number: str) -> Answer[VisaRecord]:
        """All visas of a travel document."""
        answer = self._find(Feed.VISAS, VisaRecord, _BY_TERM, term=document_term(number))
        return _only(answer, lambda record: (record.document_issuer, record.document_number) == (issuer, number))

    def watch_document(self, issuer: str, number: str) -> Answer[WatchRecord]:
        """Lines of the watch-list that name this document; one without an issuing state fits every state's."""
        answer = self._find(Feed.WATCHLIST, WatchRecord, _BY_TERM, term=document_term(number)) if number else None
        if answer is None:
            return self._nothing(Feed.WATCHLIST)
        return _only(
            answer,
            lambda record: record.document_number == number and record.document_issuer in ("", issuer),
        )

    def watch_identity(self, surname: str, given_names: str, birth: str) -> Answer[WatchRecord]:
        """Lines of the watch-list that fit this person; names as in an MRZ with spaces, birth as in `WatchRecord`.

        The surname must agree (cut names included); given names and birth must not contradict. What is unknown
        on either side contradicts nothing.
        """
        answer = (
            self._find(Feed.WATCHLIST, WatchRecord, _BY_TERM, term=name_term(surname)) if surname.strip() else None
        )
        if answer is None:
            return self._nothing(Feed.WATCHLIST)
        return _only(
            answer,
            lambda record: (
                same_surname(record.surname, surname)
                and same_given_names(record.given_names, given_names)
                and same_birth(record.birth, birth)
            ),
        )

    def watch_numbers(self, numbers: Sequence[str]) -> Answer[WatchRecord]:
        """Lines of the watch-list that name a document of one of these numbers, whoever issued it."""
        terms = json.dumps([document_term(number) for number in numbers if number])
        return self._ask(Feed.WATCHLIST, WatchRecord, _BY_TERMS, terms=terms)

    def watch_rows(self) -> WatchRows:
        """The watch-list's persons, for whoever keeps them in memory."""
        return WatchRows(self._store)

    def signers(self) -> Answer[SignerRecord]:
        """Every visa signer."""
        return self._all(Feed.TRUST, SignerRecord)

    def policies(self) -> Answer[Policy]:
        """Every policy, the newest last."""
        return self._all(Feed.POLICY, Policy)

    def policy(self) -> Policy | None:
        """The policy in force: the one put last. None where there is none yet, or where that one cannot be read: it
        has ended the one before, whose table must not go on admitting people."""
        answer = self.policies()
        return answer.records[-1] if answer.records and not answer.newest_unreadable else None

    def officers(self) -> Answer[OfficerRecord]:
        """Every officer, the one put last at the end."""
        return self._all(Feed.OFFICERS, OfficerRecord)

    def authorities(self) -> Answer[CscaRecord]:
        """Every state's authority for chips."""
        return self._all(Feed.CSCA, CscaRecord)

    def devices(self) -> Answer[DeviceRecord]:
        """Every device of the register."""
        return self._all(Feed.DEVICES, DeviceRecord)

    def version(self, feed: Feed) -> int:
        """A list's installed issue, cheaply: whoever keeps what it answered asks this first. 0: none."""
        with self._store.reading() as connection:
            return installed(connection, feed)[0]

    def _find(self, feed: Feed, kind: type[R], query: str, **parameters: str) -> Answer[R]:
        """By a query that answers with the feed's version and head, too: a look-up is one statement."""
        with self._store.reading(single=True) as connection:
            rows = connection.execute(query, {"feed": feed.value, **parameters}).fetchall()
        if not rows:
            return Answer(records=(), version=0, head=feed_genesis(feed))
        found = [(key, record) for _, _, key, record in rows if record is not None]
        return self._answer(feed, kind, rows[0][0], bytes(rows[0][1]), found)

    def _all(self, feed: Feed, kind: type[R]) -> Answer[R]:
        return self._ask(feed, kind, _EVERY)

    def _nothing(self, feed: Feed) -> Answer[Any]:
        with self._store.reading() as connection:
            version, head = installed(connection, feed)
        return Answer(records=(), version=version, head=head)

    def _ask(self, feed: Feed, kind: type[R], query: str, **parameters: str) -> Answer[R]:
        with self._store.reading() as connection:
            version, head = installed(connection, feed)
            rows = connection.execute(query, {"feed": feed.value, "version": version, **parameters}).fetchall()
        return self._answer(feed, kind, version, head, rows)

    def _answer(
        self, feed: Feed, kind: type[R], version: int, head: bytes, rows: Sequence[tuple[str, bytes]]
    ) -> Answer[R]:
        records, unreadable = [], False
        for key, data in rows:
            try:
                records.append(read_record(kind, bytes(data)))
                unreadable = False
            except Malformed as error:
                unreadable = True
                if (feed_key := f"{feed.value}/{key}") not in self._unreadable:
                    self._unreadable.add(feed_key)
                    _log.error("a record of list %s cannot be read: %s", feed.value, error.code)
        return Answer(records=tuple(records), version=version, head=head, newest_unreadable=unreadable)


def installed(connection: Connection, feed: str) -> tuple[int, bytes]:
    """A list's installed version and head; 0 and the feed's genesis where there is none."""
    row = connection.execute("SELECT version, head FROM feed WHERE name = ?", (str(feed),)).fetchone()
    return (int(row[0]), bytes(row[1])) if row is not None else (0, feed_genesis(feed))


def _info(row: tuple[Any, ...]) -> ListInfo:
    issued, expires, installed_at = (moment(text) for text in row[3:6])
    assert issued is not None
    assert expires is not None
    assert installed_at is not None
    return ListInfo(
        name=row[0],
        version=row[1],
        head=bytes(row[2]),
        issued=issued,
        expires=expires,
        installed_at=installed_at,
    )


def _only(answer: Answer[R], fits: Any) -> Answer[R]:
    return Answer(
        records=tuple(record for record in answer.records if fits(record)),
        version=answer.version,
        head=answer.head,
    )
