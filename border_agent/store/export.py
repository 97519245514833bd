"""The journal, or a part of it, as a file for an outsider (`mqtt_schemas.journal_file`): it proves itself.

Whatever is in the store goes out as it is, faults and all: finding them is the auditor's work. A range that ends in
the middle of the journal is followed by digests up to the next witnessed head, so that what it shows
can be held against it. The file is made beside its name and renamed when it is whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from border_agent.store import witness
from border_agent.store.database import Store
from border_agent.store.errors import NothingToExport
from border_agent.store.sqlcipher import Connection, translated
from border_agent.store.streams import moment
from border_agent.store.verify import Progress
from mqtt_schemas import chain
from mqtt_schemas.errors import Malformed
from mqtt_schemas.journal_file import FileKind, Header, JournalWriter
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.outside import parse, reader
from mqtt_schemas.whole import whole_file

MOST_BEYOND: Final = 100_000
"""Digests after a range, to the next witness: some weeks of a busy device."""
_PROGRESS: Final = 100


class Range(Struct, frozen=True, kw_only=True):
    """Which entries, both ends included; what is None does not limit."""

    epoch: bytes | None = None
    """Only of this one; None: numbers count in the newest epoch, times go over all of them."""
    first: int | None = None
    last: int | None = None
    since: datetime | None = None
    """Recorded then or later."""
    before: datetime | None = None
    """Recorded earlier."""


class Exported(Struct, frozen=True, kw_only=True):
    """A file that is complete."""

    device: str
    epochs: int
    entries: int
    without_body: int
    """Of them: digests only."""
    witnesses: int
    size: int
    """Bytes."""


class _Recorded(Struct):
    recorded_at: datetime | None = None


class _Part(Struct):
    """What of one stream goes out."""

    stream: int
    epoch: bytes
    device: str
    first: int
    last: int
    beyond: int
    """Up to here digests follow."""
    stands_at: tuple[int, bytes] | None
    """Where the stream's own row says that it ends, where the part goes to its end."""


def export_journal(
    store: Store,
    key: Ed25519PrivateKey,
    target: Path,
    wanted: Range,
    *,
    made_at: datetime,
    software: str,
    asked: tuple[str, str] = ("", ""),
    progress: Progress | None = None,
) -> Exported:
    """Write a range of this device's journal to `target`, mode 0600, its end signed by the journal key.

    Reads on a connection of its own, one look at the last commit, so it may run beside decisions. `asked` is how the
    range was named. Raises NothingToExport, StoreFull (no room at the target), StoreError, what `progress` raises;
    then nothing is left of the file.
    """
    with store.opened() as connection:
        connection.execute("BEGIN")
        parts = list(_parts(connection, wanted))
        if not parts:
            raise NothingToExport(str(store.path), "no entries in this range")
        header = Header(
            kind=FileKind.EXPORT,
            device=parts[-1].device,
            made_at=made_at,
            software=software,
            since=asked[0],
            to=asked[1],
        )
        with translated(target), whole_file(target) as file:
            exported = _Export(connection, JournalWriter(file, header), progress).run(parts, wanted, key)
            size = file.tell()
        connection.execute("ROLLBACK")
    return Exported(
        device=header.device,
        epochs=len({part.epoch for part in parts}),
        entries=exported.entries,
        without_body=exported.without_body,
        witnesses=exported.witnesses,
        size=size,
    )


class _Export:
    def __init__(self, connection: Connection, writer: JournalWriter, progress: Progress | None) -> None:
        self._connection = connection
        self._writer = writer
        self._progress = progress
        self._total = 0
        self.entries = 0
        self.without_body = 0
        self.witnesses = 0

    def run(self, parts: list[_Part], wanted: Range, key: Ed25519PrivateKey) -> _Export:
        self._total = sum(part.beyond - part.first + 1 for part in parts)
        for part in parts:
            self._entries(part, public_bytes(key))
        for part in parts:
            for seen in witness.of_stream(self._connection, part.stream):
                if part.first <= seen.sequence <= part.beyond:
                    self._witness(seen)
        for seen in witness.of_others(self._connection):
            if _within(wanted, moment(seen.at)):
                self._witness(seen)
        self._writer.end(key)
        return self

    def _witness(self, seen: witness.Witnessed) -> None:
        self._writer.witness(seen.source, seen.statement)
        self.witnesses += 1

    def _entries(self, part: _Part, public: bytes) -> None:
        rows = self._connection.execute(
            "SELECT first, secret FROM secret WHERE stream = ? ORDER BY first", (part.stream,)
        ).fetchall()
        firsts, secrets = [row[0] for row in rows], [bytes(row[1]) for row in rows]
        first, previous = self._before(part)
        self._writer.segment(
            device=part.device,
            epoch=part.epoch,
            key=public,
            first=first,
            previous=previous,
            stands_at=part.stands_at,
        )
        found = self._connection.execute(
            "SELECT sequence, CASE WHEN sequence <= ? THEN body ELSE x'' END, digest, head, signature FROM journal"
            " WHERE stream = ? AND sequence BETWEEN ? AND ? ORDER BY sequence",
            (part.last, part.stream, part.first, part.beyond),
        )
        for sequence, body, digest, head, signature in found:
            self.entries += 1
            place = bisect_right(firsts, sequence)
            if body and place:
                salt = chain.salt(secrets[place - 1], part.epoch, sequence)
                self._writer.entry(sequence, body=bytes(body), salt=salt, head=head, signature=signature)
            else:
                self.without_body += 1
                self._writer.digest(sequence, digest=digest, head=head, signature=signature)
            if self._progress is not None and self.entries % _PROGRESS == 0:
                self._progress(self.entries, self._total)

    def _before(self, part: _Part) -> tuple[int, bytes]:
        """Where the part begins, and the head before that: behind the last entry there is before the range, so that
        entries which are not there any more show as missing."""
        row = self._connection.execute(
            "SELECT sequence, head FROM journal WHERE stream = ? AND sequence < ? ORDER BY sequence DESC LIMIT 1",
            (part.stream, part.first),
        ).fetchone()
        return (1, chain.genesis(part.device, part.epoch)) if row is None else (row[0] + 1, bytes(row[1]))


def _parts(connection: Connection, wanted: Range) -> Iterator[_Part]:
    """The range, epoch by epoch."""
    streams = connection.execute("SELECT id, epoch, device, sequence, head FROM stream ORDER BY id").fetchall()
    numbered = wanted.first is not None or wanted.last is not None
    for number, epoch, device, end, head in streams:
        only = wanted.epoch if wanted.epoch is not None else streams[-1][1] if numbered else None
        if only is not None and bytes(only) != bytes(epoch):
            continue
        low, high = connection.execute(
            "SELECT min(sequence), max(sequence) FROM journal WHERE stream = ? AND sequence BETWEEN ? AND ?",
            (number, wanted.first or 1, wanted.last if wanted.last is not None else chain.LAST_SEQUENCE),
        ).fetchone()
        bounds = None if low is None else _recorded_within(connection, number, low, high, wanted)
        if bounds is not None:
            first, last = bounds
            whole = wanted.before is None and (wanted.last is None or wanted.last >= end)
            beyond = last if whole else _witnessed_after(connection, number, last)
            yield _Part(number, bytes(epoch), device, first, last, beyond, (end, bytes(head)) if whole else None)


def _recorded_within(
    connection: Connection, stream: int, low: int, high: int, wanted: Range
) -> tuple[int, int] | None:
    """First and last entry recorded within the times asked for; None: there is none.

    An entry whose body is gone tells no time and goes by the one before it; the oldest are older than all times.
    """
    if wanted.since is None and wanted.before is None:
        return low, high
    first, last = low if wanted.since is None else None, high if wanted.before is None else None
    at = datetime.min.replace(tzinfo=UTC)
    rows = connection.execute(
        "SELECT sequence, body FROM journal WHERE stream = ? AND sequence BETWEEN ? AND ? ORDER BY sequence",
        (stream, low, high),
    )
    for sequence, body in rows:
        at = _recorded_at(bytes(body)) or at
        if first is None and wanted.since is not None and at >= wanted.since:
            first = sequence
        if wanted.before is not None and at < wanted.before:
            last = sequence
    return (first, last) if first is not None and last is not None and first <= last else None


def _recorded_at(body: bytes) -> datetime | None:
    try:
        at = parse(reader(_Recorded), body, "entry").recorded_at
    except Malformed:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _within(wanted: Range, at: datetime | None) -> bool:
    """Whether a moment lies within the times asked for. Numbers ask for no others' words."""
    if wanted.first is not None or wanted.last is not None or at is None:
        return False
    return (wanted.since is None or at >= wanted.since) and (wanted.before is None or at < wanted.before)


def _witnessed_after(connection: Connection, stream: int, last: int) -> int:
    """The first witnessed entry from `last` on, where there is one not too far away; else `last`."""
    (found,) = connection.execute(
        "SELECT min(sequence) FROM witness WHERE stream = ? AND sequence BETWEEN ? AND ?",
        (stream, last, last + MOST_BEYOND),
    ).fetchone()
    return last if found is None else int(found)
