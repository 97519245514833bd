"""Claims: whatever the order of claiming, hearing, losing and time passing, two devices never both hold."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from border_agent.agent.post.claims import LEASE_SECONDS, Claims, Saying, Standing

ONE = "1" * 32
NAMES = ("counter-a", "counter-b", "counter-c")


@dataclass
class Post:
    """A broker that keeps an order, and devices that hear of it when a test lets them."""

    names: tuple[str, ...] = NAMES
    now: float = 1000.0
    claims: dict[str, Claims] = field(default_factory=dict)
    inbox: dict[str, deque[tuple[str, bytes, int, Saying]]] = field(default_factory=dict)
    session: dict[str, int] = field(default_factory=dict)
    up: dict[str, bool] = field(default_factory=dict)
    settled: dict[str, bool] = field(default_factory=dict)
    serial: int = 0

    def __post_init__(self) -> None:
        for name in self.names:
            self.claims[name] = Claims(name)
            self.inbox[name] = deque()
            self.session[name], self.up[name], self.settled[name] = 0, True, True

    def say(self, name: str, *, lost: bool = False) -> None:
        if not self.up[name]:
            return
        for saying in self.claims[name].due(self.now, settled=self.settled[name]):
            self.serial += 1
            if saying.claims:
                self.claims[name].said(saying.inspection, self.serial, self.now)
            if not lost:
                for other in self.names:
                    if self.up[other]:
                        self.inbox[other].append((name, bytes([self.session[name]]), self.serial, saying))

    def hear(self, name: str, most: int = 1_000_000) -> None:
        while self.inbox[name] and most:
            device, session, serial, saying = self.inbox[name].popleft()
            most -= 1
            if saying.claims:
                self.claims[name].claimed(
                    device,
                    saying.inspection,
                    officer=saying.officer,
                    counter="",
                    seconds=LEASE_SECONDS,
                    session=session,
                    serial=serial,
                    now=self.now,
                )
            else:
                self.claims[name].released(device, saying.inspection)

    def take(self, name: str) -> str:
        """The device that has it already, or nothing."""
        rival = self.claims[name].ask(ONE, name, "", self.now)
        return rival.device if rival is not None else ""

    def holding(self) -> list[str]:
        return [name for name in self.names if self.claims[name].standing(ONE, self.now) is Standing.HELD]

    def cut(self, name: str) -> None:
        self.up[name], self.settled[name] = False, False
        self.inbox[name].clear()
        self.claims[name].line_down()

    def join(self, name: str) -> None:
        """Back on the line: it asks, and everybody says again what they have."""
        self.up[name] = True
        self.session[name] = (self.session[name] + 1) % 256
        for other in self.names:
            self.claims[other].say_again()

    def calm(self) -> None:
        """Everything said is heard, by everybody who is there."""
        for _ in range(8):
            for name in self.names:
                self.say(name)
            for name in self.names:
                self.hear(name)


class Interleavings(RuleBasedStateMachine):
    """Devices that are always connected; messages may travel for as long as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.post = Post()

    @rule(name=st.sampled_from(NAMES))
    def take(self, name: str) -> None:
        self.post.take(name)
        self.post.say(name)

    @rule(name=st.sampled_from(NAMES))
    def take_and_say_later(self, name: str) -> None:
        self.post.take(name)

    @rule(name=st.sampled_from(NAMES))
    def tick(self, name: str) -> None:
        self.post.say(name)

    @rule(name=st.sampled_from(NAMES))
    def keep(self, name: str) -> None:
        self.post.claims[name].keep(ONE, self.post.now)

    @rule(name=st.sampled_from(NAMES), most=st.integers(1, 4))
    def hear(self, name: str, most: int) -> None:
        self.post.hear(name, most)

    @rule(name=st.sampled_from(NAMES))
    def release(self, name: str) -> None:
        self.post.claims[name].release(ONE)

    @rule(name=st.sampled_from(NAMES))
    def no_answer(self, name: str) -> None:
        self.post.claims[name].give_up_waiting(ONE)

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 19.0, 30.0, 53.0, 59.0, 61.0, 300.0]))
    def later(self, seconds: float) -> None:
        self.post.now += seconds

    @invariant()
    def never_two(self) -> None:
        assert len(self.post.holding()) <= 1

    def teardown(self) -> None:
        self.post.calm()
        wanted = [name for name in NAMES if self.post.claims[name].standing(ONE, self.post.now) is not None]
        assert len(wanted) <= 1, "two counters go on believing that they have it"
        assert self.post.holding() == wanted


class Partitions(Interleavings):
    """Devices are cut off, miss what is said, and come back; what they said last may be lost."""

    @precondition(lambda self: all(self.post.up.values()))
    @rule(name=st.sampled_from(NAMES))
    def cut(self, name: str) -> None:
        self.post.cut(name)

    @rule(name=st.sampled_from(NAMES))
    def said_in_vain(self, name: str) -> None:
        self.post.say(name, lost=True)
        self.post.cut(name)

    @rule(name=st.sampled_from(NAMES))
    def join(self, name: str) -> None:
        if not self.post.up[name]:
            self.post.join(name)

    @rule(name=st.sampled_from(NAMES))
    def settle(self, name: str) -> None:
        self.post.settled[name] = self.post.up[name]

    @rule()
    def broker_restarts(self) -> None:
        for name in NAMES:
            self.post.cut(name)

    @invariant()
    def never_two(self) -> None:
        """Who was cut off may not know yet: only once everything is heard must there be one (see `teardown`)."""

    def teardown(self) -> None:
        for name in NAMES:
            if not self.post.up[name]:
                self.post.join(name)
        self.post.calm()
        self.post.settled = dict.fromkeys(NAMES, True)
        super().teardown()


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPartitions = Partitions.TestCase
TestPartitions.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_the_first_in_the_order_holds_and_the_second_is_told_who() -> None:
    post = Post()
    post.take("counter-b")
    post.take("counter-a")
    post.say("counter-b")
    post.say("counter-a")
    post.calm()
    assert post.holding() == ["counter-b"]
    assert [(key, view.device) for key, view in post.claims["counter-a"].take_lost()] == [(ONE, "counter-b")]
    assert post.take("counter-c") == "counter-b"


@pytest.mark.parametrize("seconds", [LEASE_SECONDS - 1, LEASE_SECONDS + 1])
def test_a_lease_ends_by_the_clock_of_whoever_heard_it(seconds: float) -> None:
    post = Post()
    post.take("counter-b")
    post.calm()
    post.now += 30.0
    post.claims["counter-b"].keep(ONE, post.now)
    post.now += seconds - 30.0  # and nobody hears of it again
    assert post.take("counter-a") == ("" if seconds > LEASE_SECONDS else "counter-b")
    assert post.claims["counter-b"].standing(ONE, post.now) is Standing.ALONE


def test_kept_for_an_hour() -> None:
    post = Post()
    post.take("counter-b")
    for _ in range(360):
        post.now += 10.0
        post.claims["counter-b"].keep(ONE, post.now)
        post.calm()
        assert post.holding() == ["counter-b"]
        assert post.take("counter-a") == "counter-b"


def test_what_nobody_wants_any_more_is_given_back() -> None:
    post = Post()
    post.take("counter-b")
    post.calm()
    post.now += LEASE_SECONDS
    post.calm()
    assert post.claims["counter-b"].standing(ONE, post.now) is None
    assert post.take("counter-a") == ""


def test_both_alone_and_the_line_comes_back() -> None:
    post = Post()
    for name in ("counter-a", "counter-b"):
        post.cut(name)
        post.take(name)
        post.claims[name].give_up_waiting(ONE)
    for name in ("counter-a", "counter-b"):
        post.join(name)
        post.settled[name] = True
    post.say("counter-b")
    post.say("counter-a")
    post.calm()
    assert post.holding() == ["counter-b"]
    assert [view.device for _, view in post.claims["counter-a"].take_lost()] == ["counter-b"]


def missed(post: Post) -> None:
    """`counter-b` was away while `counter-a` took it, comes back, and is too hasty to hear of it."""
    post.cut("counter-b")
    post.take("counter-a")
    post.say("counter-a")
    post.hear("counter-a")
    post.join("counter-b")
    post.settled["counter-b"] = True
    post.take("counter-b")
    post.say("counter-b")
    post.hear("counter-b")
    assert post.holding() == ["counter-a", "counter-b"]


def test_two_that_missed_each_other_agree_on_one() -> None:
    post = Post()
    missed(post)
    post.calm()
    assert post.holding() == ["counter-a"]
    assert [view.device for _, view in post.claims["counter-b"].take_lost()] == ["counter-a"]


def test_a_newcomer_that_claims_in_each_of_its_sessions_takes_nothing_away() -> None:
    """Only whoever keeps claiming in one session believes that it holds."""
    post = Post(names=("counter-b", "counter-a"))
    missed_by = "counter-a"  # the lower name, which would win where both believe that they hold
    post.take("counter-b")
    post.calm()
    for _ in range(5):
        post.cut(missed_by)
        post.claims[missed_by] = Claims(missed_by)
        post.join(missed_by)
        post.settled[missed_by] = True
        post.take(missed_by)
        post.say(missed_by)
        post.hear("counter-b")
        assert post.holding() == ["counter-b"]
