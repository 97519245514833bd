"""The ledger of passages: one row for each movement and late entry, as its corrections have it.

The journal is the truth; these rows are its words laid out so that uses of visas and open stays can be counted. Order
of arrival does not matter: a correction may come before what it corrects, and an entry that comes a second time (a
device carries what it cannot know to be here into its next stream) counts once, by its id. Callers hold the
transaction, alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, structs

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.centre.values import AlarmCode, AlarmNote
from mqtt_schemas.entries import Correction, Decision, Direction, LateEntry, Movement, read_entry
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import stay_document
from mqtt_schemas.records import Regime

VISA = "visa "
STAY = "stay "
"""What a subject of the table `touched` begins with."""

_VISA = re.compile(r"[0-9a-f]{16}")
"""What the visa list knows a visa by; another text is somebody's mistake, and no use can be told of it."""
_MOST_DAYS = 65_535
_COLUMNS = (
    "entry", "stream", "sequence", "device", "post", "kind", "inspection", "direction", "occurred_at", "counts",
    "visa", "entries", "document", "days",
)  # fmt: skip
_PUT = (
    f"INSERT INTO passage ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
    f" ON CONFLICT (entry) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[7:])}"
)
_GET = f"SELECT {', '.join(_COLUMNS)} FROM passage WHERE entry = ?"  # noqa: S608


class Passage(Struct, frozen=True):
    """One passage as it holds now; fields as the table's columns."""

    entry: str
    stream: int
    sequence: int
    device: str
    post: str
    kind: str
    inspection: str
    direction: str
    occurred_at: str
    counts: int
    visa: str
    entries: int
    document: bytes
    days: int

    @property
    def subjects(self) -> Iterator[str]:
        """What is to be published anew when this changes."""
        if self.visa:
            yield f"{VISA}{self.visa}"
        if self.document:
            yield f"{STAY}{self.document.hex()}"


class Origin(Struct, frozen=True):
    """Whose journal an entry is of."""

    stream: int
    device: str
    post: str
    epoch: str
    """Hexadecimal."""


class Ledger:
    """Writes it. `key` is that of documents' hashes. Raises what Database raises."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key
        self.alarms: list[tuple[str, AlarmNote]] = []
        """Raised on the way, each with its device."""
        self._touched: dict[str, None] = {}

    def take(self, origin: Origin, sequence: int, body: bytes) -> None:
        """Note an entry; one that is no passage and no correction changes nothing, one that cannot be read is
        flagged: when it was taken in, only its beginning was looked at."""
        try:
            entry = read_entry(body)
        except Malformed as error:
            self._unreadable(origin, sequence, error.detail)
            return
        if isinstance(entry, Correction):
            self._correction(origin, sequence, body, entry)
        elif isinstance(entry, Movement | LateEntry):
            self._passage(origin, sequence, body, entry)

    def close(self) -> tuple[str, ...]:
        """Note what is to be published anew, and return it."""
        self._database.execute_many(
            "INSERT INTO touched (subject) VALUES (?) ON CONFLICT (subject) DO NOTHING",
            [(subject,) for subject in self._touched],
        )
        touched = tuple(self._touched)
        self._touched.clear()
        return touched

    def _unreadable(self, origin: Origin, sequence: int, detail: str) -> None:
        self._database.execute(
            "INSERT INTO unreadable (stream, sequence) VALUES (?, ?) ON CONFLICT (stream, sequence) DO NOTHING",
            [origin.stream, sequence],
        )
        note = AlarmNote(AlarmCode.UNREADABLE_ENTRY, f"entry {sequence}: {detail}", origin.epoch)
        self.alarms.append((origin.device, note))

    def _passage(self, origin: Origin, sequence: int, body: bytes, entry: Movement | LateEntry) -> None:
        held = self._database.one("SELECT stream, sequence FROM passage WHERE entry = ?", [entry.id])
        if held is not None:
            self._repeated(origin, sequence, body, entry.id, held)
            return
        self._put(None, passage_of(entry, origin, sequence, self._corrections(entry.id), self._key))

    def _correction(self, origin: Origin, sequence: int, body: bytes, entry: Correction) -> None:
        held = self._database.one("SELECT stream, sequence FROM correction WHERE entry = ?", [entry.id])
        if held is not None:
            self._repeated(origin, sequence, body, entry.id, held)
            return
        self._database.execute(
            "INSERT INTO correction (entry, corrects, stream, sequence) VALUES (?, ?, ?, ?)",
            [entry.id, entry.corrects, origin.stream, sequence],
        )
        row = self._database.one(_GET, [entry.corrects])
        if row is None:
            return
        before = Passage(*row)
        corrected = self._read(before.stream, before.sequence)
        if isinstance(corrected, Movement | LateEntry):
            place = Origin(before.stream, before.device, before.post, "")
            after = passage_of(corrected, place, before.sequence, self._corrections(before.entry), self._key)
            self._put(before, after)

    def _put(self, before: Passage | None, after: Passage) -> None:
        if after == before:
            return
        self._database.execute(_PUT, structs.astuple(after))
        for passage in (before, after):
            if passage is not None:
                self._touched.update(dict.fromkeys(passage.subjects))

    def _repeated(self, origin: Origin, sequence: int, body: bytes, entry: str, held: tuple[int, int]) -> None:
        if held == (origin.stream, sequence):
            return
        self._database.execute(
            "INSERT INTO repeated (stream, sequence, entry) VALUES (?, ?, ?)"
            " ON CONFLICT (stream, sequence) DO NOTHING",
            [origin.stream, sequence, entry],
        )
        if self._body(*held) != body:
            self.alarms.append((origin.device, AlarmNote(AlarmCode.ENTRY_TWICE, f"entry {sequence}: {entry}", entry)))

    def _corrections(self, entry: str) -> list[Correction]:
        """Of an entry, in the order in which they were written down."""
        rows = self._database.rows("SELECT stream, sequence FROM correction WHERE corrects = ?", [entry])
        found = [
            (read.recorded_at, place, read)
            for place in list(rows)
            if isinstance(read := self._read(*place), Correction)
        ]
        return [correction for _, _, correction in sorted(found, key=lambda item: item[:2])]

    def _read(self, stream: int, sequence: int) -> object:
        body = self._body(stream, sequence)
        return read_entry(body) if body is not None else None

    def _body(self, stream: int, sequence: int) -> bytes | None:
        row = self._database.one("SELECT body FROM journal WHERE stream = ? AND sequence = ?", [stream, sequence])
        return None if row is None else bytes(row[0])


def passage_of(
    entry: Movement | LateEntry, origin: Origin, sequence: int, corrections: Sequence[Correction], key: bytes
) -> Passage:
    """An entry's passage with its corrections; of several of one field the latest holds."""
    changes: dict[str, str] = {}
    for correction in corrections:
        if not correction.annuls:
            changes.update(correction.changes)
    document = entry.document
    seal = entry.visa if isinstance(entry, Movement) else None
    visa = entry.visa_id if isinstance(entry, LateEntry) else seal.visa_id if seal is not None else ""
    visa = changes.get("visa_id", changes.get("visa.visa_id", visa))
    issuer = changes.get("document.issuer", document.issuer if document is not None else "")
    number = changes.get("document.number", document.number if document is not None else "")
    # A country's own nationals stay as long as they like: nobody asks.
    asked = bool(number) and not (isinstance(entry, Movement) and entry.regime == Regime.NATIONAL)
    admitted = Decision(changes.get("decision", entry.decision)) is Decision.ADMIT
    return Passage(
        entry=entry.id,
        stream=origin.stream,
        sequence=sequence,
        device=origin.device,
        post=origin.post,
        kind=str(entry.__struct_config__.tag),
        inspection=entry.inspection_id,
        direction=Direction(changes.get("direction", entry.direction)).value,
        occurred_at=_moment(changes, entry.occurred_at),
        counts=int(admitted and not any(correction.annuls for correction in corrections)),
        visa=visa if _VISA.fullmatch(visa) else "",
        entries=seal.entries if seal is not None else 0,
        document=stay_document(key, issuer, number) if asked else b"",
        days=_days(changes, entry.stay_days),
    )


def _moment(changes: Mapping[str, Any], otherwise: datetime) -> str:
    try:
        moment = datetime.fromisoformat(changes["occurred_at"])
        return stamp(moment if moment.tzinfo is not None else otherwise)
    except (KeyError, ValueError, OverflowError):
        return stamp(otherwise)


def _days(changes: Mapping[str, str], otherwise: int) -> int:
    try:
        return min(max(0, int(changes["stay_days"])), _MOST_DAYS)
    except (KeyError, ValueError):
        return min(otherwise, _MOST_DAYS)
