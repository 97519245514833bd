"""One direction of a thin line, as a pure model: what is put on it comes out later, in turn. Time is passed in.

Used twice: by `slow_line`, a relay between real sockets, and by the thirty days (tests/thirty_days), where the clock
is simulated. So both speak of the same line.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What a line is like, each way."""

    rate: float = math.inf
    """Bits a second."""
    delay: float = 0.0
    """Seconds from one end to the other; a round trip takes twice as long."""
    loss: float = 0.0
    """Share of pieces lost. Below TCP nothing is missing in the end: each costs its flow one more round trip."""


@dataclass
class _Flow(Generic[T]):
    waiting: deque[tuple[T, int]] = field(default_factory=deque)
    size: int = 0
    last_arrival: float = 0.0


class Wire(Generic[T]):
    """Flows (connections) share the rate piece by piece, in turn; within a flow the order stays."""

    def __init__(self, quality: Quality, seed: int = 0) -> None:
        self.quality = quality
        self.carried = 0
        """Bytes sent since the beginning."""
        self.busy = 0.0
        """Seconds in which something was being sent."""
        self._chance = random.Random(seed)
        self._flows: dict[Hashable, _Flow[T]] = {}
        self._turns: deque[Hashable] = deque()
        self._arriving: list[tuple[float, int, Hashable, T]] = []
        self._number = 0
        self._free_at = 0.0
        self._seen = 0.0

    def put(self, flow: Hashable, piece: T, size: int, now: float) -> None:
        """One piece of `size` bytes. `now` never goes back, here and below."""
        self._send(now)
        state = self._flows.setdefault(flow, _Flow())
        if not state.waiting:
            self._turns.append(flow)
        state.waiting.append((piece, size))
        state.size += size
        self._send(now)

    def waiting(self, flow: Hashable, now: float) -> int:
        """Bytes of a flow whose sending has not begun."""
        self._send(now)
        state = self._flows.get(flow)
        return state.size if state is not None else 0

    def due(self, now: float) -> list[tuple[Hashable, T]]:
        """What has arrived by now and was not handed out yet, in the order of arrival."""
        self._send(now)
        arrived = []
        while self._arriving and self._arriving[0][0] <= now:
            _, _, flow, piece = heappop(self._arriving)
            arrived.append((flow, piece))
        return arrived

    def deadline(self) -> float | None:
        """When something happens next of itself; None: nothing will."""
        times = [self._arriving[0][0]] if self._arriving else []
        times += [self._free_at] if self._turns else []
        return min(times, default=None)

    def forget(self, flow: Hashable) -> None:
        """The connection is gone, with all that was on its way."""
        if self._flows.pop(flow, None) is None:
            return
        self._turns = deque(turn for turn in self._turns if turn != flow)
        self._arriving = sorted(item for item in self._arriving if item[2] != flow)

    def _send(self, now: float) -> None:
        while self._turns and self._free_at <= now:
            flow = self._turns.popleft()
            state = self._flows[flow]
            piece, size = state.waiting.popleft()
            state.size -= size
            if state.waiting:
                self._turns.append(flow)
            # Idle until this piece came, or until the one before it was out.
            begun = max(self._free_at, self._seen)
            seconds = size * 8 / self.quality.rate
            self._free_at = begun + seconds
            self.carried += size
            self.busy += seconds
            arrival = self._free_at + self.quality.delay
            while self.quality.loss and self._chance.random() < self.quality.loss:
                arrival += 2 * self.quality.delay
            state.last_arrival = max(state.last_arrival, arrival)
            self._number += 1
            heappush(self._arriving, (state.last_arrival, self._number, flow, piece))
        self._seen = max(self._seen, now)
