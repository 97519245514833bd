"""When to ask for which list, as pure state machines: no I/O, and time is passed in.

A signed head says how far a feed has come; what lies between is pulled, staged, and installed once it leads exactly
there. A feed that is silent is asked for again from where it stands; staged changes that the centre does not continue
are dropped in the end, and the feed begins again from what is installed.

The pieces of a long list come no faster than they are taken in: so many may be on their way, and each ask says how
far they have come (`Pull.window`). So what the line holds of a list is what an acknowledgement waits behind at most.
"""

from __future__ import annotations

import math
from collections import deque
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
_REFUSED: Final = 86_400.0

LARGEST_CHUNK: Final = 16_384
SMALLEST_CHUNK: Final = 4_096
NARROW_WINDOW: Final = 2
WIDE_WINDOW: Final = 16
"""Chunks on their way: as many as the way there and back holds, the chunk itself counted: the line is never idle."""
_CHUNK_SECONDS: Final = 0.1
"""So long a chunk takes on the line, within the bounds of its size."""
_RECENT: Final = 4
_SHORTEST: Final = 0.001
"""Seconds: nothing comes quicker than it is stored."""
_SAID: Final = 4
"""It is said so many times a window how far the chunks have come."""


class Ask(Struct, frozen=True):
    """Send a pull: changes after `after`, where our own head is `head`, in chunks of at most `limit` bytes, of which
    `window` may be on their way."""

    feed: str
    after: int
    head: bytes
    limit: int
    window: int


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
        self._limit = SMALLEST_CHUNK
        self._window = NARROW_WINDOW
        self._counts = False
        """Whether the centre counts what is on its way (since 1.5); an older one would begin anew at each ask."""
        self._unsaid = 0
        """Chunks taken in since the last ask."""
        self._arrived_at: float | None = None
        self._asked_at: float | None = None
        self._way = math.inf
        """Seconds from an ask to its first chunk, the shortest in this session."""
        self._rates: deque[float] = deque(maxlen=_RECENT)
        """Bytes a second, of the last chunks that came one after the other."""
        self.refused = False
        """The centre does not give this list to this device."""

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
        self._asked_to = self._arrived_at = self._asked_at = None
        self._way = math.inf

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
            if self._due:
                return self._ask()
            if now < self._heard_at + self._silence():
                return None
            self._vain += 1
            if self._vain >= VAIN_PULLS and here.staged_version > here.version:
                return DropStaged(self.feed, forked=False)
        self._asked_to, self._heard_at, self._asked_at, self._arrived_at = target.version, now, now, None
        return self._ask()

    def fitting(self, first: int, count: int) -> range:
        """Which rows of a chunk (by index) continue what is staged and do not go beyond the signed head."""
        if self.target is None:
            return range(0)
        start = self.position.staged_version + 1 - first
        stop = min(count, self.target.version + 1 - first)
        return range(start, stop) if 0 <= start < stop else range(0)

    def staged(self, position: FeedPosition, now: float, *, size: int = 0, counts: bool = False) -> None:
        """Changes were staged, of a chunk of `size` bytes from a centre that counts what is on its way, or not."""
        if self._asked_at is not None:
            self._way, self._asked_at = min(self._way, now - self._asked_at), None
        elif self._arrived_at is not None and size:
            self._adapt(size / max(now - self._arrived_at, _SHORTEST))
        self.position, self._heard_at, self._arrived_at, self._vain = position, now, now, 0
        self._counts, self._unsaid = counts, self._unsaid + 1
        if self._asked_to is not None and position.staged_version >= self._asked_to:
            self._asked_to = None

    def installed(self, position: FeedPosition) -> None:
        """The target was installed, or only renewed: nothing is wanted until the next head."""
        self.position, self.target, self._asked_to, self.refused = position, None, None, False

    def dropped(self, position: FeedPosition, now: float) -> None:
        """What was staged is gone; the next pull begins at what is installed, after a pause."""
        self.position, self._asked_to = position, None
        self._hold_until = now + HOLD

    def moved(self, position: FeedPosition) -> None:
        """The list came by another way (a stick): what was asked for before does not continue it any more."""
        self.position, self._asked_to, self._hold_until = position, None, 0.0
        if self.target is not None and self.target.version < position.version:
            self.target = None

    def refuse(self, now: float) -> None:
        """The centre does not give this list to this device: asked again when there is a newer one, not before."""
        self.refused = True
        self.hold(now, _REFUSED)

    def hold(self, now: float, seconds: float = HOLD) -> None:
        """It could not be stored (full disk): wait before trying again."""
        self._hold_until = now + seconds
        self._asked_to = None

    def heard_elsewhere(self, now: float) -> None:
        """A chunk of another feed came: the centre is at work, ours comes after it."""
        self._arrived_at = self._asked_at = None
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
        if self.busy and not self._due:
            return self._heard_at + self._silence()
        return now

    @property
    def _due(self) -> bool:
        """Whether it is time to say how far the chunks have come."""
        return self._counts and _SAID * self._unsaid >= self._window

    def _ask(self) -> Ask:
        self._unsaid = 0
        return Ask(self.feed, self.position.staged_version, self.position.staged_head, self._limit, self._window)

    def _adapt(self, rate: float) -> None:
        """Larger pieces on a quick line, fewer on a thin one: an acknowledgement waits behind what is on its way."""
        self._rates.append(rate)
        if len(self._rates) < _RECENT:
            return
        # Pauses are the line's delay, and one piece may come late and the next upon it: the second quickest.
        line = sorted(self._rates)[-2]
        self._limit = max(SMALLEST_CHUNK, min(LARGEST_CHUNK, round(line * _CHUNK_SECONDS)))
        held = line * self._way if self._way < math.inf else 0.0
        self._window = max(NARROW_WINDOW, min(WIDE_WINDOW, math.ceil(held / self._limit)))

    def _silence(self) -> float:
        return min(LONGEST_SILENCE, SILENCE * 2.0**self._vain)
