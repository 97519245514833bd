"""Wrong answers in a row, and for how long none is heard: by number, by the browser's address, by device.

A number's lock outlives a restart; while the process runs it goes by the monotonic clock, whatever happens to the
other one. Whoever is at one address cannot shut everybody else out: the address is locked long before the device,
and the device never for long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from border_agent.clock import Clock
from border_agent.store.officers import OfficerRow

LOCK_FIRST = 60.0
LOCK_LONGEST = 3600.0
NUMBER_WRONG = 5
PEER_WRONG = 10
DEVICE_WRONG = 30
DEVICE_LONGEST = 300.0
MOST_KEPT = 1000
"""Numbers and addresses whose wrong answers are counted in memory."""


class Locked(Struct, frozen=True, kw_only=True):
    """A lock that one more wrong answer has set."""

    scope: str
    """`number`, `address` or `device`."""
    seconds: float


class Locks:
    """Not thread-safe: the caller checks one answer at a time."""

    def __init__(self, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._device = _Lock(DEVICE_WRONG, DEVICE_LONGEST)
        self._numbers: OrderedDict[str, _Lock] = OrderedDict()
        self._peers: OrderedDict[str, _Lock] = OrderedDict()

    def left(self, number: str, row: OfficerRow | None, peer: str) -> float:
        """Seconds for which nothing is heard; 0: now."""
        locks = [self._device, self._number(number, row)]
        if peer in self._peers:
            locks.append(self._peers[peer])
        return max(0.0, max(lock.until for lock in locks) - self._monotonic())

    def failed(self, number: str, row: OfficerRow | None, peer: str) -> tuple[Locked, ...]:
        """Count a wrong answer."""
        now = self._monotonic()
        locks = {"number": self._number(number, row), "device": self._device}
        if peer:
            locks["address"] = _kept(self._peers, peer, lambda: _Lock(PEER_WRONG, LOCK_LONGEST))
        return tuple(
            Locked(scope=scope, seconds=seconds) for scope, lock in locks.items() if (seconds := lock.failed(now)) > 0
        )

    def passed(self, number: str, peer: str) -> None:
        """Everything was right: this number, this address and the device begin anew."""
        self._numbers[number] = _Lock(NUMBER_WRONG, LOCK_LONGEST)
        self._peers.pop(peer, None)
        self._device = _Lock(DEVICE_WRONG, DEVICE_LONGEST)

    def durable(self, number: str, row: OfficerRow | None) -> tuple[int, datetime | None]:
        """A number's wrong answers, and until when it is locked, as its row is to have them."""
        lock = self._number(number, row)
        left = lock.until - self._monotonic()
        return lock.wrong, self._clock.now() + timedelta(seconds=left) if left > 0 else None

    def _number(self, number: str, row: OfficerRow | None) -> _Lock:
        return _kept(self._numbers, number, lambda: self._resumed(row))

    def _resumed(self, row: OfficerRow | None) -> _Lock:
        lock = _Lock(NUMBER_WRONG, LOCK_LONGEST)
        if row is not None:
            lock.wrong = row.wrong
            if row.locked_until is not None:
                # However far the clock was moved meanwhile: no lock is longer than the longest.
                left = min((row.locked_until - self._clock.now()).total_seconds(), LOCK_LONGEST)
                lock.until = self._monotonic() + left
        return lock


class _Lock:
    def __init__(self, most: int, longest: float) -> None:
        self._most = most
        self._longest = longest
        self.wrong = 0
        self.until = 0.0

    def failed(self, now: float) -> float:
        """Count one; the seconds it is locked for from now, 0 where it is not."""
        self.wrong += 1
        times, rest = divmod(self.wrong, self._most)
        if rest:
            return 0.0
        seconds = min(self._longest, LOCK_FIRST * 2.0 ** min(times - 1, 16))
        self.until = now + seconds
        return seconds


def _kept(locks: OrderedDict[str, _Lock], name: str, fresh: Callable[[], _Lock]) -> _Lock:
    lock = locks.get(name)
    if lock is None:
        lock = locks[name] = fresh()
        while len(locks) > MOST_KEPT:
            locks.popitem(last=False)
    locks.move_to_end(name)
    return lock
