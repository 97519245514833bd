"""Leases: one session at a time has a traveller in hand, and nobody holds one for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kiosk_kit import Moving

from border_agent.agent.leases import LEASE_SECONDS, Held, Holder, Leases

CASE = "0" * 32


def holder(session: str, number: str = "1001") -> Holder:
    return Holder(number=number, name="DIALLO Awa", counter="2", device="uto-poste-1", session=session)


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def leases(clock: Moving) -> Leases:
    return Leases(lambda: datetime(2026, 11, 25, 12, tzinfo=UTC) + timedelta(seconds=clock.now), clock)


def test_the_second_who_opens_it_is_told_who_has_it(leases: Leases) -> None:
    leases.take(CASE, holder("a"))
    with pytest.raises(Held) as caught:
        leases.take(CASE, holder("b", "1002"))
    assert caught.value.holder.number == "1001"
    assert leases.holder(CASE) == holder("a")


def test_a_second_tab_of_the_same_session_is_the_same_hand(leases: Leases) -> None:
    leases.take(CASE, holder("a"))
    leases.take(CASE, holder("a"))
    assert leases.holder(CASE) == holder("a")


def test_a_page_that_is_heard_of_keeps_it_and_a_silent_one_loses_it(leases: Leases, clock: Moving) -> None:
    leases.take(CASE, holder("a"))
    clock.now += LEASE_SECONDS - 1
    assert leases.keep(CASE, "a")
    clock.now += LEASE_SECONDS - 1
    assert leases.holder(CASE) == holder("a")
    clock.now += 2
    assert leases.holder(CASE) is None
    leases.take(CASE, holder("b", "1002"))
    assert not leases.keep(CASE, "a")


def test_given_back_it_is_anybodys(leases: Leases) -> None:
    leases.take(CASE, holder("a"))
    assert not leases.leave(CASE, "b")
    assert leases.leave(CASE, "a")
    leases.take(CASE, holder("b"))


def test_a_session_that_ends_gives_back_everything_it_had(leases: Leases) -> None:
    leases.take(CASE, holder("a"))
    leases.take("1" * 32, holder("a"))
    leases.take("2" * 32, holder("b"))
    assert sorted(leases.leave_all("a")) == [CASE, "1" * 32]
    assert leases.holder("2" * 32) == holder("b")


def test_the_first_hand_is_when_waiting_ended(leases: Leases, clock: Moving) -> None:
    leases.take(CASE, holder("a"))
    first = leases.taken_at(CASE)
    clock.now += LEASE_SECONDS + 1
    leases.take(CASE, holder("b"))
    assert leases.taken_at(CASE) == first
    leases.forget(CASE)
    assert leases.taken_at(CASE) is None
    assert leases.holder(CASE) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(("take", "keep", "leave", "wait")), st.sampled_from("abc"), st.integers(1, 90)),
        max_size=40,
    )
)
def test_never_two_hands(steps: list[tuple[str, str, int]]) -> None:
    """Against a plain model: whoever took it last and was heard of within the lease."""
    clock = Moving()
    leases = Leases(lambda: datetime(2026, 11, 25, tzinfo=UTC), clock)
    has: tuple[str, float] | None = None
    for step, session, seconds in steps:
        live = has is not None and has[1] > clock.now
        if step == "wait":
            clock.now += seconds
        elif step == "take":
            if live and has is not None and has[0] != session:
                with pytest.raises(Held):
                    leases.take(CASE, holder(session))
            else:
                leases.take(CASE, holder(session))
                has = (session, clock.now + LEASE_SECONDS)
        elif step == "keep":
            assert leases.keep(CASE, session) == (has is not None and has[0] == session)
            if has is not None and has[0] == session:
                has = (session, clock.now + LEASE_SECONDS)
        else:
            assert leases.leave(CASE, session) == (has is not None and has[0] == session)
            if has is not None and has[0] == session:
                has = None
        shown = leases.holder(CASE)
        assert (shown.session if shown else None) == (has[0] if has and has[1] > clock.now else None)
