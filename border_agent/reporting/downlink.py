"""The lists down: heads and keys believed, changes pulled, staged and installed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.clock import Clock
from border_agent.reporting.counts import Counts
from border_agent.reporting.feeds import Ask, DropStaged, FeedPuller, HeadVerdict, Install
from border_agent.reporting.keys import BelievedKeys
from border_agent.reporting.link import Link, Message
from border_agent.reporting.problems import Problems
from border_agent.reporting.values import FeedState, ProblemCode, ReportingEvent, ReportingSettings
from border_agent.store import ListInfo, ListRefused, Lists, Staging, StoreError
from mqtt_schemas.chunks import chunk_rows
from mqtt_schemas.errors import BadSignature, ContractError, NotForDevice, NotOpened, RolledBack
from mqtt_schemas.feeds import open_head
from mqtt_schemas.keys import KEYS_FEED
from mqtt_schemas.messages import FeedChunk, FeedHead, Pull, Signed, decode, encode
from mqtt_schemas.topics import Channel, device_topic

_TIDY_ROWS = 200
_COUNTING_MINOR = 5


class Downlink:
    """Keeps the lists. Used by reporting's thread; `importing` by whoever brings lists on a stick."""

    def __init__(
        self,
        device: str,
        lists: Lists,
        staging: Staging,
        keys: BelievedKeys,
        link: Link,
        clock: Clock,
        settings: ReportingSettings,
        counts: Counts,
        problems: Problems,
        tell: Callable[[ReportingEvent], None],
        sealing: X25519PrivateKey | None = None,
    ) -> None:
        """`sealing`: opens what is sealed to this device. Raises StoreError."""
        self._lists = lists
        self._staging = staging
        self._keys = keys
        self._link = link
        self._clock = clock
        self._counts = counts
        self._problems = problems
        self._tell = tell
        self._sealing = sealing
        self._lock = threading.RLock()
        self._elsewhere: set[str] = set()
        """Lists that a stick brings just now: what comes of them by line is left alone."""
        self._topic = device_topic(device, Channel.PULL)
        self._pullers = {feed: FeedPuller(feed, staging.position(feed)) for feed in settings.feeds}
        self._wanted = dict.fromkeys(settings.feeds, 0)
        self._waiting: dict[str, Signed] = {}
        """Newest head of each feed that no believed key has signed: perhaps the keys document is still to come."""
        self._untidy: set[str] = set()
        self._infos: dict[str, ListInfo] = {}
        self.changed = False
        """Something was installed since `versions` was last published."""
        self._refresh()
        for info in self._infos.values():
            clock.raise_floor(info.issued)

    @property
    def busy(self) -> bool:
        """Whether chunks are expected."""
        return any(puller.busy for puller in self._pullers.values())

    def online(self) -> None:
        """A session begins, or the centre was greeted: what was asked for before will not come."""
        for puller in self._pullers.values():
            puller.online()

    def offline(self) -> None:
        """The line is gone."""
        for puller in self._pullers.values():
            puller.offline()

    def versions(self) -> dict[str, int]:
        """Installed version of each list."""
        return {name: info.version for name, info in self._infos.items()}

    def states(self) -> tuple[FeedState, ...]:
        """Every feed of this device."""
        return tuple(self._state(name, puller) for name, puller in self._pullers.items())

    def deadline(self, now: float) -> float | None:
        """When `run` may have something to do though nothing was heard."""
        times = [time for puller in self._pullers.values() if (time := puller.deadline(now)) is not None]
        if self._untidy and not self.busy:
            times.append(now)
        return min(times, default=None)

    def headed(self, feed: str, payload: bytes) -> bool:
        """Take in what is retained under a feed's name (or `keys`); True where new keys are believed.

        Raises ContractError (it is refused), StoreError (keys that cannot be kept).
        """
        with self._lock:
            if feed == KEYS_FEED:
                return self._take_keys(decode(Signed, payload))
            if feed not in self._pullers:
                self._counts.add("heads.other_feed")
                return False
            self._take_head(feed, decode(Signed, payload))
            return False

    def chunk(self, payload: bytes, now: float) -> None:
        """Take in what came on `down/chunk`. Raises ContractError; a store that fails is a problem, tried again."""
        chunk = decode(FeedChunk, payload)
        with self._lock:
            self._chunk(chunk, now)

    def _chunk(self, chunk: FeedChunk, now: float) -> None:
        puller = self._pullers.get(chunk.feed)
        if puller is None:
            self._counts.add("chunks.other_feed")
            return
        if chunk.feed in self._elsewhere:
            self._counts.add("chunks.not_wanted")
            return
        for other in self._pullers.values():
            if other is not puller:
                other.heard_elsewhere(now)
        fitting = puller.fitting(chunk.first, chunk.count)
        if not fitting:
            self._counts.add("chunks.not_wanted")
            return
        rows = self._opened(puller, chunk, now)[fitting.start : fitting.stop]
        try:
            position = self._staging.stage(chunk.feed, chunk.first + fitting.start, rows)
            puller.staged(position, now, size=len(chunk.rows), counts=counts_chunks(chunk))
        except ListRefused as error:
            self._problems.begin(ProblemCode.FEED_CHAIN, chunk.feed, str(error))
            self._drop(puller, now)
        except StoreError as error:
            self._problems.begin(ProblemCode.STORE, chunk.feed, str(error))
            puller.hold(now)
        else:
            self._problems.end(ProblemCode.STORE, chunk.feed)
            self._counts.add("chunks.staged")

    def _opened(self, puller: FeedPuller, chunk: FeedChunk, now: float) -> list[bytes]:
        """A chunk's rows. Raises ContractError."""
        try:
            rows = chunk_rows(chunk, private=self._sealing)
        except NotForDevice:
            puller.refuse(now)
            self._problems.end(ProblemCode.FEED_UNANSWERED, puller.feed)
            raise
        except NotOpened as error:
            self._problems.begin(ProblemCode.FEED_SEALED, puller.feed, str(error))
            puller.hold(now)
            raise
        self._problems.end(ProblemCode.FEED_SEALED, puller.feed)
        return rows

    @contextmanager
    def importing(self, feeds: Sequence[str]) -> Iterator[None]:
        """While somebody else puts these lists in, by the same staging; from any thread.

        Then they are taken up where they stand now.
        """
        with self._lock:
            self._elsewhere.update(feeds)
        try:
            yield
        finally:
            with self._lock:
                self._elsewhere.difference_update(feeds)
                for feed in feeds:
                    if (puller := self._pullers.get(feed)) is not None:
                        self._moved(puller)
                self._refresh()

    def _moved(self, puller: FeedPuller) -> None:
        before, now = puller.position.version, self._staging.position(puller.feed)
        puller.moved(now)
        if now.version != before:
            self.changed = True
            self._untidy.add(puller.feed)
            for code in (ProblemCode.FEED_CHAIN, ProblemCode.FEED_UNANSWERED):
                self._problems.end(code, puller.feed)

    def run(self, now: float) -> None:
        """Do what is due. Raises LineDown; a store that fails is a problem, and tried again."""
        with self._lock:
            self._run(now)

    def _run(self, now: float) -> None:
        for puller in self._pullers.values():
            if puller.feed in self._elsewhere:
                continue
            try:
                while (action := puller.next(now)) is not None:
                    self._do(puller, action, now)
            except StoreError as error:
                self._problems.begin(ProblemCode.STORE, puller.feed, str(error))
                puller.hold(now)
            if puller.unanswered:
                self._problems.begin(ProblemCode.FEED_UNANSWERED, puller.feed)
            else:
                self._problems.end(ProblemCode.FEED_UNANSWERED, puller.feed)
        self._tidy()

    def _do(self, puller: FeedPuller, action: Ask | Install | DropStaged, now: float) -> None:
        match action:
            case Ask(feed, after, head, limit, window):
                sealed = self._sealing is not None
                pull = Pull(feed=feed, after=after, head=head, limit=limit, sealed=sealed, window=window)
                self._link.publish(Message(self._topic, encode(pull)))
                self._counts.add("sent.pulls")
            case Install(target):
                self._install(puller, target)
            case DropStaged(feed, forked):
                if forked:
                    self._problems.begin(ProblemCode.FEED_CHAIN, feed, "the changes lead to another head")
                self._drop(puller, now)

    def _install(self, puller: FeedPuller, target: FeedHead) -> None:
        before = puller.position.version
        if self._staging.install(target, self._clock.now()):
            self._clock.raise_floor(target.issued)
            self._refresh()
        puller.installed(self._staging.position(puller.feed))
        self._problems.end(ProblemCode.FEED_CHAIN, puller.feed)
        self._problems.end(ProblemCode.STORE, puller.feed)
        if target.version != before:
            self.changed = True
            self._untidy.add(puller.feed)
            self._tell(ReportingEvent(kind="list_installed", subject=puller.feed, version=target.version))

    def _drop(self, puller: FeedPuller, now: float) -> None:
        self._counts.add("lists.dropped")
        self._staging.drop(puller.feed)
        puller.dropped(self._staging.position(puller.feed), now)

    def _take_keys(self, signed: Signed) -> bool:
        try:
            taken = self._keys.take(signed)
        except BadSignature as error:
            self._problems.begin(ProblemCode.FEED_FORGED, KEYS_FEED, str(error))
            raise
        except RolledBack as error:
            self._problems.begin(ProblemCode.FEED_ROLLED_BACK, KEYS_FEED, str(error))
            raise
        self._problems.end(ProblemCode.FEED_FORGED, KEYS_FEED)
        self._problems.end(ProblemCode.FEED_ROLLED_BACK, KEYS_FEED)
        if not taken:
            return False
        self._tell(ReportingEvent(kind="keys_installed", version=self._keys.version))
        waiting, self._waiting = self._waiting, {}
        for feed, head in waiting.items():
            try:
                self._take_head(feed, head)
            except ContractError as error:
                self._counts.warn(f"wire.{error.code}", error)
        return True

    def _take_head(self, feed: str, signed: Signed) -> None:
        ring, puller = self._keys.ring, self._pullers[feed]
        if ring is None:
            self._waiting[feed] = signed
            return
        try:
            head = open_head(signed, feed, ring)
        except BadSignature as error:
            self._waiting[feed] = signed
            self._problems.begin(ProblemCode.FEED_FORGED, feed, str(error))
            raise
        self._problems.end(ProblemCode.FEED_FORGED, feed)
        verdict = puller.headed(head)
        refused = {
            HeadVerdict.ROLLED_BACK: ProblemCode.FEED_ROLLED_BACK,
            HeadVerdict.CONTRADICTED: ProblemCode.FEED_HISTORY,
        }
        for outcome, code in refused.items():
            if verdict is outcome:
                self._problems.begin(code, feed, f"version {head.version} after {puller.position.version}")
                raise RolledBack(feed, f"{verdict.value}: version {head.version}")
            self._problems.end(code, feed)
        self._wanted[feed] = head.version

    def _refresh(self) -> None:
        self._infos = {info.name: info for info in self._lists.infos()}

    def _tidy(self) -> None:
        """A little housekeeping where nothing else is to be done."""
        if not self._untidy or self.busy:
            return
        feed = next(iter(self._untidy))
        try:
            if not self._staging.tidy(feed, _TIDY_ROWS):
                self._untidy.discard(feed)
        except StoreError as error:
            self._untidy.discard(feed)
            self._counts.warn("lists.untidied", error)

    def _state(self, name: str, puller: FeedPuller) -> FeedState:
        info = self._infos.get(name)
        return FeedState(
            name=name,
            version=puller.position.version,
            wanted=self._wanted[name],
            staged=puller.position.staged_version,
            issued=info.issued if info is not None else None,
            expires=info.expires if info is not None else None,
            installed_at=info.installed_at if info is not None else None,
            refused=puller.refused,
        )


def counts_chunks(chunk: FeedChunk) -> bool:
    """Whether the centre that sent this counts what is on its way: since 1.5."""
    return int(chunk.v.partition(".")[2]) >= _COUNTING_MINOR
