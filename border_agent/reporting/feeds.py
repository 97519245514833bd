"""When to ask for which list, as pure state machines: no I/O, and time is passed in.

A signed head says how far a feed has come; what lies between is pulled, staged, and installed once it leads exactly
there. A feed that is silent is asked for again from where it stands; staged changes that the centre does not continue
are dropped in the end, and the feed begins again from what is installed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from border_agent.store import FeedPosition
from mqtt_schemas.messages import FeedHead

SILENCE: Final = 10.0
"""Seconds without a chunk before a list is asked for again; doubled with each time in vain."""
LONGEST_SILENCE: Final = 300.0
VAIN_PULLS: Final = 3
"""After so many pulls in vain the staged changes are dropped, and the silence is a problem to be shown."""
HOLD: Final = 60.0

LARGEST_CHUNK: Final = 16_384
SMALLEST_CHUNK: Final = 4_096
_SLOW_CHUNK: Final = 2.0


class Ask(Struct, frozen=True):
    """Send a pull: changes after `after`, where our own head is `head`, in chunks of at most `limit` bytes."""

    feed: str
    after: int
    head: bytes
    limit: int


class Install(Struct, frozen=True):
    """What is staged leads to this head (or it only renews the installed one's dates): install it."""

    target: FeedHead


class DropStaged(Struct, frozen=True):
    """Forget what is staged: it leads elsewhere than the signed head (`forked`), or nobody continues it."""

    feed: str
    forked: bool


class HeadVerdict(StrEnum):
    """What a believed head means here."""

    WANTED = "wanted"
    RENEWED = "renewed"
    """The installed version, signed anew."""
    CONTRADICTED = "contradicted"
    """The installed version with another head."""
    ROLLED_BACK = "rolled_back"
    """Older than what is installed or has been announced."""


class FeedPuller:
    """One feed. The caller reports what happened and carries out what `next` says."""

    def __init__(self, feed: str, position: FeedPosition) -> None:
        self.feed = feed
        self.position = position
        self.target: FeedHead | None = None
        self._online = False
        self._asked_to: int | None = None
        self._heard_at = 0.0
        self._vain = 0
        self._hold_until = 0.0
        self._limit = LARGEST_CHUNK

    @property
    def busy(self) -> bool:
        """Whether chunks are expected."""
        return self._asked_to is not None

    @property
    def unanswered(self) -> bool:
        """Whether the centre has left several pulls without an answer."""
        return self._vain >= VAIN_PULLS

    def online(self) -> None:
        """A session begins: whatever was asked for before will not come any more."""
        self._online = True
        self._asked_to = None

    def offline(self) -> None:
        """The line is gone."""
        self._online = False
        self._asked_to = None

    def headed(self, head: FeedHead) -> HeadVerdict:
        """A head that has been believed (signature, role) was announced."""
        here = self.position
        if head.version < here.version or (self.target is not None and head.version < self.target.version):
            return HeadVerdict.ROLLED_BACK
        if head.version == here.version:
            if head.head != here.head:
                return HeadVerdict.CONTRADICTED
            self.target = head
            return HeadVerdict.RENEWED
        self.target = head
        self._hold_until = 0.0
        return HeadVerdict.WANTED

    def next(self, now: float) -> Ask | Install | DropStaged | None:
        """What to do now; None: nothing before `deadline`."""
        target, here = self.target, self.position
        if target is None or now < self._hold_until:
            return None
        if target.version == here.version:
            return Install(target)
        if here.staged_version == target.version and here.staged_head == target.head:
            return Install(target)
        if here.staged_version >= target.version:
            return DropStaged(self.feed, forked=True)
        if not self._online:
            return None
        if self._asked_to is not None and here.staged_version < self._asked_to:
            if now < self._heard_at + self._silence():
                return None
            self._vain += 1
            if self._vain >= VAIN_PULLS and here.staged_version > here.version:
                return DropStaged(self.feed, forked=False)
        self._asked_to, self._heard_at = target.version, now
        return Ask(self.feed, here.staged_version, here.staged_head, self._limit)

    def fitting(self, first: int, count: int) -> range:
        """Which rows of a chunk (by index) continue what is staged and do not go beyond the signed head."""
        if self.target is None:
            return range(0)
        start = self.position.staged_version + 1 - first
        stop = min(count, self.target.version + 1 - first)
        return range(start, stop) if 0 <= start < stop else range(0)

    def staged(self, position: FeedPosition, now: float) -> None:
        """Changes were staged."""
        if self.busy and now - self._heard_at > _SLOW_CHUNK:
            # A thin line: smaller pieces, so that acknowledgements do not wait behind them.
            self._limit = max(SMALLEST_CHUNK, self._limit // 2)
        self.position, self._heard_at, self._vain = position, now, 0
        if self._asked_to is not None and position.staged_version >= self._asked_to:
            self._asked_to = None

    def installed(self, position: FeedPosition) -> None:
        """The target was installed, or only renewed: nothing is wanted until the next head."""
        self.position, self.target, self._asked_to = position, None, None

    def dropped(self, position: FeedPosition, now: float) -> None:
        """What was staged is gone; the next pull begins at what is installed, after a pause."""
        self.position, self._asked_to = position, None
        self._hold_until = now + HOLD

    def hold(self, now: float, seconds: float = HOLD) -> None:
        """It could not be stored (full disk): wait before trying again."""
        self._hold_until = now + seconds
        self._asked_to = None

    def heard_elsewhere(self, now: float) -> None:
        """A chunk of another feed came: the centre is at work, ours comes after it."""
        if self.busy:
            self._heard_at = max(self._heard_at, now)

    def deadline(self, now: float) -> float | None:
        """When `next` may have something to do though nothing was heard; None: never."""
        if self.target is None:
            return None
        if now < self._hold_until:
            return self._hold_until
        if not self._online:
            return None
        return self._heard_at + self._silence() if self.busy else now

    def _silence(self) -> float:
        return min(LONGEST_SILENCE, SILENCE * 2.0**self._vain)
