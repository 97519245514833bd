"""Importing a feed's content from a file of JSON lines, one record a line.

The file is the whole content: what it no longer holds is deleted. It is read and compared before the database
is locked, so that a long import of few changes does not hold up the journals; then all changes are one
transaction. One bad line, and nothing is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from mqtt_schemas.centre.database import IMPORTING
from mqtt_schemas.centre.errors import BadImport, BadImportLine, RegisterFeed
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.officers import keep_activation
from mqtt_schemas.centre.uses import keep_uses, note_listed
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import LARGEST_CHANGE, RECORDS, STAYS_KEY, Feed, put, read_record
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

MADE_HERE = {
    Feed.DEVICES: "made from the register: enrol or retire the device",
    Feed.STAYS: "made from the journals: correct the entry",
}
"""Feeds that no file can make, and what makes them."""


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import did."""

    feed: str
    version: int
    added: int
    changed: int
    deleted: int
    unchanged: int


class _Difference(Struct, frozen=True):
    """A record to put, by its place in the file: the records themselves may be too many to hold."""

    line: int
    offset: int
    length: int
    sha256: bytes
    """Of the line."""
    put: bool = True
    """Else the record stands as it is, and only what it says of a visa's uses is noted."""


class _Comparison(Struct):
    differences: list[_Difference]
    deleted: list[str]
    added: int = 0
    changed: int = 0
    unchanged: int = 0


def import_feed(
    path: Path, feed: str, file: Path, *, allow_empty: bool = False, at: datetime | None = None
) -> ImportReport:
    """Make a feed's content what `file` holds.

    `path` is the centre's folder, `feed` one of `visas`, `trust`, `policy`, `watchlist`, `officers`, `csca`. Raises
    BadImportLine for the first line that is no record of the feed, or one already met; RegisterFeed for `devices` and
    `stays`, which are made here;
    BadImport for a file that cannot be read, that changes meanwhile, or that is empty (unless `allow_empty`: it
    would delete everything); StoreFailed or DiskFull. Then nothing is changed.
    """
    try:
        name = Feed(feed)
    except ValueError:
        raise BadImport(feed[:40], f"feeds are {', '.join(Feed)}") from None
    if name in MADE_HERE:
        raise RegisterFeed(name, MADE_HERE[name])
    folder = CentreFolder(path)
    try:
        with file.open("rb") as lines, folder.database() as database, database.claimed(IMPORTING):
            return _import(FeedStore(database), name, lines, file, allow_empty, at or datetime.now(UTC))
    except OSError as error:
        raise BadImport(str(file), str(error)) from None


def record_key(record: Struct) -> str:
    """The key a record has in its feed. Raises ValueError for a type no feed carries."""
    match record:
        case VisaRecord():
            return record.visa_id
        case SignerRecord() | CscaRecord():
            return sha256(record.certificate).hexdigest()
        case Policy():
            return record.policy_id
        case WatchRecord():
            return record.record_id
        case OfficerRecord():
            return record.number
        case DeviceRecord():
            return record.device
        case StayRecord():
            return record.document.hex() or STAYS_KEY
        case _:
            raise ValueError(f"{type(record).__name__} is in no feed")


def _import(
    feeds: FeedStore, feed: Feed, lines: BinaryIO, file: Path, allow_empty: bool, at: datetime
) -> ImportReport:
    with feeds.database.reading():
        found = _compare(feeds, feed, lines, file, allow_empty)
    version, _ = feeds.position(feed)
    if found.differences or found.deleted:
        with feeds.database.transaction():
            puts = _read_again(feeds, feed, lines, file, found.differences)
            version = feeds.append(feed, puts, found.deleted, at)
    return ImportReport(
        feed=feed,
        version=version,
        added=found.added,
        changed=found.changed,
        deleted=len(found.deleted),
        unchanged=found.unchanged,
    )


def _compare(feeds: FeedStore, feed: Feed, lines: BinaryIO, file: Path, allow_empty: bool) -> _Comparison:
    found, seen = _Comparison([], []), set[str]()
    for number, offset, line in _lines(lines, file):
        record = _read(feed, line, number, file)
        key, change = _change(feeds, record, number, file)
        if key in seen:
            raise BadImportLine(str(file), number, f"{key} is there twice")
        seen.add(key)
        present = feeds.current(feed, key)
        if present == change:
            found.unchanged += 1
            if not (isinstance(record, VisaRecord) and record.uses):
                continue
        found.added += present is None
        found.changed += present is not None and present != change
        digest = sha256(line).digest()
        found.differences.append(_Difference(number, offset, len(line), digest, put=present != change))
    if not seen and not allow_empty:
        raise BadImport(str(file), "holds no record; importing it would delete every one there is")
    found.deleted.extend(key for key in feeds.keys(feed) if key not in seen)
    return found


def _read_again(
    feeds: FeedStore, feed: Feed, lines: BinaryIO, file: Path, differences: list[_Difference]
) -> Iterator[tuple[str, bytes]]:
    for difference in differences:
        lines.seek(difference.offset)
        line = lines.read(difference.length)
        if sha256(line).digest() != difference.sha256:
            raise BadImport(str(file), f"line {difference.line} changed while it was read")
        record = _read(feed, line, difference.line, file)
        if isinstance(record, VisaRecord):
            note_listed(feeds.database, record)
        if difference.put:
            # Made again: meanwhile a journal may have brought another use.
            yield _change(feeds, record, difference.line, file)


def _lines(lines: BinaryIO, file: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of each line that is not blank."""
    number, offset = 0, 0
    while line := lines.readline(LARGEST_CHANGE + 1):
        number += 1
        if len(line) > LARGEST_CHANGE:
            raise BadImportLine(str(file), number, f"longer than {LARGEST_CHANGE} bytes")
        if line.strip():
            yield number, offset, line
        offset += len(line)


def _read(feed: Feed, line: bytes, number: int, file: Path) -> Struct:
    """The record of a line. Raises BadImportLine."""
    kind = RECORDS[feed]
    try:
        record = read_record(kind, line)
        # A misspelt optional field would be dropped in silence, and its default be published.
        given = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except Malformed as error:
        raise BadImportLine(str(file), number, error.detail) from None
    unknown = sorted(given.keys() - set(kind.__struct_fields__))
    if unknown:
        raise BadImportLine(str(file), number, f"unknown field {unknown[0][:40]}")
    return record


def _change(feeds: FeedStore, record: Struct, number: int, file: Path) -> tuple[str, bytes]:
    """Key and change of a record, with what is known here and not where the file was made. Raises BadImportLine."""
    match record:
        case OfficerRecord():
            # The staff's own register knows nothing of activations: a file of it must not sign everybody out.
            record = keep_activation(feeds, record)
        case VisaRecord():
            record = keep_uses(feeds.database, record)
        case _:
            pass
    try:
        key = record_key(record)
        return key, put(key, record)
    except Malformed as error:
        raise BadImportLine(str(file), number, error.detail) from None
