"""The clock: floors, qualities, steps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from store_kit import BEGIN, Hands

from border_agent import clock as clock_module
from border_agent.clock import BUILD_DATE, Clock, kernel_synchronised
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
    assert reading.went_back_seconds == 3600.0
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
