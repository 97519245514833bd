"""The sender of evidence without a line: everything gets there, and little of it is ever under way."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from border_agent.reporting.evidence_flow import (
    FIRST_SILENCE,
    LARGEST_FLIGHT,
    LARGEST_PART,
    SMALLEST_PART,
    EvidenceFlow,
    Part,
    Piece,
)


@dataclass
class Line:
    """A line of so many bytes a second and so long a round trip to a centre that holds pieces; parts may get lost."""

    rate: float
    round_trip: float
    loss: float = 0.0
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self.free_at = 0.0
        self.held: dict[bytes, int] = {}
        self.sizes: dict[bytes, int] = {}
        self.answers: list[tuple[float, int, bytes, int, bool]] = []
        self.longest_queue = 0.0
        self.carried = 0
        self._count = 0

    def send(self, part: Part, now: float) -> None:
        self.longest_queue = max(self.longest_queue, self.free_at - now)
        self.free_at = max(now, self.free_at) + (part.end - part.start) / self.rate
        self.carried += part.end - part.start
        if self.rng.random() < self.loss:
            return
        held = self.held.get(part.name, 0)
        if held == part.start:
            held = part.end
        self.held[part.name] = held
        self._count += 1
        answer = (self.free_at + self.round_trip, self._count, part.name, held, held == self.sizes[part.name])
        heapq.heappush(self.answers, answer)


def run(flow: EvidenceFlow, line: Line, pieces: list[Piece], most: float = 100_000.0) -> float:
    """Until all of it is there; the seconds that took."""
    now, waiting = 0.0, list(pieces)
    line.sizes |= {piece.name: piece.size for piece in pieces}
    left = {piece.name for piece in pieces}
    while left:
        assert now < most, "it did not get there"
        if waiting and flow.wants:
            flow.add([waiting.pop(0)])
            continue
        if (part := flow.next(now)) is not None:
            assert part.end - part.start <= LARGEST_PART
            flow.sent(part, now)
            line.send(part, now)
            assert flow.under_way <= LARGEST_FLIGHT
            continue
        due = flow.deadline(now)
        times = [time for time in (due, line.answers[0][0] if line.answers else None) if time is not None]
        assert times, "it sleeps for ever"
        now = max(now, min(times))
        while line.answers and line.answers[0][0] <= now:
            _, _, name, upto, whole = heapq.heappop(line.answers)
            if flow.answered(name, upto, now, whole=whole, refused=False):
                left.discard(name)
    return now


def photos(count: int, size: int = 50_000) -> list[Piece]:
    return [Piece(f"{number}".encode(), size, 0) for number in range(count)]


@pytest.mark.parametrize(
    ("rate", "round_trip", "used"),
    [(4_000, 0.8, 0.97), (16_000, 0.6, 0.95), (64_000, 0.3, 0.9), (1_000_000, 0.02, 0.85)],
    ids=["32 kbit/s", "128 kbit/s", "512 kbit/s", "8 Mbit/s"],
)
def test_it_uses_the_line_and_never_queues_long(rate: float, round_trip: float, used: float) -> None:
    flow, line = EvidenceFlow(), Line(rate, round_trip)
    pieces = photos(40)
    took = run(flow, line, pieces)
    assert line.carried == 40 * 50_000, "nothing twice"
    assert line.carried / rate / took > used
    # An entry that is committed now waits behind no more than this.
    assert line.longest_queue < max(0.3, 1.5 * SMALLEST_PART / rate)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 120_000), min_size=1, max_size=12),
    rate=st.sampled_from([4_000.0, 16_000.0, 100_000.0, 5_000_000.0]),
    round_trip=st.floats(0.001, 1.5),
    loss=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 1000),
    held=st.integers(0, 120_000),
    believed=st.booleans(),
)
def test_whatever_the_line_it_gets_there(
    sizes: list[int], rate: float, round_trip: float, loss: float, seed: int, held: int, believed: bool
) -> None:
    flow, line = EvidenceFlow(), Line(rate, round_trip, loss, random.Random(seed))
    pieces = [Piece(bytes([n]), size, size if believed else 0, (1, n // 3)) for n, size in enumerate(sizes)]
    line.held = {piece.name: min(held, piece.size) for piece in pieces}
    run(flow, line, pieces, most=1_000_000.0)
    assert line.held == {piece.name: piece.size for piece in pieces}


def test_what_the_centre_already_holds_costs_a_byte() -> None:
    flow, line = EvidenceFlow(), Line(16_000, 0.6)
    pieces = [Piece(f"{number}".encode(), 50_000, 50_000, (1, number)) for number in range(10)]
    line.held = {piece.name: piece.size for piece in pieces}
    run(flow, line, pieces)
    assert line.carried == 10


def test_pictures_wait_for_a_record_that_may_be_lost() -> None:
    flow = EvidenceFlow()
    flow.add([Piece(b"record", 900, 900, (1, 2)), Piece(b"live", 50_000, 50_000, (1, 2))])
    part = flow.next(0.0)
    assert part == Part(b"record", 899, 900)
    flow.sent(part, 0.0)
    assert flow.next(0.1) is None
    assert flow.deadline(0.1) == FIRST_SILENCE
    flow.answered(b"record", 0, 0.2, whole=False, refused=False)
    assert flow.next(0.2) == Part(b"record", 0, 900)


def test_a_silent_centre_is_asked_less_and_less() -> None:
    flow, now, asked = EvidenceFlow(), 0.0, []
    flow.add(photos(3))
    while now < 7200:
        if (part := flow.next(now)) is not None:
            asked.append(now)
            flow.sent(part, now)
            continue
        due = flow.deadline(now)
        assert due is not None and due > now
        now = due
    assert 12 < len(asked) < 25
    assert asked[-1] - asked[-2] == 600


def test_a_refusal_and_a_full_centre() -> None:
    flow = EvidenceFlow()
    flow.add(photos(2))
    part = flow.next(0.0)
    assert part is not None
    flow.sent(part, 0.0)
    assert not flow.answered(part.name, 0, 1.0, whole=False, refused=True)
    assert (following := flow.next(1.0)) is not None
    assert following.name != part.name
    flow.pause(61.0)
    assert flow.next(60.0) is None
    assert flow.deadline(1.0) == 61.0
    assert flow.next(61.0) is not None


def test_parts_that_no_longer_fit_are_sent_anew_at_once() -> None:
    flow = EvidenceFlow()
    flow.add([Piece(b"live", 50_000, 0)])
    flow.sent(Part(b"live", 0, 8192), 0.0)  # and a part of 4096 of before a silence has come late
    assert not flow.answered(b"live", 4096, 0.1, whole=False, refused=False)
    assert flow.under_way == 0
    again = flow.next(0.1)
    assert again is not None
    assert again.start == 4096
    flow.sent(again, 0.1)
    assert not flow.answered(b"live", 4096, 0.2, whole=False, refused=False)  # the part of 8192, not taken
    assert flow.under_way > 0


def test_answers_about_what_is_not_in_hand_are_nothing() -> None:
    flow = EvidenceFlow()
    assert not flow.answered(b"x", 10, 0.0, whole=True, refused=False)
    flow.add(photos(1))
    flow.drop(b"0")
    assert flow.next(0.0) is None
    assert flow.deadline(0.0) is None
