"""Pulling a list: whatever comes, what is staged in the end is what was signed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from border_agent.reporting.feeds import (
    HOLD,
    LARGEST_CHUNK,
    NARROW_WINDOW,
    SILENCE,
    SMALLEST_CHUNK,
    VAIN_PULLS,
    Ask,
    DropStaged,
    FeedPuller,
    HeadVerdict,
    Install,
)
from border_agent.store import FeedPosition
from mqtt_schemas.feeds import extend_feed, feed_genesis
from mqtt_schemas.messages import FeedHead

FEED = "visas"
AT = datetime(2027, 3, 1, tzinfo=UTC)


def head_at(version: int) -> bytes:
    digest = feed_genesis(FEED)
    for number in range(1, version + 1):
        digest = extend_feed(digest, number, b"row %d" % number)
    return digest


def target(version: int, head: bytes | None = None) -> FeedHead:
    return FeedHead(
        feed=FEED,
        version=version,
        head=head_at(version) if head is None else head,
        issued=AT,
        expires=AT + timedelta(days=3),
    )


def position(version: int = 0, staged: int | None = None) -> FeedPosition:
    staged = version if staged is None else staged
    return FeedPosition(
        version=version,
        head=head_at(version),
        staged_version=staged,
        staged_head=head_at(staged),
        issued=AT.isoformat() if version else "",
    )


def puller(version: int = 0, staged: int | None = None) -> FeedPuller:
    made = FeedPuller(FEED, position(version, staged))
    made.online()
    return made


def test_a_new_head_is_pulled_from_what_is_staged() -> None:
    feed = puller(2, staged=5)
    assert feed.headed(target(9)) is HeadVerdict.WANTED
    assert feed.next(0.0) == Ask(FEED, 5, head_at(5), SMALLEST_CHUNK, NARROW_WINDOW)
    assert feed.busy
    assert feed.next(SILENCE - 1) is None
    feed.staged(position(2, 9), 1.0)
    assert feed.next(1.0) == Install(target(9))
    feed.installed(position(9))
    assert feed.next(100.0) is None
    assert feed.deadline(100.0) is None


def test_what_was_staged_whole_before_a_restart_is_installed_without_a_line() -> None:
    feed = puller(2, staged=9)
    feed.offline()
    feed.headed(target(9))
    assert feed.next(0.0) == Install(target(9))


def test_heads_that_contradict_or_go_back_are_refused() -> None:
    feed = puller(5)
    assert feed.headed(target(4)) is HeadVerdict.ROLLED_BACK
    assert feed.headed(target(5, b"\0" * 32)) is HeadVerdict.CONTRADICTED
    assert feed.next(0.0) is None
    assert feed.headed(target(5)) is HeadVerdict.RENEWED
    assert feed.next(0.0) == Install(target(5))
    assert feed.headed(target(9)) is HeadVerdict.WANTED
    assert feed.headed(target(8)) is HeadVerdict.ROLLED_BACK
    empty = puller(0)
    assert empty.headed(target(0, b"\0" * 32)) is HeadVerdict.CONTRADICTED


def test_changes_that_lead_elsewhere_are_dropped_and_tried_again_later() -> None:
    feed = puller(0, staged=9)
    feed.headed(target(9, b"\0" * 32))
    assert feed.next(0.0) == DropStaged(FEED, forked=True)
    feed.dropped(position(0), 0.0)
    assert feed.next(HOLD - 1) is None
    assert isinstance(feed.next(HOLD), Ask)


def test_only_what_continues_and_is_signed_is_taken_of_a_chunk() -> None:
    feed = puller(0, staged=5)
    assert feed.fitting(6, 3) == range(0)
    feed.headed(target(9))
    assert feed.fitting(6, 3) == range(3)
    assert feed.fitting(4, 4) == range(2, 4)
    assert feed.fitting(6, 30) == range(4)
    assert feed.fitting(7, 3) == range(0)
    assert feed.fitting(1, 5) == range(0)


def test_silence_is_answered_by_asking_again_ever_more_slowly() -> None:
    feed = puller()
    feed.headed(target(9))
    now, asked = 0.0, []
    for _ in range(4):
        assert isinstance(feed.next(now), Ask)
        asked.append(now)
        deadline = feed.deadline(now)
        assert deadline is not None
        assert feed.next(deadline - 0.01) is None
        now = deadline
    assert asked == [0.0, 10.0, 30.0, 70.0]
    assert feed.unanswered
    feed.staged(position(0, 3), now)
    assert not feed.unanswered


def test_staged_changes_nobody_continues_are_dropped_in_the_end() -> None:
    feed = puller(2, staged=5)
    feed.headed(target(9))
    now, action = 0.0, feed.next(0.0)
    for _ in range(VAIN_PULLS):
        assert isinstance(action, Ask)
        now = feed.deadline(now) or 0.0
        action = feed.next(now)
    assert action == DropStaged(FEED, forked=False)
    feed.dropped(position(2), now)
    assert feed.next(now + HOLD) == Ask(FEED, 2, head_at(2), SMALLEST_CHUNK, NARROW_WINDOW)


def test_other_feeds_in_front_are_no_silence() -> None:
    feed = puller()
    feed.headed(target(9))
    feed.next(0.0)
    feed.heard_elsewhere(9.0)
    assert feed.next(15.0) is None
    assert isinstance(feed.next(19.0), Ask)


def arrive(
    feed: FeedPuller,
    spacing: float,
    count: int,
    *,
    now: float,
    counts: bool = True,
    way: float = 0.0,
    size: int = SMALLEST_CHUNK,
) -> tuple[float, list[Ask]]:
    """So many chunks of one change, in the same distance; the time then, and what was asked meanwhile."""
    asked = []
    for _ in range(count):
        while isinstance(action := feed.next(now), Ask):
            asked.append(action)
        now += spacing + way
        way = 0.0
        here = position(feed.position.version, feed.position.staged_version + 1)
        feed.staged(here, now, size=size, counts=counts)
    return now, asked


@pytest.mark.parametrize(
    ("rate", "delay", "limit", "window"),
    [
        (32_000, 0.6, SMALLEST_CHUNK, 2),
        (128_000, 0.6, SMALLEST_CHUNK, 4),
        (256_000, 0.3, SMALLEST_CHUNK, 4),
        (512_000, 0.6, 6400, 7),
        (2_000_000, 0.05, LARGEST_CHUNK, 2),
        (100_000_000, 0.001, LARGEST_CHUNK, 2),
    ],
)
def test_so_much_is_on_its_way_as_fills_the_line_and_no_more(
    rate: int, delay: float, limit: int, window: int
) -> None:
    feed = puller()
    feed.headed(target(400))
    now, asked = arrive(feed, SMALLEST_CHUNK * 8 / rate, 1, now=0.0, way=delay)
    for _ in range(40):
        now, more = arrive(feed, asked[-1].limit * 8 / rate, 1, now=now, size=asked[-1].limit)
        asked += more
    assert (asked[0].limit, asked[0].window) == (SMALLEST_CHUNK, NARROW_WINDOW)
    assert (asked[-1].limit, asked[-1].window) == (limit, window)
    # The line is full, and what an acknowledgement may wait for is short.
    seconds = limit * window * 8 / rate
    assert seconds >= delay
    assert seconds - delay <= 1.5


def test_a_line_that_gets_thin_is_asked_for_smaller_pieces() -> None:
    feed = puller()
    feed.headed(target(400))
    now, asked = arrive(feed, 0.01, 20, now=0.0, size=LARGEST_CHUNK)
    assert asked[-1].limit == LARGEST_CHUNK
    _, asked = arrive(feed, 1.0, 20, now=now)
    assert (asked[-1].limit, asked[-1].window) == (SMALLEST_CHUNK, NARROW_WINDOW)


def test_each_ask_says_how_far_the_pieces_have_come() -> None:
    feed = puller()
    feed.headed(target(40))
    now, asked = arrive(feed, 0.256, 6, now=0.0, way=0.6)
    assert [ask.after for ask in asked] == [0, 1, 2, 3, 4, 5]
    feed = puller()
    feed.headed(target(40))
    now, asked = arrive(feed, 0.064, 20, now=0.0, way=0.6)
    # Seven on their way: said after every second.
    assert [ask.after for ask in asked[-3:]] == [14, 16, 18]
    _, asked = arrive(feed, 0.064, 20, now=now)
    assert feed.next(now + 10) == Install(target(40))


def test_a_centre_that_does_not_count_is_not_made_to_begin_again() -> None:
    feed = puller()
    feed.headed(target(9))
    now, asked = arrive(feed, 0.26, 8, now=0.0, counts=False)
    assert [ask.after for ask in asked] == [0]
    assert feed.next(now + SILENCE - 0.01) is None


def test_pieces_that_stay_away_are_asked_for_again() -> None:
    feed = puller()
    feed.headed(target(9))
    now, _ = arrive(feed, 0.26, 3, now=0.0)
    assert isinstance(feed.next(now), Ask)
    assert feed.deadline(now) == now + SILENCE
    assert feed.next(now + SILENCE) == Ask(FEED, 3, head_at(3), SMALLEST_CHUNK, NARROW_WINDOW)


def test_a_list_that_is_refused_is_asked_for_at_the_next_head_only() -> None:
    feed = puller()
    feed.headed(target(9))
    feed.next(0.0)
    feed.refuse(1.0)
    assert feed.refused
    assert feed.next(3600.0) is None
    feed.headed(target(10))
    assert isinstance(feed.next(3601.0), Ask)
    feed.staged(position(0, 10), 3602.0)
    feed.installed(position(10))
    assert not feed.refused


@pytest.mark.parametrize("announced", [7, 8, 12])
def test_a_list_that_a_stick_brought_is_taken_up_from_there(announced: int) -> None:
    feed = puller(2, staged=5)
    feed.headed(target(announced))
    assert isinstance(feed.next(0.0), Ask)
    feed.moved(position(8))
    match feed.next(1.0):
        case Ask(_, after, head, _, _):
            assert (announced, after, head) == (12, 8, head_at(8))
        case Install(goal):
            assert announced == goal.version == 8
        case nothing:
            assert (announced, nothing) == (7, None)


def test_a_newer_head_meanwhile_is_asked_for_at_once() -> None:
    feed = puller()
    feed.headed(target(5))
    feed.next(0.0)
    feed.headed(target(9))
    feed.staged(position(0, 5), 1.0)
    assert feed.next(1.0) == Ask(FEED, 5, head_at(5), SMALLEST_CHUNK, NARROW_WINDOW)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), goals=st.lists(st.integers(1, 30), min_size=1, max_size=4), counts=st.booleans())
def test_any_line_brings_the_list_in_the_end(seed: int, goals: list[int], counts: bool) -> None:
    """Chunks are lost, doubled, reordered and cut short; the line breaks; what is installed is what was signed."""
    chance = random.Random(seed)
    feed, here, now = puller(), position(), 0.0
    line: list[tuple[int, int]] = []
    goals = sorted(set(goals))
    feed.headed(target(goals.pop(0)))
    for step in range(600):
        fair = step > 300
        if not fair and chance.random() < 0.05:
            feed.offline()
            line = []
            feed.online()
        if goals and chance.random() < 0.1:
            feed.headed(target(goals.pop(0)))
        match feed.next(now):
            case Ask(_, after, head, _, _):
                assert head == head_at(after)
                wanted = feed.target
                assert wanted is not None
                line = [
                    (first, min(3, wanted.version + 1 - first)) for first in range(after + 1, wanted.version + 1, 3)
                ]
                if not fair:
                    line = [piece for piece in line for _ in range(chance.choice((0, 1, 1, 2)))]
                    if chance.random() < 0.3:
                        chance.shuffle(line)
            case Install(goal):
                assert (here.staged_version, here.staged_head) == (goal.version, goal.head)
                here = position(goal.version)
                feed.installed(here)
            case DropStaged(_, forked):
                assert not forked
                here = position(here.version)
                feed.dropped(here, now)
        for first, count in line[:2]:
            rows = feed.fitting(first, count)
            if rows:
                assert first + rows.start == here.staged_version + 1
                here = structs.replace(
                    here,
                    staged_version=first + rows.stop - 1,
                    staged_head=head_at(first + rows.stop - 1),
                )
                feed.staged(here, now, counts=counts)
        line = line[2:]
        now += chance.choice((0.1, 1.0, 12.0))
        if not goals and feed.target is None:
            break
    assert not goals
    assert feed.target is None
    assert here == position(here.version)
