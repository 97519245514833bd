"""The sender: whatever a line does to batches and acknowledgements, everything arrives, in order, once."""

from __future__ import annotations

import random
from typing import TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from border_agent.reporting.drain import (
    FIRST_SILENCE,
    GREETING_RETRY,
    SLOW_RETRY,
    AckView,
    Drain,
    Greet,
    Phase,
    Transmit,
)
from mqtt_schemas.messages import Problem

M = TypeVar("M")


class Centre:
    """Takes only the next contiguous entries; everything it answers is what it has committed."""

    def __init__(self) -> None:
        self.mark = 0
        self.taken: list[int] = []

    def batch(self, first: int, last: int) -> AckView:
        if first > self.mark + 1:
            return AckView(upto=self.mark, problem=Problem.GAP, on_chain=True)
        self.taken += range(self.mark + 1, last + 1)
        self.mark = max(self.mark, last)
        return AckView(upto=self.mark, on_chain=True)

    def hello(self) -> AckView:
        return AckView(upto=self.mark, on_chain=True)


class Line:
    """A device's drain, a line that loses, doubles and reorders, and a centre."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.drain = Drain(window=4, rows=3)
        self.centre = Centre()
        self.up: list[tuple[int, int] | None] = []
        self.down: list[AckView] = []
        self.now = 0.0
        self.last = 1
        self.mark = 0
        """As the journal keeps it."""
        self.fair = False
        self.answered: set[int] = {0}
        self.drain.online(0, 1)

    def act(self) -> None:
        for _ in range(20):
            match self.drain.next(self.now):
                case None:
                    return
                case Greet():
                    self.up.append(None)
                case Transmit(after, rows, _):
                    first, last = after + 1, min(after + rows, self.last)
                    assert first <= last
                    assert first <= max(self.answered) + 1 + self.drain.in_flight * 3, "nothing is skipped"
                    self.drain.sent(first, last, self.now)
                    self.up.append((first, last))
        raise AssertionError("the drain does not come to rest")

    def carry_up(self) -> None:
        for message in self._carried(self.up):
            answer = self.centre.hello() if message is None else self.centre.batch(*message)
            self.answered.add(answer.upto)
            self.down.append(answer)
        self.up = []

    def carry_down(self) -> None:
        for ack in self._carried(self.down):
            before = self.drain.mark
            moved = self.drain.acknowledged(ack, self.now)
            assert moved is (self.drain.mark != before)
            if moved:
                self.mark = self.drain.mark
            assert self.mark in self.answered, "the mark is where the centre said"
            assert self.mark <= self.centre.mark
        self.down = []

    def _carried(self, messages: list[M]) -> list[M]:
        if self.fair:
            return messages
        carried = [message for message in messages for _ in range(self.chance.choices((0, 1, 2), (3, 5, 2))[0])]
        if self.chance.random() < 0.3:
            self.chance.shuffle(carried)
        return carried

    def cut(self) -> None:
        """The line breaks: everything on it is lost, and acknowledgements of that session count no more."""
        self.up, self.down = [], []
        self.drain.offline()
        assert self.drain.next(self.now) is None
        self.drain.online(self.mark, self.last)

    def step(self) -> None:
        self.act()
        self.carry_up()
        self.carry_down()


@settings(max_examples=120, deadline=None)
@example(seed=1548996, steps=["grow", "time", "grow", "time", *["grow"] * 6, "act", "up"])  # a deadline that rounds
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(st.sampled_from(("grow", "act", "up", "down", "time", "cut")), max_size=80),
)
def test_everything_arrives_once_and_in_order(seed: int, steps: list[str]) -> None:
    line = Line(seed)
    for step in steps:
        match step:
            case "grow":
                line.last += line.chance.randint(1, 7)
                line.drain.grown(line.last)
            case "act":
                line.act()
            case "up":
                line.carry_up()
            case "down":
                line.carry_down()
            case "time":
                line.now += line.chance.choice((0.1, 3.0, 30.0))
            case _:
                line.cut()
    line.fair = True
    for _ in range(40):
        line.step()
        deadline = line.drain.deadline(line.now)
        if deadline is None and not line.up and not line.down:
            break
        line.now = max(line.now, deadline or 0.0)
    assert line.drain.phase is Phase.STREAMING
    assert (line.mark, line.drain.mark, line.centre.mark) == (line.last,) * 3
    assert line.centre.taken == list(range(1, line.last + 1))
    assert line.drain.in_flight == 0


def streaming(mark: int = 0, last: int = 100, **more: int) -> Drain:
    drain = Drain(**more)
    drain.online(mark, last)
    assert isinstance(drain.next(0.0), Greet)
    drain.acknowledged(AckView(upto=mark, on_chain=True), 0.0)
    return drain


def send(drain: Drain, now: float, count: int = 10) -> tuple[int, int]:
    action = drain.next(now)
    assert isinstance(action, Transmit)
    first, last = action.after + 1, min(action.after + count, drain.last)
    drain.sent(first, last, now)
    return first, last


def test_nothing_is_sent_before_the_centre_has_answered() -> None:
    drain = Drain()
    drain.online(0, 5)
    assert isinstance(drain.next(0.0), Greet)
    assert drain.next(1.0) is None
    assert isinstance(drain.next(GREETING_RETRY), Greet)
    drain.acknowledged(AckView(upto=2, on_chain=True), GREETING_RETRY)
    assert send(drain, GREETING_RETRY)[0] == 3


def test_a_restored_centre_rewinds_the_mark() -> None:
    drain = streaming(mark=50)
    assert drain.acknowledged(AckView(upto=20, on_chain=True), 1.0)
    assert drain.mark == 20
    assert send(drain, 1.0)[0] == 21


@pytest.mark.parametrize(
    ("ack", "problem"),
    [
        (AckView(upto=10, on_chain=False), Problem.FORK),
        (AckView(upto=101, on_chain=False), Problem.FORK),
        (AckView(upto=101, on_chain=True), Problem.FORK),
        (AckView(upto=0, problem=Problem.FORK, on_chain=True), Problem.FORK),
        (AckView(upto=0, problem=Problem.CHAIN, on_chain=True), Problem.CHAIN),
        (AckView(upto=0, problem=Problem.SIGNATURE, on_chain=True), Problem.SIGNATURE),
        (AckView(upto=0, problem=Problem.VERSION, on_chain=True), Problem.VERSION),
        (AckView(upto=0, problem=Problem.DEVICE, on_chain=True), Problem.DEVICE),
        (AckView(upto=0, problem=Problem.UNKNOWN, on_chain=True), Problem.UNKNOWN),
    ],
)
def test_a_contradiction_stops_everything_but_a_slow_retry(ack: AckView, problem: Problem) -> None:
    drain = streaming()
    send(drain, 1.0)
    assert not drain.acknowledged(ack, 2.0)
    assert (drain.phase, drain.problem, drain.mark) == (Phase.STOPPED, problem, 0)
    assert drain.next(2.0 + SLOW_RETRY - 1) is None
    assert not drain.acknowledged(AckView(upto=10, on_chain=True), 3.0)
    assert isinstance(drain.next(2.0 + SLOW_RETRY), Greet)
    assert drain.problem is problem, "it stands until the centre says otherwise"
    drain.acknowledged(AckView(upto=0, on_chain=True), 63.0)
    assert (drain.phase, drain.problem) == (Phase.STREAMING, Problem.NONE)


def test_each_batch_behind_a_lost_one_reports_the_gap_but_all_is_sent_again_once() -> None:
    drain = streaming()
    for now in (1.0, 2.0, 3.0):
        _, last = send(drain, now)
        drain.acknowledged(AckView(upto=last, on_chain=True), now)
    mark = drain.mark
    sent = [send(drain, 4.0) for _ in range(3)]
    gap = AckView(upto=mark, problem=Problem.GAP, on_chain=True)
    drain.acknowledged(gap, 4.1)
    again = [send(drain, 4.1) for _ in range(3)]
    assert again == sent
    drain.acknowledged(gap, 4.2)
    drain.acknowledged(gap, 4.3)
    assert drain.in_flight == 3


def test_silence_goes_back_to_the_mark_and_waits_longer_each_time() -> None:
    drain = streaming(last=10)
    first = send(drain, 0.0)
    assert drain.next(FIRST_SILENCE - 0.1) is None
    assert send(drain, FIRST_SILENCE) == first
    assert drain.next(2 * FIRST_SILENCE) is None
    assert send(drain, 3 * FIRST_SILENCE) == first
    assert isinstance(drain.next(7 * FIRST_SILENCE), Transmit)


def test_a_centre_that_has_lost_the_nonce_is_greeted_again() -> None:
    drain = streaming(last=10)
    now = 0.0
    actions: list[Greet | Transmit] = []
    while now < 400 and not (actions and isinstance(actions[-1], Greet)):
        action = drain.next(now)
        if isinstance(action, Transmit):
            drain.sent(action.after + 1, action.after + 10, now)
        if action is not None:
            actions.append(action)
        now = drain.deadline(now) or now + 1
    assert [type(action).__name__ for action in actions] == ["Transmit"] * 4 + ["Greet"]


def test_an_epoch_that_the_centre_keeps_refusing_is_a_problem() -> None:
    drain = streaming()
    refused = AckView(upto=0, problem=Problem.EPOCH, on_chain=True)
    now = 0.0
    while drain.phase is Phase.STREAMING and now < 100:
        while isinstance(action := drain.next(now), Transmit):
            drain.sent(action.after + 1, min(drain.last, action.after + 10), now)
        drain.acknowledged(refused, now)
        now += 1
    assert (drain.phase, drain.problem) == (Phase.STOPPED, Problem.EPOCH)


def test_the_window_opens_and_batches_grow_on_a_quick_line() -> None:
    drain = streaming(last=10**6)
    sizes = []
    for step in range(30):
        now = step * 0.01
        while isinstance(action := drain.next(now), Transmit):
            drain.sent(action.after + 1, action.after + 200, now)
            sizes.append(action.size)
        drain.acknowledged(AckView(upto=drain.mark + 200, on_chain=True), now + 0.005)
    assert drain.in_flight == 7
    assert sizes[-1] > 10 * sizes[0]


class Wire:
    """A line of so many bytes a second and so long a round trip; entries of 2200 bytes, packed to a tenth."""

    ENTRY, PACKED, OVERHEAD = 2200, 10, 200

    def __init__(self, rate: float, round_trip: float, drain: Drain | None = None) -> None:
        self.rate, self.round_trip = rate, round_trip
        self.drain = streaming(last=10**7) if drain is None else drain
        self.now = self.free_at = self.drain_began = 0.0
        self.flights: list[tuple[float, int]] = []
        self.batches: list[tuple[float, float, float]] = []
        """When each was sent, how long the line took for it, and how long it waited before that."""

    def run(self, until: float) -> None:
        while self.now < until:
            while isinstance(action := self.drain.next(self.now), Transmit):
                count = max(1, min(action.rows, action.size // self.ENTRY))
                self.drain.sent(action.after + 1, action.after + count, self.now, count * self.ENTRY)
                taken = (count * self.ENTRY / self.PACKED + self.OVERHEAD) / self.rate
                self.batches.append((self.now, taken, max(0.0, self.free_at - self.now)))
                self.free_at = max(self.free_at, self.now) + taken
                self.flights.append((self.free_at + self.round_trip, action.after + count))
            arrived, mark = self.flights.pop(0)
            deadline = self.drain.deadline(self.now)
            assert deadline is None or arrived <= deadline, "a batch on its way must not look lost"
            self.now = arrived
            self.drain.acknowledged(AckView(upto=mark, on_chain=True), self.now)

    def used(self, since: float) -> float:
        busy = sum(taken for at, taken, _ in self.batches if at >= since)
        return busy / (self.now - since)


LINES = [(4_000, 0.8), (16_000, 0.05), (16_000, 0.6), (16_000, 2.0), (64_000, 0.6), (10**6, 0.6), (10**7, 0.002)]


@pytest.mark.parametrize(("rate", "round_trip"), LINES)
def test_a_long_backlog_fills_the_line_and_no_batch_is_longer_than_two_seconds_of_it(
    rate: float, round_trip: float
) -> None:
    wire = Wire(rate, round_trip)
    wire.run(180)
    settled = [batch for batch in wire.batches if batch[0] > 30]
    # A line quicker than eight of the largest batches a round trip is not filled: there it does not matter.
    assert wire.used(30) > (0.97 if rate < 10**6 else 0.6)
    assert max(taken for _, taken, _ in settled) < 2.0
    assert max(waits for _, _, waits in settled) < 5.0, "what is decided now, and a pull, wait no longer"


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_line_that_becomes_another_is_followed(factor: float) -> None:
    """A tenth of it; or ten times as much. Nothing looks lost meanwhile (see `Wire.run`)."""
    wire = Wire(32_000, 0.6)
    wire.run(60)
    wire.rate *= factor
    wire.run(240)
    settled = [batch for batch in wire.batches if batch[0] > 150]
    assert max(taken for _, taken, _ in settled) < 2.0
    assert wire.used(150) > 0.95


def test_a_session_begins_small_whatever_the_last_line_was() -> None:
    """The next broker may be on another one: a batch for the quick line would look lost on the thin one."""
    quick = Wire(10**7, 0.002)
    quick.run(2)
    assert quick.batches[-1][1] * 10**7 > 100_000
    quick.drain.offline()
    drain = quick.drain
    drain.online(drain.mark, 10**7)
    assert isinstance(drain.next(10.0), Greet)
    drain.acknowledged(AckView(upto=drain.mark, on_chain=True), 10.0)
    thin = Wire(4_000, 0.8, drain)
    thin.now = thin.free_at = 10.0
    thin.run(60)
    assert thin.batches[0][1] < 1.0


def test_silence_halves_what_is_sent() -> None:
    wire = Wire(16_000, 0.6)
    wire.run(60)
    drain, now = wire.drain, wire.now
    while not isinstance(before := drain.next(now), Transmit):
        now = drain.deadline(now) or now
    for batch in range(9):
        drain.sent(drain.mark + 1 + batch, drain.mark + 1 + batch, now, before.size)
    silent = now + 60.0
    assert isinstance(after := drain.next(silent), Transmit)
    assert after.after == drain.mark
    assert after.size == before.size // 2


def test_others_have_the_line_only_once_the_centre_holds_everything() -> None:
    drain = streaming(last=20)
    assert not drain.idle
    first, last = send(drain, 0.0, 20)
    assert (first, last) == (1, 20)
    assert not drain.idle, "sent is not held"
    drain.acknowledged(AckView(upto=20, on_chain=True), 1.0)
    assert drain.idle
    drain.grown(21)
    assert not drain.idle
    drain.offline()
    assert not drain.idle


def test_an_offline_drain_does_nothing() -> None:
    drain = Drain()
    assert drain.next(0.0) is None
    assert drain.deadline(0.0) is None
    assert not drain.acknowledged(AckView(upto=1, on_chain=True), 0.0)
    drain.greet_again()
    assert drain.phase is Phase.OFFLINE
