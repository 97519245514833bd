"""Feeds down: retained heads, signed and kept fresh, and the chunks that devices pull."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta

from msgspec import Struct, field

from mqtt_schemas.centre.backlog import CHUNK_SECONDS, Backlog
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import PublishSettings, keys_document
from mqtt_schemas.centre.keys import RoleKeys
from mqtt_schemas.centre.readers import Manner, Readers, Way
from mqtt_schemas.centre.values import AlarmCode, AlarmNote
from mqtt_schemas.chunks import OVERHEAD, refused_chunk, seal_chunk
from mqtt_schemas.feeds import CHUNK_RATIO, Feed, packing, split_chunks
from mqtt_schemas.keys import KEYS_FEED, feed_role
from mqtt_schemas.messages import FeedChunk, FeedHead, Pull, Signed, encode
from mqtt_schemas.topics import Channel, device_topic, feed_head_topic

_PIECES_KEPT = 256
_HELD_SECONDS = 1.0
"""What is held back is looked at again so soon."""
_UNHEARD_SECONDS = 60.0
"""A device that has not said for so long that anything came will ask anew: others' turn."""

_ORDER = (Feed.POLICY, Feed.DEVICES, Feed.OFFICERS, Feed.TRUST, Feed.WATCHLIST, Feed.STAYS, Feed.CSCA, Feed.VISAS)
"""Short and weighty first: a device has its policy before a long list of visas is through."""
_LONG = (Feed.STAYS, Feed.CSCA, Feed.VISAS)
"""They wait where others have entries to send."""


class Outgoing(Struct, frozen=True):
    """A message to publish."""

    topic: str
    payload: bytes
    retain: bool = False


class _Published(Struct, frozen=True):
    version: int
    head: bytes
    issued: datetime
    message: Outgoing


class _Transfer(Struct):
    """A pull that is being answered. It ends at the version that was signed when it was asked."""

    next: int
    last: int
    limit: int
    way: Way
    window: int = 0
    """Chunks that may be on their way; 0: the device does not count, and gets so many a second."""
    after: int = 0
    """The device has everything up to here."""
    ends: deque[int] = field(default_factory=deque)
    """Last change of each chunk that is on its way."""
    sent_at: float = 0.0
    packing: float = CHUNK_RATIO

    @property
    def done(self) -> bool:
        """Whether everything is on its way."""
        return self.next > self.last

    @property
    def open(self) -> bool:
        """Whether the device takes one more."""
        return not self.window or len(self.ends) < self.window


class _Bucket(Struct):
    """How many chunks a device may get at once: filled over time, so that acknowledgements pass."""

    tokens: float
    filled: float


class Publisher:
    """Signs and answers; the caller sends. Times called `now` are monotonic seconds."""

    def __init__(self, feeds: FeedStore, keys: RoleKeys, settings: PublishSettings, backlog: Backlog) -> None:
        self._feeds = feeds
        self._backlog = backlog
        self._long_at: dict[str, float] = {}
        """When a device last got a chunk of a long list."""
        self._readers = Readers(feeds.database, settings)
        self._keys = keys
        self._settings = settings
        self._heads: dict[Feed, _Published] = {}
        self._document = 0
        self._transfers: dict[tuple[str, Feed], _Transfer] = {}
        self._buckets: dict[str, _Bucket] = {}
        self._pieces: dict[tuple[Feed, int, int, int, float], FeedChunk] = {}
        """Chunks made last, the one used last at the end."""

    def heads(self, at: datetime) -> list[Outgoing]:
        """The keys document and every feed's head, to be retained."""
        self.news(at)
        _, document = keys_document(self._feeds.database)
        keys = Outgoing(feed_head_topic(KEYS_FEED), encode(document), retain=True)
        return [keys, *(self._heads[feed].message for feed in Feed)]

    def news(self, at: datetime) -> list[Outgoing]:
        """What of it is new since it was last asked: another version, or a head to be signed anew."""
        news = []
        version, document = keys_document(self._feeds.database)
        if version != self._document:
            self._document = version
            news.append(Outgoing(feed_head_topic(KEYS_FEED), encode(document), retain=True))
        for feed in Feed:
            position = self._feeds.position(feed)
            held = self._heads.get(feed)
            if held is None or (held.version, held.head) != position or self._ages(held, at):
                self._heads[feed] = self._sign(feed, *position, at)
                news.append(self._heads[feed].message)
        return news

    def pull(self, device: str, pull: Pull, at: datetime) -> AlarmNote | None:
        """Begin to answer a pull of an enrolled device, or go on with what is on its way to it.

        A device whose feed has another history than ours gets no answer but raises an alarm; so does one that asks
        in clear for a list that names people, where it is not given so (`Readers.way`).
        """
        try:
            feed = Feed(pull.feed)
        except ValueError:
            return AlarmNote(AlarmCode.VERSION, f"pulls the feed {pull.feed}, which is not known here")
        under_way = self._transfers.get((device, feed))
        if under_way is not None and _heard(under_way, pull):
            return None
        self._transfers.pop((device, feed), None)
        way = self._readers.way(device, feed, sealed=pull.sealed, at=at)
        if way.manner is Manner.UNSEALED:
            return AlarmNote(AlarmCode.FEED_UNSEALED, "asks for a list of people in clear", feed)
        if way.manner is not Manner.REFUSED and self._feeds.head_at(feed, pull.after) != pull.head:
            return AlarmNote(AlarmCode.FEED_HISTORY, f"differs at version {pull.after}", feed)
        if feed not in self._heads:
            self.news(at)
        last = self._heads[feed].version
        if pull.after < last:
            self._transfers[(device, feed)] = _Transfer(
                pull.after + 1, last, pull.limit, way, pull.window, after=pull.after
            )
        return None

    def forget(self, device: str) -> None:
        """Answer no earlier pull of a device: it is gone, or begins anew."""
        for key in [key for key in self._transfers if key[0] == device]:
            del self._transfers[key]

    def forget_all(self) -> None:
        """The line is gone: whoever still needs something pulls again."""
        self._transfers.clear()

    def due(self, now: float) -> list[Outgoing]:
        """The chunks to send now, at most one for each device, so that the caller sees to the rest."""
        self._give_up(now)
        chunks: list[Outgoing] = []
        for (device, feed), transfer in self._foremost(now):
            if transfer.window:
                if transfer.open:
                    chunks.append(self._next_chunk(device, feed, transfer, now))
            elif self._fill(device, now).tokens >= 1:
                self._buckets[device].tokens -= 1
                chunks.append(self._next_chunk(device, feed, transfer, now))
        return chunks

    def wait(self, now: float) -> float | None:
        """Seconds until a chunk is due; None where nobody waits for one, or only for a device to ask on."""
        waits = [
            0.0
            if transfer.window
            else max(0.0, (1 - self._fill(device, now).tokens) / self._settings.chunks_per_second)
            for (device, _), transfer in self._foremost(now)
            if transfer.open
        ]
        if any(self._held(device, feed, now) for device, feed in self._transfers):
            waits.append(_HELD_SECONDS)
        return min(waits, default=None)

    def _held(self, device: str, feed: Feed, now: float) -> bool:
        """Whether a chunk of a long list would be in the way of others' entries, and of their acknowledgements."""
        return (
            feed in _LONG and now < self._long_at.get(device, -math.inf) + CHUNK_SECONDS and self._backlog.stands(now)
        )

    def _foremost(self, now: float) -> list[tuple[tuple[str, Feed], _Transfer]]:
        """For each device the one feed it gets chunks of now."""
        found: dict[str, Feed] = {}
        for (device, feed), transfer in self._transfers.items():
            if transfer.done or self._held(device, feed, now):
                continue
            if device not in found or _ORDER.index(feed) < _ORDER.index(found[device]):
                found[device] = feed
        return [(key, self._transfers[key]) for key in found.items()]

    def _give_up(self, now: float) -> None:
        """One list that a device cannot take in, its disk being full, say, must not keep the others waiting."""
        for key, transfer in list(self._transfers.items()):
            if transfer.ends and now - transfer.sent_at > _UNHEARD_SECONDS:
                del self._transfers[key]

    def _fill(self, device: str, now: float) -> _Bucket:
        most = float(self._settings.chunk_burst)
        bucket = self._buckets.setdefault(device, _Bucket(most, now))
        gained = (now - bucket.filled) * self._settings.chunks_per_second
        bucket.tokens, bucket.filled = min(most, bucket.tokens + gained), now
        return bucket

    def _next_chunk(self, device: str, feed: Feed, transfer: _Transfer, now: float) -> Outgoing:
        chunk = self._chunk(feed, transfer)
        transfer.next += chunk.count
        if feed in _LONG:
            self._long_at[device] = now
        if transfer.window:
            transfer.ends.append(transfer.next - 1)
            transfer.sent_at = now
        if transfer.way.manner is Manner.REFUSED or (transfer.done and not transfer.window):
            del self._transfers[(device, feed)]
        return Outgoing(device_topic(device, Channel.CHUNK), encode(chunk))

    def _chunk(self, feed: Feed, transfer: _Transfer) -> FeedChunk:
        if transfer.way.manner is Manner.REFUSED:
            return refused_chunk(feed, transfer.next)
        sealed = transfer.way.manner is Manner.SEALED
        limit = transfer.limit - OVERHEAD if sealed else transfer.limit
        chunk = self._packed(feed, transfer, limit)
        transfer.packing = packing(chunk)
        return seal_chunk(chunk, transfer.way.public) if sealed else chunk

    def _packed(self, feed: Feed, transfer: _Transfer, limit: int) -> FeedChunk:
        """The next chunk in clear. After an import every device asks for the same changes: packed once for all."""
        key = (feed, transfer.next, transfer.last, limit, transfer.packing)
        chunk = self._pieces.pop(key, None)
        if chunk is None:
            rows = self._feeds.changes(feed, transfer.next, transfer.last, round(limit * transfer.packing))
            chunk = next(split_chunks(feed, transfer.next, rows, limit, transfer.packing))
        self._pieces[key] = chunk
        if len(self._pieces) > _PIECES_KEPT:
            del self._pieces[next(iter(self._pieces))]
        return chunk

    def _ages(self, held: _Published, at: datetime) -> bool:
        # Also a clock that was put back must not leave a head of the future standing.
        return not timedelta(0) <= at - held.issued < timedelta(minutes=self._settings.renew_minutes)

    def _sign(self, feed: Feed, version: int, head: bytes, at: datetime) -> _Published:
        hours = self._settings.validity_hours
        signed = encode(sign_head(self._keys, feed, version, head, at, timedelta(hours=hours)))
        return _Published(version, head, at, Outgoing(feed_head_topic(feed), signed, retain=True))


def sign_head(keys: RoleKeys, feed: Feed, version: int, head: bytes, at: datetime, validity: timedelta) -> Signed:
    """A feed's head, signed in the feed's role; it counts as fresh for so long."""
    document = FeedHead(feed=feed, version=version, head=head, issued=at, expires=at + validity)
    return keys.sign(feed_role(feed), document)


def _heard(transfer: _Transfer, pull: Pull) -> bool:
    """Whether a pull only says how far the chunks on their way have come. The same point twice is a new beginning."""
    if not (pull.window and transfer.window and transfer.after < pull.after < min(transfer.next, transfer.last)):
        return False
    while transfer.ends and transfer.ends[0] <= pull.after:
        transfer.ends.popleft()
    transfer.after, transfer.limit, transfer.window = pull.after, pull.limit, pull.window
    return True
