"""Feeds: the journal reversed. Signed, chained, versioned lists from the centre to the devices.

    head_0 = SHA-256("borne/v1/feed\\0" || name)
    head_n = SHA-256(head_(n-1) || n || SHA-256(change_n))

A feed's version is the number of its changes. A device holds (version, head), pulls the changes after it, and
installs them only once they lead to a head the feed's key has signed: all of them, in one transaction.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import TypeVar

import msgspec
from msgspec import Struct

from mqtt_schemas.chain import link
from mqtt_schemas.codec import build_chunk
from mqtt_schemas.errors import BadSignature, ChainBroken, Malformed, RolledBack
from mqtt_schemas.keys import KeyRing, feed_role
from mqtt_schemas.messages import FeedChange, FeedChunk, FeedHead, FeedOperation, Signed, decode_body
from mqtt_schemas.outside import parse, reader
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

LARGEST_CHANGE = 131_072
CHUNK_RATIO = 2.0
"""Rows compress at least so well in practice."""
MOST_PACKING = 16.0


class Feed(StrEnum):
    """Feeds of contract version 1."""

    VISAS = "visas"
    TRUST = "trust"
    POLICY = "policy"
    WATCHLIST = "watchlist"
    OFFICERS = "officers"
    """Since 1.2."""
    DEVICES = "devices"
    """Since 1.2."""
    CSCA = "csca"
    """Since 1.4."""
    STAYS = "stays"
    """Since 1.5."""


STAYS_KEY = "key"
"""Where the feed `stays` has its hash key."""


def stay_document(key: bytes, issuer: str, number: str) -> bytes:
    """What stands for a travel document in the feed `stays`, 16 bytes."""
    return hmac.digest(key, issuer.encode() + b"\0" + number.encode(), "sha256")[:16]


PERSONAL: frozenset[Feed] = frozenset({Feed.VISAS, Feed.STAYS, Feed.WATCHLIST, Feed.OFFICERS})
"""Feeds that name people: they travel sealed to the devices that may read them."""

GUARDED: frozenset[Feed] = frozenset({Feed.WATCHLIST, Feed.STAYS})
"""Of these, the ones that a kiosk in a public hall is given only where its keys are sealed to a TPM."""


RECORDS: dict[Feed, type[Struct]] = {
    Feed.VISAS: VisaRecord,
    Feed.TRUST: SignerRecord,
    Feed.POLICY: Policy,
    Feed.WATCHLIST: WatchRecord,
    Feed.OFFICERS: OfficerRecord,
    Feed.DEVICES: DeviceRecord,
    Feed.CSCA: CscaRecord,
    Feed.STAYS: StayRecord,
}
"""The record type each feed carries."""

_changes = msgspec.json.Decoder(FeedChange)
R = TypeVar("R", bound=Struct)


def feed_genesis(feed: str) -> bytes:
    """Head of a feed without changes."""
    return sha256(b"borne/v1/feed\0" + feed.encode()).digest()


def extend_feed(head: bytes, version: int, change: bytes) -> bytes:
    """The head after change number `version`."""
    return link(head, version, sha256(change).digest())


def put(key: str, record: Struct) -> bytes:
    """The exact bytes of a change that puts a record.

    Raises Malformed for a key or record that a device would refuse: a change is chained for good, and one that
    cannot be read would stand in every device's way.
    """
    try:
        raw = msgspec.Raw(msgspec.json.encode(record))
    except (TypeError, ValueError) as error:
        raise Malformed(type(record).__name__, str(error)) from None
    row = msgspec.json.encode(FeedChange(op=FeedOperation.PUT, key=key, record=raw))
    read_record(type(record), read_change(row).record)
    return row


def delete(key: str) -> bytes:
    """The exact bytes of a change that deletes a record. Raises Malformed for a key that is none."""
    row = msgspec.json.encode(FeedChange(op=FeedOperation.DELETE, key=key))
    read_change(row)
    return row


def read_change(row: bytes) -> FeedChange:
    """A change from its bytes. Raises Malformed."""
    if len(row) > LARGEST_CHANGE:
        raise Malformed("feed change", f"{len(row)} bytes")
    return parse(_changes.decode, row, "feed change")


def read_record(kind: type[R], record: msgspec.Raw | bytes) -> R:
    """A feed's record from its bytes. Raises Malformed."""
    return parse(reader(kind), bytes(record), kind.__name__)


def open_head(signed: Signed, feed: str, ring: KeyRing, *, at_least: int = 0) -> FeedHead:
    """Believe a feed's head.

    Raises BadSignature, Malformed, or RolledBack where the version is below `at_least`.
    """
    head = decode_body(FeedHead, signed.body)
    ring.verify(signed, feed_role(feed), at=head.issued)
    if head.feed != feed:
        raise BadSignature(feed, f"head of feed {head.feed}")
    if head.version < at_least:
        raise RolledBack(feed, f"version {head.version} after {at_least}")
    return head


def prove_changes(version: int, head: bytes, rows: Iterable[bytes], target: FeedHead) -> None:
    """Raises ChainBroken unless `rows`, put after (`version`, `head`), lead exactly to `target`."""
    for row in rows:
        version += 1
        head = extend_feed(head, version, row)
    if version != target.version or head != target.head:
        raise ChainBroken(target.feed, f"changes lead to version {version}, not to the signed head")


def split_chunks(
    feed: str, first: int, rows: Sequence[bytes], limit: int, ratio: float = CHUNK_RATIO
) -> Iterator[FeedChunk]:
    """Changes `first..` as chunks whose packed size is at most `limit` bytes, a single large row excepted.

    `ratio`: how many times smaller rows are expected to become; a first piece is measured, and the next made so.
    """
    start = 0
    while start < len(rows):
        size, stop = 0, start
        while stop < len(rows) and (stop == start or size + len(rows[stop]) <= limit * ratio):
            size += len(rows[stop])
            stop += 1
        chunk = build_chunk(feed, first + start, rows[start:stop])
        while len(chunk.rows) > limit and stop - start > 1:
            fewer = int((stop - start) * limit / len(chunk.rows))
            stop = start + max(1, min(fewer, stop - start - 1))
            chunk = build_chunk(feed, first + start, rows[start:stop])
        yield chunk
        start, ratio = stop, packing(chunk)


def packing(chunk: FeedChunk) -> float:
    """How many times smaller a chunk's rows became, or a little less: what is to be expected of the next."""
    return max(1.0, min(MOST_PACKING, 0.95 * chunk.unpacked / max(1, len(chunk.rows))))
