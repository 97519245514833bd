"""When to send which entries, as a pure state machine: no I/O, and time is passed in.

Batches go out in order, several in flight; only the centre's acknowledgements move the mark. Silence, or a gap that
the centre reports, goes back to the mark (go-back-N): what the centre has already, it drops and acknowledges again.
An acknowledgement below the mark rewinds it, because a restored centre wants those entries again; one that does not
lie on our own chain stops everything until a person has looked.

How much is in flight follows the line. A session begins with two small batches. What is acknowledged in a time says
how much the line takes: a batch is to be about one second of it, never two, so that pulls and a new decision do not
wait long behind one; and as many are in flight as its delay needs and three seconds more, so that it is never empty.
Silence halves both.
"""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mqtt_schemas.messages import Problem

WINDOW: Final = 8
ROWS: Final = 1000
LARGEST_BATCH: Final = 1_572_864
SMALLEST_BATCH: Final = 4_096
FIRST_BATCH: Final = 32_768
"""Bytes of bodies before compression."""
FIRST_WINDOW: Final = 2

SHORTEST_SILENCE: Final = 2.0
LONGEST_SILENCE: Final = 60.0
FIRST_SILENCE: Final = 10.0
"""Before any round trip is known: a line with a second's delay must not look dead."""
ROUND_TRIPS: Final = 4
SLOW_RETRY: Final = 60.0
GREETING_RETRY: Final = 60.0
SILENT_ROUNDS: Final = 4
"""So many silences in a row, and the centre is greeted anew: it may have lost our nonce."""

_BATCH_SECONDS: Final = 1.0
_QUEUE_SECONDS: Final = 3.0
"""So much line in flight beyond its own delay."""
_SAMPLES: Final = 4
_FASTEST_GROWTH: Final = 4

_STOPPING: Final = frozenset(
    (Problem.FORK, Problem.CHAIN, Problem.SIGNATURE, Problem.VERSION, Problem.DEVICE, Problem.UNKNOWN)
)


class Phase(StrEnum):
    OFFLINE = "offline"
    GREETING = "greeting"
    """The hello is out; nothing is sent before the centre has said what it holds."""
    STREAMING = "streaming"
    STOPPED = "stopped"
    """The centre refuses this stream, or contradicts it. The hello is repeated once a minute."""


class Greet(Struct, frozen=True):
    """Publish the hello (again)."""


class Transmit(Struct, frozen=True):
    """Send a batch of the entries after `after`: at most so many rows and bytes."""

    after: int
    rows: int
    size: int


class AckView(Struct, frozen=True, kw_only=True):
    """An acknowledgement whose signature, device, nonce and epoch have been found right."""

    upto: int
    problem: Problem = Problem.NONE
    on_chain: bool
    """Whether its head is this device's own at `upto`; False also where there is no such entry."""


class _Flight(Struct):
    first: int
    last: int
    at: float
    fresh: bool
    """Never sent before: only such a batch measures the line."""
    size: int
    delivered: int
    """Bytes acknowledged when it was sent, and when the last of them were."""
    delivered_at: float


class Drain:
    """The sender of one epoch."""

    def __init__(self, window: int = WINDOW, rows: int = ROWS) -> None:
        self.phase = Phase.OFFLINE
        self.problem = Problem.NONE
        self.mark = 0
        self.last = 0
        self._most = window
        self._rows = rows
        self._window = FIRST_WINDOW
        self._size = FIRST_BATCH
        self._sent = 0
        self._highest_sent = 0
        self._flights: deque[_Flight] = deque()
        self._round_trip: float | None = None
        self._delay: float | None = None
        """The shortest round trip of the session: the line's own."""
        self._rates: deque[float] = deque(maxlen=_SAMPLES)
        """Bytes of bodies a second that the line has taken of late."""
        self._delivered = 0
        self._delivered_at = 0.0
        self._progress_at = 0.0
        self._rounds = 0
        self._greeted_at: float | None = None
        self._retry_at = 0.0
        self._paused_until = 0.0
        self._resent_from: int | None = None
        self._epoch_refused = 0

    @property
    def in_flight(self) -> int:
        """Batches sent and not acknowledged."""
        return len(self._flights)

    @property
    def rate(self) -> float:
        """Bytes of bodies a second that the line has taken of late; 0: not known."""
        return max(self._rates, default=0.0)

    @property
    def delay(self) -> float:
        """Seconds of the session's shortest round trip, a batch's own time on the line counted; infinite: unknown."""
        return math.inf if self._delay is None else self._delay

    @property
    def idle(self) -> bool:
        """Whether the centre holds everything: others may have the line."""
        return self.phase is Phase.STREAMING and self.mark == self._sent == self.last

    def online(self, mark: int, last: int) -> None:
        """A session begins: greet first. `mark` and `last` are the journal's.

        It may be another broker, on another line: what was learned of the last one does not count.
        """
        self.mark, self.last = mark, last
        self._window, self._size, self._round_trip, self._delay = FIRST_WINDOW, FIRST_BATCH, None, None
        self._rates.clear()
        self._paused_until = 0.0
        self._back_to(mark)
        self._greet_now()
        self._highest_sent = mark
        self._rounds = 0

    def offline(self) -> None:
        """The line is gone."""
        self.phase = Phase.OFFLINE
        self._flights.clear()

    def grown(self, last: int) -> None:
        """The journal now ends at `last`."""
        self.last = max(self.last, last)

    def greet_again(self) -> None:
        """Greet as soon as possible: what the centre said first could not be read."""
        if self.phase is not Phase.OFFLINE:
            self._greet_now()

    def next(self, now: float) -> Greet | Transmit | None:
        """What to do now; after a Transmit, call `sent` or `not_sent`. None: nothing before `deadline`."""
        match self.phase:
            case Phase.OFFLINE:
                return None
            case Phase.STOPPED:
                if now < self._retry_at:
                    return None
                self._greet_now()
                return self._greet(now)
            case Phase.GREETING:
                # The same sum as in `deadline`: rounded otherwise, it could be due there and not here.
                if self._greeted_at is not None and now < self._greeted_at + GREETING_RETRY:
                    return None
                return self._greet(now)
            case Phase.STREAMING:
                return self._stream(now)

    def sent(self, first: int, last: int, now: float, size: int | None = None) -> None:
        """A batch is on its way; `size`: bytes of its bodies (default: as many as were asked for)."""
        if not self._flights:
            self._progress_at = self._delivered_at = now
        flight = _Flight(
            first,
            last,
            now,
            first > self._highest_sent,
            self._size if size is None else size,
            self._delivered,
            self._delivered_at,
        )
        self._flights.append(flight)
        self._sent = last
        self._highest_sent = max(self._highest_sent, last)

    def not_sent(self, now: float, pause: float = 1.0) -> None:
        """The entries could not be read or published: try again after a pause."""
        self._paused_until = now + pause

    def acknowledged(self, ack: AckView, now: float) -> bool:
        """Take an acknowledgement in. True: the mark has moved to `ack.upto` and is to be made durable."""
        if self.phase in (Phase.OFFLINE, Phase.STOPPED):
            return False
        if ack.problem in _STOPPING:
            self._stop(ack.problem, now)
            return False
        if not ack.on_chain or ack.upto > self.last:
            self._stop(Problem.FORK, now)
            return False
        moved = ack.upto != self.mark
        if ack.upto > self.mark:
            self._progress(ack.upto, now)
        elif ack.upto < self.mark:
            # The centre was restored from a backup, and says so under our current nonce.
            self._back_to(ack.upto)
        self.mark = ack.upto
        if self.phase is Phase.GREETING:
            self.phase, self.problem = Phase.STREAMING, Problem.NONE
            self._back_to(ack.upto)
            self._progress_at = now
            self._rounds = 0
        if ack.problem in (Problem.GAP, Problem.EPOCH):
            self._fill_gap(ack.problem, now)
        return moved

    def deadline(self, now: float) -> float | None:
        """When `next` may have something to do though nothing was heard; None: never."""
        match self.phase:
            case Phase.STOPPED:
                return self._retry_at
            case Phase.GREETING:
                return now if self._greeted_at is None else self._greeted_at + GREETING_RETRY
            case Phase.STREAMING:
                times = [max(now, self._paused_until)] if self._room() else []
                times += [self._progress_at + self._silence()] if self._flights else []
                return min(times, default=None)
            case Phase.OFFLINE:
                return None

    def _stream(self, now: float) -> Greet | Transmit | None:
        if self._flights and now >= self._progress_at + self._silence():
            self._rounds += 1
            self._window = max(1, self._window // 2)
            self._size = max(SMALLEST_BATCH, self._size // 2)
            self._rates.clear()
            self._back_to(self.mark)
            if self._rounds >= SILENT_ROUNDS:
                self._greet_now()
                return self._greet(now)
        if not self._room() or now < self._paused_until:
            return None
        return Transmit(self._sent, self._rows, self._size)

    def _room(self) -> bool:
        return len(self._flights) < self._window and self._sent < self.last

    def _progress(self, upto: int, now: float) -> None:
        while self._flights and self._flights[0].last <= upto:
            flight = self._flights.popleft()
            self._delivered += flight.size
            self._delivered_at = now
            if flight.fresh:
                self._measure(flight, now)
            self._window = min(self._wanted_window(), self._window + 1)
        self._sent = max(self._sent, upto)
        self._progress_at = now
        self._rounds = 0
        self._resent_from = None
        self._epoch_refused = 0

    def _measure(self, flight: _Flight, now: float) -> None:
        """Learn from one round trip."""
        round_trip = now - flight.at
        known = self._round_trip
        self._round_trip = round_trip if known is None else 0.75 * known + 0.25 * round_trip
        self._delay = round_trip if self._delay is None else min(self._delay, round_trip)
        # What arrived since the last arrival before this was sent: with an empty line that includes its delay and
        # says too little, which mends itself as the window opens.
        taken = now - flight.delivered_at
        self._rates.append((self._delivered - flight.delivered) / max(taken, 0.001))
        size = min(int(max(self._rates) * _BATCH_SECONDS), self._size * _FASTEST_GROWTH)
        self._size = min(LARGEST_BATCH, max(SMALLEST_BATCH, size))

    def _wanted_window(self) -> int:
        """Batches that fill the line, and a little more."""
        if not self._rates or self._delay is None:
            return self._most
        of_one = self._size / max(self._rates)
        return min(self._most, max(2, math.ceil((self._delay + _QUEUE_SECONDS) / max(of_one, 0.001))))

    def _silence(self) -> float:
        known = self._round_trip
        base = FIRST_SILENCE if known is None else max(SHORTEST_SILENCE, ROUND_TRIPS * known)
        return min(LONGEST_SILENCE, base * 2.0**self._rounds)

    def _fill_gap(self, problem: Problem, now: float) -> None:
        """The centre lacks what follows the mark. Each batch behind a lost one says so: go back once."""
        if problem is Problem.EPOCH and self.mark == 0 and self._resent_from == 0:
            self._epoch_refused += 1
            if self._epoch_refused > self._most:
                self._stop(Problem.EPOCH, now)
            return
        if self._resent_from == self.mark:
            return
        self._back_to(self.mark)
        self._resent_from = self.mark

    def _back_to(self, sequence: int) -> None:
        self._sent = sequence
        self._flights.clear()
        self._resent_from = None

    def _stop(self, problem: Problem, now: float) -> None:
        self.phase, self.problem = Phase.STOPPED, problem
        self._flights.clear()
        self._retry_at = now + SLOW_RETRY

    def _greet_now(self) -> None:
        self.phase = Phase.GREETING
        self._flights.clear()
        self._greeted_at = None

    def _greet(self, now: float) -> Greet:
        self._greeted_at = now
        return Greet()
