"""The clock: floors, qualities, steps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from store_kit import BEGIN, Hands

from border_agent import clock as clock_module
from border_agent.clock import BUILD_DATE, TOLERANCE, Clock, kernel_synchronised, uptime
from mqtt_schemas.entries import ClockQuality

MINUTE = timedelta(minutes=1)


def test_a_machine_that_wakes_in_1970_shows_the_build_date_and_goes_on() -> None:
    hands = Hands(system=0.0)
    clock = hands.clock()
    assert clock.now() == BUILD_DATE
    assert clock.read().quality is ClockQuality.DOUBTFUL
    assert clock.read().went_back_seconds == BUILD_DATE.timestamp()
    assert not clock.trusted_system()
    hands.turn(60)
    assert clock.now() == BUILD_DATE + MINUTE


def test_the_floor_is_the_newest_of_all() -> None:
    hands = Hands(system=0.0)
    clock = hands.clock()
    clock.raise_floor(BEGIN)
    clock.raise_floor(BEGIN - MINUTE)
    assert clock.now() == BEGIN


def test_nothing_vouches_for_a_plausible_clock_until_something_does() -> None:
    hands = Hands()
    clock = hands.clock()
    assert clock.read().quality is ClockQuality.UNKNOWN
    hands.synchronised = True
    assert clock.read().quality is ClockQuality.SYNCHRONISED
    hands.synchronised = False
    hands.turn(23 * 3600)
    assert clock.read().quality is ClockQuality.SYNCHRONISED
    hands.turn(2 * 3600)
    assert clock.read().quality is ClockQuality.HOLDOVER


def test_a_clock_that_runs_backwards_is_seen_and_not_followed() -> None:
    hands = Hands()
    clock = hands.clock()
    clock.raise_floor(clock.now())
    hands.turn(10)
    hands.system -= 3610
    reading = clock.read()
    assert reading.at == BEGIN + timedelta(seconds=10)
    assert reading.went_back_seconds == 3610.0
    assert reading.quality is ClockQuality.DOUBTFUL


def test_small_steps_back_of_a_time_server_are_no_finding() -> None:
    hands = Hands()
    clock = hands.clock()
    clock.raise_floor(clock.now())
    hands.system -= 0.5
    assert clock.read().went_back_seconds == 0.0
    assert clock.read().quality is ClockQuality.UNKNOWN


def test_an_acknowledgement_sets_a_wrong_clock_right_in_both_directions() -> None:
    for wrong in (-86400.0, 86400.0):
        hands = Hands()
        hands.system += wrong
        clock = hands.clock()
        clock.raise_floor(clock.now())
        assert clock.acknowledged(BEGIN)
        assert clock.now() == BEGIN
        assert clock.read().quality is ClockQuality.SYNCHRONISED
        assert clock.read().went_back_seconds == 0.0, "set right is not run backwards"
        assert clock.trusted_system() is False
        hands.turn(60)
        assert clock.now() == BEGIN + MINUTE


def test_an_acknowledgement_that_agrees_leaves_the_finer_system_clock() -> None:
    hands = Hands()
    clock = hands.clock()
    assert clock.acknowledged(BEGIN - timedelta(seconds=2))
    assert clock.now() == BEGIN
    assert clock.trusted_system()


def test_an_old_acknowledgement_of_the_same_session_moves_nothing() -> None:
    hands = Hands()
    hands.system -= 86400
    clock = hands.clock()
    assert clock.acknowledged(BEGIN)
    hands.turn(3 * 3600)
    assert not clock.acknowledged(BEGIN + MINUTE)
    assert clock.now() == BEGIN + timedelta(hours=3)


def test_a_slow_line_does_not_pull_the_clock_back() -> None:
    hands = Hands()
    hands.system -= 86400
    clock = hands.clock()
    clock.acknowledged(BEGIN)
    hands.turn(30)
    assert clock.acknowledged(BEGIN + timedelta(seconds=10))
    assert clock.now() == BEGIN + timedelta(seconds=30)


def test_a_time_server_against_the_centre_is_doubtful() -> None:
    hands = Hands(synchronised=True)
    clock = hands.clock()
    clock.acknowledged(BEGIN + timedelta(hours=1))
    assert clock.read().quality is ClockQuality.DOUBTFUL
    assert clock.now() == BEGIN + timedelta(hours=1)


@pytest.mark.parametrize("turned", [3600.0, 366 * 86400.0, 31.0])
def test_a_clock_that_is_turned_forth_is_seen_and_not_followed(turned: float) -> None:
    hands = Hands()
    clock = hands.clock()
    clock.read()
    hands.turn(10)
    hands.system += turned
    reading = clock.read()
    assert reading.at == BEGIN + timedelta(seconds=10)
    assert (reading.jumped_seconds, reading.went_back_seconds) == (turned, 0.0)
    assert reading.quality is ClockQuality.DOUBTFUL
    assert not clock.trusted_system()
    assert clock.turned_seconds() == turned
    hands.turn(60)
    assert clock.now() == BEGIN + timedelta(seconds=70)
    hands.system -= turned
    assert (clock.read().jumped_seconds, clock.turned_seconds()) == (0.0, 0.0), "turned back again"
    assert clock.now() == BEGIN + timedelta(seconds=70)


def test_a_clock_that_is_turned_back_above_the_last_entry_is_seen_too() -> None:
    """An idle night: the newest entry is hours old, and the floor alone would let the clock fall to it."""
    hands = Hands()
    clock = hands.clock()
    clock.raise_floor(clock.now())
    hands.turn(6 * 3600)
    clock.read()
    hands.system -= 3 * 3600
    reading = clock.read()
    assert reading.at == BEGIN + timedelta(hours=6)
    assert (reading.went_back_seconds, reading.jumped_seconds) == (3 * 3600.0, 0.0)
    assert reading.quality is ClockQuality.DOUBTFUL
    assert clock.turned_seconds() == -3 * 3600.0


def test_many_small_turns_add_up() -> None:
    hands = Hands()
    clock = hands.clock()
    for _ in range(10):
        clock.read()
        hands.turn(10)
        hands.system += 5
    assert clock.read().jumped_seconds == 50.0


def test_a_time_server_may_turn_the_clock_and_the_centre_settles_it() -> None:
    hands = Hands()
    clock = hands.clock()
    clock.read()
    hands.system += 86400
    assert clock.read().jumped_seconds == 86400.0
    hands.synchronised = True
    assert (clock.read().jumped_seconds, clock.read().quality) == (0.0, ClockQuality.SYNCHRONISED)
    assert clock.now() == BEGIN + timedelta(days=1)
    hands.synchronised = False
    hands.system += 86400
    assert clock.read().jumped_seconds == 86400.0
    assert clock.acknowledged(BEGIN + timedelta(days=2))
    assert (clock.now(), clock.read().jumped_seconds) == (BEGIN + timedelta(days=2), 0.0)
    assert clock.trusted_system()


def test_a_turned_clock_never_shows_less_than_its_floor() -> None:
    hands = Hands()
    clock = hands.clock()
    clock.read()
    hands.system += 86400
    clock.raise_floor(BEGIN + timedelta(hours=2))
    assert clock.now() == BEGIN + timedelta(hours=2)


def test_a_list_from_a_little_ahead_is_no_turned_clock() -> None:
    """The floor is where time cannot be below; it is no reading of a clock."""
    hands = Hands(synchronised=True)
    clock = hands.clock()
    clock.read()
    clock.raise_floor(BEGIN + timedelta(seconds=40))
    assert clock.now() >= BEGIN + timedelta(seconds=40)
    hands.synchronised = False
    hands.turn(50)
    reading = clock.read()
    assert (reading.at, reading.quality) == (BEGIN + timedelta(seconds=50), ClockQuality.SYNCHRONISED)
    assert (reading.went_back_seconds, reading.jumped_seconds) == (0.0, 0.0)


def test_a_machine_that_woke_in_1970_may_be_set_by_hand_once() -> None:
    hands = Hands(system=0.0)
    clock = hands.clock()
    assert clock.turned_seconds() == -BUILD_DATE.timestamp()
    hands.turn(60)
    hands.system = BEGIN.timestamp()
    reading = clock.read()
    assert (reading.at, reading.quality, reading.jumped_seconds) == (BEGIN, ClockQuality.UNKNOWN, 0.0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.floats(0, 1e6)),
            st.tuples(st.just("turn"), st.floats(-1e8, 1e8)),
            st.tuples(st.just("entry"), st.just(0.0)),
        ),
        max_size=30,
    )
)
@example([("turn", -10_450_802.0)])
def test_whatever_is_done_to_the_systems_clock_time_only_goes_forward(acts: list[tuple[str, float]]) -> None:
    """Nobody vouches for anything: then the time believed is what has really passed, to within the tolerance."""
    hands = Hands()
    clock = hands.clock()
    begun, last, waited = clock.now(), clock.now(), 0.0
    for what, seconds in acts:
        if what == "wait":
            hands.turn(seconds)
            waited += seconds
        elif what == "turn":
            hands.system += seconds
        else:
            clock.raise_floor(clock.now())
        now = clock.now()
        assert abs((now - begun).total_seconds() - waited) <= 2 * TOLERANCE.total_seconds()
        assert now >= last - TOLERANCE - timedelta(microseconds=10)
        last = max(last, now)


def test_time_runs_on_while_the_machine_sleeps() -> None:
    assert abs(uptime() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1


def test_a_system_clock_that_holds_no_date_is_below_every_floor() -> None:
    hands = Hands(system=1e18)
    reading = hands.clock().read()
    assert (reading.at, reading.quality) == (BUILD_DATE, ClockQuality.DOUBTFUL)


def test_the_real_clock_is_utc_and_the_kernel_answers() -> None:
    assert isinstance(kernel_synchronised(), bool)
    now = Clock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < MINUTE


@pytest.mark.parametrize(
    ("written", "believed"),
    [
        (0.0, True),
        (-29.0, True),
        (-40.0, False),
        (+60.0, False),
        (None, False),
        ("x", False),
        ("nan", False),
        ("", False),
    ],
)
def test_where_the_kernel_may_not_be_asked_somebody_outside_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: float | str | None, believed: bool
) -> None:
    monkeypatch.setattr(clock_module, "_libc", SimpleNamespace(adjtimex=lambda _: -1))
    told = tmp_path / "synchronised"
    if isinstance(written, float):
        told.write_text(f"{time.clock_gettime(time.CLOCK_BOOTTIME) + written:.0f}\n", encoding="ascii")
    elif written is not None:
        told.write_text(written, encoding="ascii")
    assert kernel_synchronised(told) is believed
