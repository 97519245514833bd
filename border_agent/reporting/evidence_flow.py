"""When to send which part of which piece of evidence, as a pure state machine: no I/O, and time is passed in.

Evidence is a guest on the line. It goes only while the journal has nothing to say (the caller sees to that), and as
little of it is under way as keeps the line busy: what the line delivers in the time of its quickest answer, and one
part more, sent evenly (as BBR does, draft-ietf-ccwg-bbr). So an entry that is committed a moment later waits behind
one or two parts of a photo, on any line, and not until all of them are through.

The centre says how many bytes it holds from the beginning; sending goes on from there, after a cut as after a loss.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

SMALLEST_PART: Final = 4_096
LARGEST_PART: Final = 16_384
LARGEST_FLIGHT: Final = 131_072
MOST_PIECES: Final = 64
"""In hand at once, without their bytes."""

_PACE: Final = 1.25
"""Parts leave so much quicker than the line was seen to deliver them: a quicker line is noticed."""
_SAMPLES: Final = 16
"""The quickest delivery of so many counts: the line was not busy all the time."""
FIRST_SILENCE: Final = 15.0
SHORTEST_SILENCE: Final = 3.0
LONGEST_SILENCE: Final = 600.0
"""A centre older than this never answers: then a few kilobytes every ten minutes."""
ROUND_TRIPS: Final = 4


class Piece(Struct, frozen=True):
    """A piece to be sent."""

    name: bytes
    size: int
    sent: int
    """Bytes that the centre was last known to hold."""
    entry: tuple[int, int] = (0, 0)
    """Of one entry the record comes first, and names the others."""


class Part(Struct, frozen=True):
    """Send these bytes of a piece."""

    name: bytes
    start: int
    end: int


class _Going(Struct):
    piece: Piece
    held: int
    """Bytes that the centre holds, as far as is known."""
    next: int
    """Where the next part begins."""
    probing: bool
    """The centre was said to hold it all: its last byte asks whether it still does."""


class _Flight(Struct):
    name: bytes
    end: int
    size: int
    at: float
    delivered: int
    """Bytes answered in all when it was sent."""


class EvidenceFlow:
    """The sender of evidence in one session with the centre."""

    def __init__(self) -> None:
        self._going: dict[bytes, _Going] = {}
        self._flights: deque[_Flight] = deque()
        self._delivered = 0
        self._rates: deque[float] = deque(maxlen=_SAMPLES)
        """Bytes a second that the line has delivered."""
        self._best: float | None = None
        """Seconds of the quickest answer: the line as it is when empty."""
        self._round_trip: float | None = None
        self._progress_at = 0.0
        self._rounds = 0
        self._paused_until = 0.0
        self._next_at = 0.0

    @property
    def under_way(self) -> int:
        """Bytes sent and not answered."""
        return sum(flight.size for flight in self._flights)

    @property
    def wants(self) -> bool:
        """Whether more pieces should be brought."""
        waiting = sum(going.piece.size - going.next for going in self._going.values() if not going.probing)
        return len(self._going) < MOST_PIECES // 2 and waiting < 2 * self._most

    def online(self) -> None:
        """A session begins: what was under way is lost, or will be answered under another nonce."""
        self._flights.clear()
        self._going.clear()
        self._rates.clear()
        self._best = self._round_trip = None
        self._rounds = 0
        self._paused_until = self._next_at = 0.0

    def add(self, pieces: Iterable[Piece]) -> None:
        """Pieces to be sent after those in hand, in this order; one that is in hand stays where it is."""
        for piece in pieces:
            if piece.name not in self._going:
                probing = piece.sent >= piece.size > 1
                start = piece.size - 1 if probing else 0
                self._going[piece.name] = _Going(piece, 0, start, probing)

    def pause(self, until: float) -> None:
        """Send nothing before then."""
        self._paused_until = max(self._paused_until, until)

    def drop(self, name: bytes) -> None:
        """It is not here any more."""
        self._going.pop(name, None)
        self._flights = deque(flight for flight in self._flights if flight.name != name)

    def next(self, now: float) -> Part | None:
        """What to send now, then call `sent`. None: nothing before `deadline`."""
        if self._flights and now >= self._progress_at + self._silence():
            self._went_silent(now)
        if now < max(self._paused_until, self._next_at) or (
            self._flights and self.under_way + self._part > self._most
        ):
            return None
        return self._ready()

    def sent(self, part: Part, now: float) -> None:
        """A part is on its way."""
        if not self._flights:
            self._progress_at = now
        size = part.end - part.start
        self._flights.append(_Flight(part.name, part.end, size, now, self._delivered))
        if self._rates:
            self._next_at = max(now, self._next_at) + size / max(self._rates) / _PACE
        self._going[part.name].next = part.end

    def answered(self, name: bytes, upto: int, now: float, *, whole: bool, refused: bool) -> bool:
        """The centre holds `upto` bytes of a piece, or all of it, or does not want it. True: it holds all of it."""
        going = self._going.get(name)
        if going is None:
            return False
        self._landed(name, upto if not whole else going.piece.size, now)
        self._rounds = 0
        if whole or refused:
            self.drop(name)
            return whole
        upto = min(upto, going.piece.size - 1)
        if going.probing or upto > going.next or upto < going.held or self._lost(name, upto):
            # Other than we believed: a cut, a restored centre, a part that was lost. Its word counts.
            self._flights = deque(flight for flight in self._flights if flight.name != name)
            going.next, going.probing = upto, False
        going.held = upto
        return False

    def deadline(self, now: float) -> float | None:
        """When `next` may have something to do though nothing was heard; None: never."""
        times = []
        if self._flights:
            times.append(self._progress_at + self._silence())
        room = not self._flights or self.under_way + self._part <= self._most
        if room and self._ready() is not None:
            times.append(max(now, self._paused_until, self._next_at))
        return min(times, default=None)

    def _ready(self) -> Part | None:
        unsure: set[tuple[int, int]] = set()
        for going in self._going.values():
            if going.piece.entry in unsure:
                continue
            if going.next < going.piece.size:
                return Part(going.piece.name, going.next, min(going.piece.size, going.next + self._part))
            if going.probing:
                # Where the centre has lost a record, it does not know its pictures' names before it has it again.
                unsure.add(going.piece.entry)
        return None

    @property
    def _part(self) -> int:
        """Bytes of the next part: some of them in flight, so that the line is never empty in between."""
        quarter = self._held_by_line // 4 // SMALLEST_PART * SMALLEST_PART
        return max(SMALLEST_PART, min(LARGEST_PART, quarter))

    @property
    def _held_by_line(self) -> int:
        """Bytes that are under way on a line that is busy and has no queue."""
        return int(max(self._rates) * self._best) if self._rates and self._best is not None else 0

    @property
    def _most(self) -> int:
        """Bytes under way at most."""
        return min(LARGEST_FLIGHT, self._held_by_line + self._part)

    def _landed(self, name: bytes, upto: int, now: float) -> None:
        kept: deque[_Flight] = deque()
        for flight in self._flights:
            if flight.name == name and flight.end <= upto:
                self._measure(flight, now)
                self._progress_at = now
            else:
                kept.append(flight)
        self._flights = kept

    def _lost(self, name: bytes, upto: int) -> bool:
        """What is under way of this piece does not begin where the centre stands: it takes none of it."""
        flight = next((one for one in self._flights if one.name == name), None)
        return flight is not None and flight.end - flight.size != upto

    def _measure(self, flight: _Flight, now: float) -> None:
        seconds = max(now - flight.at, 1e-4)
        self._round_trip = seconds if self._round_trip is None else 0.75 * self._round_trip + 0.25 * seconds
        self._delivered += flight.size
        if flight.size >= SMALLEST_PART:
            # A short part is quicker through, and brings little: it would make the line look shorter, and thinner.
            self._rates.append((self._delivered - flight.delivered) / seconds)
            self._best = seconds if self._best is None else min(self._best, seconds)

    def _silence(self) -> float:
        known = self._round_trip
        base = FIRST_SILENCE if known is None else max(SHORTEST_SILENCE, ROUND_TRIPS * known)
        return min(LONGEST_SILENCE, base * 2.0**self._rounds)

    def _went_silent(self, now: float) -> None:
        self._rounds = min(self._rounds + 1, 10)
        self._rates.clear()
        self._flights.clear()
        self._progress_at = now
        for going in self._going.values():
            going.next = going.piece.size - 1 if going.probing else going.held
