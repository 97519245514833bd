"""Lists from a stick: the bundle's documents believed and its chunks staged as if they had come by line.

The checks are the line's own: keys under the pinned root, heads in their role and never older than what is installed,
changes that lead exactly to the head. Each list gets in whole or not at all; one that broke off stays as it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from border_agent.clock import Clock
from border_agent.reporting.keys import BelievedKeys
from border_agent.store import ListRefused, Staging, StoreError
from mqtt_schemas.bundle import BundleFeed, BundleHead, open_box, read_bundle
from mqtt_schemas.chunks import chunk_rows
from mqtt_schemas.errors import Malformed, NotForDevice, RolledBack
from mqtt_schemas.feeds import open_head
from mqtt_schemas.keys import KeyRing
from mqtt_schemas.messages import FeedChunk, FeedHead, Signed, decode

Installed = Callable[[str, int], None]
"""Told of each list that is installed, and its version."""


class StickOutcome(StrEnum):
    """What became of one list of a stick. Words: `cli.lists.outcome.<value>`."""

    INSTALLED = "installed"
    RENEWED = "renewed"
    """The same version; its dates are newer."""
    KNOWN = "known"
    """It is here already, as it is on the stick."""
    OLDER = "older"
    """An older one than is installed: refused."""
    CONTRADICTS = "contradicts"
    """The installed version with another content: refused. A matter for people."""
    GAP = "gap"
    """The stick begins after what this device has: refused. It needs a fuller one."""
    NOT_HERE = "not_here"
    """A list that this device may not read, or does not know."""


REFUSED = frozenset({StickOutcome.OLDER, StickOutcome.CONTRADICTS, StickOutcome.GAP})
"""Outcomes that somebody should hear of."""


class StickFeed(Struct, frozen=True, kw_only=True):
    """One list of a stick."""

    feed: str
    outcome: StickOutcome
    before: int
    """Version that was installed."""
    version: int
    """Version on the stick."""
    issued: datetime
    expires: datetime
    expired: bool
    """By this device's clock: it is used, and shown as stale."""


class StickReport(Struct, frozen=True, kw_only=True):
    """What a stick came to."""

    made_at: datetime
    keys_version: int
    """Keys document believed afterwards."""
    feeds: tuple[StickFeed, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was refused."""
        return not any(feed.outcome in REFUSED for feed in self.feeds)


class _Wanted(Struct):
    """A list whose chunks are to be staged."""

    head: FeedHead
    key: bytes
    before: int


class StickImport:
    """Takes one bundle in. Whoever else stages lists leaves these alone meanwhile."""

    def __init__(
        self,
        device: str,
        staging: Staging,
        keys: BelievedKeys,
        clock: Clock,
        sealing: X25519PrivateKey | None,
        *,
        feeds: Sequence[str],
        installed: Installed,
        importing: Callable[[Sequence[str]], AbstractContextManager[None]] = lambda feeds: nullcontext(),
    ) -> None:
        """`feeds`: those this device holds."""
        self._device = device
        self._staging = staging
        self._keys = keys
        self._clock = clock
        self._sealing = sealing
        self._feeds = feeds
        self._installed = installed
        self._importing = importing

    def take(self, file: BinaryIO) -> StickReport:
        """Install what a bundle holds for this device.

        Raises NotForDevice; NotOpened, Malformed, TooLarge, UnknownVersion for a file that is
        damaged or none; BadSignature where another authority made it; ListRefused where its changes do not lead to
        its signed head; StoreError. What was installed before the error stays, what was not is as it was.
        """
        head, chunks = read_bundle(file)
        # Whose it is before what it says: a stick for another post is no forgery.
        keys = open_box(head, self._device, self._sealing)
        ring = self._believe(head)
        heads = {feed.feed: open_head(decode(Signed, feed.head), feed.feed, ring) for feed in head.feeds}
        with self._importing([feed.feed for feed in head.feeds]):
            outcomes: dict[str, StickOutcome] = {}
            wanted: dict[str, _Wanted] = {}
            before = {feed.feed: self._staging.position(feed.feed).version for feed in head.feeds}
            for feed in head.feeds:
                outcome = self._judge(feed, heads[feed.feed], keys)
                if outcome is not None:
                    outcomes[feed.feed] = outcome
                else:
                    wanted[feed.feed] = _Wanted(heads[feed.feed], keys[feed.feed], before[feed.feed])
            if not wanted and set(outcomes.values()) <= {StickOutcome.NOT_HERE}:
                raise NotForDevice(self._device, "no list on it that this device may read")
            self._stage(chunks, wanted, outcomes)
        now = self._clock.now()
        return StickReport(
            made_at=head.made_at,
            keys_version=self._keys.version,
            feeds=tuple(
                StickFeed(
                    feed=name,
                    outcome=outcomes[name],
                    before=before[name],
                    version=one.version,
                    issued=one.issued,
                    expires=one.expires,
                    expired=one.expires <= now,
                )
                for name, one in heads.items()
            ),
        )

    def _believe(self, head: BundleHead) -> KeyRing:
        """The keys to judge by: the stick's, or those already believed where these are newer."""
        # An older stick may still hold lists that are newer than what is here.
        with contextlib.suppress(RolledBack):
            self._keys.take(decode(Signed, head.keys))
        assert self._keys.ring is not None
        return self._keys.ring

    def _judge(self, feed: BundleFeed, head: FeedHead, keys: dict[str, bytes]) -> StickOutcome | None:
        """What becomes of a list without its chunks; None: they are wanted."""
        if feed.feed not in keys or feed.feed not in self._feeds:
            return StickOutcome.NOT_HERE
        here = self._staging.position(feed.feed)
        if head.version < here.version:
            return StickOutcome.OLDER
        if head.version == here.version:
            if head.head != here.head:
                return StickOutcome.CONTRADICTS
            return StickOutcome.RENEWED if self._install(head) else StickOutcome.KNOWN
        if feed.first <= here.version + 1:
            # What the line has begun is not continued: the stick leads to its own head by itself.
            if here.staged_version > here.version:
                self._staging.drop(feed.feed)
            return None
        return None if feed.first <= here.staged_version + 1 <= head.version else StickOutcome.GAP

    def _stage(
        self, chunks: Iterator[FeedChunk], wanted: dict[str, _Wanted], outcomes: dict[str, StickOutcome]
    ) -> None:
        """Stage what is wanted, list by list, and install each as soon as it is whole."""
        current, after = "", 0
        try:
            for chunk in chunks:
                if chunk.feed != current:
                    self._finish(current, wanted, outcomes)
                    current, after = chunk.feed, chunk.first - 1
                if chunk.first != after + 1:
                    raise Malformed(f"list {chunk.feed}", f"change {chunk.first} after {after}")
                after = chunk.first + chunk.count - 1
                if (list_ := wanted.get(chunk.feed)) is not None:
                    self._piece(chunk, list_)
            self._finish(current, wanted, outcomes)
            for feed in wanted:
                self._finish(feed, wanted, outcomes)
        except BaseException:
            with contextlib.suppress(StoreError):
                for feed in wanted.keys() - outcomes.keys():
                    self._staging.drop(feed)
            raise

    def _piece(self, chunk: FeedChunk, wanted: _Wanted) -> None:
        staged = self._staging.position(chunk.feed).staged_version
        start, stop = staged + 1 - chunk.first, min(chunk.count, wanted.head.version + 1 - chunk.first)
        if start >= stop:
            return
        if start < 0:
            raise Malformed(f"list {chunk.feed}", f"change {chunk.first} after {staged}")
        rows = chunk_rows(chunk, key=wanted.key)[start:stop]
        self._staging.stage(chunk.feed, chunk.first + start, rows)

    def _finish(self, feed: str, wanted: dict[str, _Wanted], outcomes: dict[str, StickOutcome]) -> None:
        if feed not in wanted or feed in outcomes:
            return
        if not self._install(wanted[feed].head):
            raise ListRefused(feed, "the stick's changes do not lead to its head")
        outcomes[feed] = StickOutcome.INSTALLED

    def _install(self, head: FeedHead) -> bool:
        if not self._staging.install(head, self._clock.now()):
            return False
        self._clock.raise_floor(head.issued)
        self._installed(head.feed, head.version)
        return True
