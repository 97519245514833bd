"""Feeds down: retained heads, signed and kept fresh, and the chunks that devices pull."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import PublishSettings, keys_document
from mqtt_schemas.centre.keys import RoleKeys
from mqtt_schemas.centre.values import AlarmCode, AlarmNote
from mqtt_schemas.feeds import Feed, split_chunks
from mqtt_schemas.keys import KEYS_FEED, feed_role
from mqtt_schemas.messages import FeedHead, Pull, encode
from mqtt_schemas.topics import Channel, device_topic, feed_head_topic

_RATIO = 2
"""How many times a chunk's bound is read from the store: rows compress about so well."""


_ORDER = (Feed.POLICY, Feed.DEVICES, Feed.OFFICERS, Feed.TRUST, Feed.WATCHLIST, Feed.CSCA, Feed.VISAS)
"""Short and weighty first: a device has its policy before a long list of visas is through."""


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


class _Bucket(Struct):
    """How many chunks a device may get at once: filled over time, so that acknowledgements pass."""

    tokens: float
    filled: float


class Publisher:
    """Signs and answers; the caller sends. Times called `now` are monotonic seconds."""

    def __init__(self, feeds: FeedStore, keys: RoleKeys, settings: PublishSettings) -> None:
        self._feeds = feeds
        self._keys = keys
        self._settings = settings
        self._heads: dict[Feed, _Published] = {}
        self._document = 0
        self._transfers: dict[tuple[str, Feed], _Transfer] = {}
        self._buckets: dict[str, _Bucket] = {}

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
        """Begin to answer a pull of an enrolled device; a pull before it of the same feed is forgotten.

        A device whose feed has another history than ours gets no answer but raises an alarm.
        """
        try:
            feed = Feed(pull.feed)
        except ValueError:
            return AlarmNote(AlarmCode.VERSION, f"pulls the feed {pull.feed}, which is not known here")
        self._transfers.pop((device, feed), None)
        if self._feeds.head_at(feed, pull.after) != pull.head:
            return AlarmNote(AlarmCode.FEED_HISTORY, f"differs at version {pull.after}", feed)
        if feed not in self._heads:
            self.news(at)
        last = self._heads[feed].version
        if pull.after < last:
            self._transfers[(device, feed)] = _Transfer(pull.after + 1, last, pull.limit)
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
        chunks: list[Outgoing] = []
        for device in {device for device, _ in self._transfers}:
            if self._fill(device, now).tokens >= 1:
                self._buckets[device].tokens -= 1
                chunks.append(self._next_chunk(device))
        return chunks

    def wait(self, now: float) -> float | None:
        """Seconds until a chunk is due; None where nobody waits for one."""
        waits = [
            max(0.0, (1 - self._fill(device, now).tokens) / self._settings.chunks_per_second)
            for device in {device for device, _ in self._transfers}
        ]
        return min(waits, default=None)

    def _fill(self, device: str, now: float) -> _Bucket:
        most = float(self._settings.chunk_burst)
        bucket = self._buckets.setdefault(device, _Bucket(most, now))
        gained = (now - bucket.filled) * self._settings.chunks_per_second
        bucket.tokens, bucket.filled = min(most, bucket.tokens + gained), now
        return bucket

    def _next_chunk(self, device: str) -> Outgoing:
        feed = next(feed for feed in _ORDER if (device, feed) in self._transfers)
        transfer = self._transfers[(device, feed)]
        rows = self._feeds.changes(feed, transfer.next, transfer.last, transfer.limit * _RATIO)
        chunk = next(split_chunks(feed, transfer.next, rows, transfer.limit))
        transfer.next += chunk.count
        if transfer.next > transfer.last:
            del self._transfers[(device, feed)]
        return Outgoing(device_topic(device, Channel.CHUNK), encode(chunk))

    def _ages(self, held: _Published, at: datetime) -> bool:
        # Also a clock that was put back must not leave a head of the future standing.
        return not timedelta(0) <= at - held.issued < timedelta(minutes=self._settings.renew_minutes)

    def _sign(self, feed: Feed, version: int, head: bytes, at: datetime) -> _Published:
        document = FeedHead(
            feed=feed,
            version=version,
            head=head,
            issued=at,
            expires=at + timedelta(hours=self._settings.validity_hours),
        )
        signed = encode(self._keys.sign(feed_role(feed), document))
        return _Published(version, head, at, Outgoing(feed_head_topic(feed), signed, retain=True))
