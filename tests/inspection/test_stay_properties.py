"""Exit control: the stay in days, in doubt for the traveller, and nothing new about what was decided before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspection_cases import NATIONAL, NOW, POLICY, good, passport, without_visa
from msgspec import json, structs

from border_agent.inspection import DocumentEvidence, Evidence, Proposal, StayEvidence, decide
from border_agent.inspection.stay import stay_of
from mqtt_schemas.entries import Direction

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
DAYS = st.integers(-10, 4000)


@pytest.mark.parametrize(
    ("allowed", "left", "over"),
    [(30, 30, 0), (30, 31, 1), (30, 0, 0), (1, 1, 0), (1, 2, 1), (0, 4000, 0), (90, 455, 365)],
)
def test_the_day_of_entry_is_not_counted(allowed: int, left: int, over: int) -> None:
    entered = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    stay = stay_of(entered, "e" * 32, allowed, date(2026, 3, 1) + timedelta(days=left))
    assert stay.overstay_days == over


def test_days_are_those_of_utc() -> None:
    east = datetime(2026, 3, 2, 1, 0, tzinfo=timezone(timedelta(hours=3)))  # still the 1st in UTC
    assert stay_of(east, "", 30, date(2026, 4, 1)).overstay_days == 1
    assert stay_of(east, "", 30, date(2026, 3, 31)).until == date(2026, 3, 31)


@given(MOMENTS, DAYS, st.integers(-400, 5000))
def test_a_day_more_is_a_day_more(entered: datetime, allowed: int, after: int) -> None:
    today = entered.date() + timedelta(days=after)
    stay = stay_of(entered, "", allowed, today)
    later = stay_of(entered, "", allowed, today + timedelta(days=1))
    longer = stay_of(entered, "", allowed + 1, today)
    assert stay.overstay_days >= 0
    assert stay.overstay_days == (max(0, after - allowed) if allowed > 0 else 0)
    assert later.overstay_days - stay.overstay_days == (0 if allowed <= 0 or after < allowed else 1)
    if allowed > 0:
        assert longer.overstay_days <= stay.overstay_days
    assert json.decode(json.encode(stay), type=StayEvidence) == stay


@given(MOMENTS, st.integers(0, 2**53))
def test_no_length_of_stay_runs_off_the_calendar(entered: datetime, allowed: int) -> None:
    last = date(9999, 12, 31)
    stay = stay_of(entered, "", allowed, last)
    limited = 0 < allowed <= (last - entered.date()).days
    assert (stay.until is not None) == limited
    assert stay.overstay_days == ((last - entered.date()).days - allowed if limited else 0)


def leaving(stay: StayEvidence | None, **changes: object) -> Evidence:
    return good(direction=Direction.EXIT, stay=stay, **changes)


@given(MOMENTS, DAYS, st.integers(0, 5000))
def test_an_overstay_is_referred_and_nobody_is_kept_by_it(entered: datetime, allowed: int, after: int) -> None:
    stay = stay_of(entered, "e" * 32, allowed, entered.date() + timedelta(days=after))
    before, verdict = decide(leaving(None), POLICY), decide(leaving(stay), POLICY)
    over = stay.overstay_days > 0
    assert ("stay.overstayed" in verdict.codes) == over
    assert verdict.proposal is (Proposal.REFER if over else before.proposal)
    assert set(before.codes) <= set(verdict.codes)
    if over:
        (found,) = (item for item in verdict.findings if item.code == "stay.overstayed")
        assert found.params["days"] == str(stay.overstay_days)


def test_whose_stay_is_nobodys_matter() -> None:
    over = stay_of(NOW - timedelta(days=400), "e" * 32, 30, NOW.date())
    for stay in (over, StayEvidence()):
        assert decide(without_visa(NATIONAL, direction=Direction.EXIT, stay=stay), POLICY) == decide(
            without_visa(NATIONAL, direction=Direction.EXIT), POLICY
        )
        assert decide(good(stay=stay), POLICY) == decide(good(), POLICY), "an entry ends no stay"


def test_an_unknown_entry_is_said_and_changes_nothing() -> None:
    verdict = decide(leaving(StayEvidence()), POLICY)
    assert "stay.entry_unknown" in verdict.codes
    assert verdict.proposal is decide(leaving(None), POLICY).proposal


def test_a_typed_zone_is_said_and_no_machine_admits_on_it() -> None:
    alone = structs.replace(POLICY, admit_without_officer=True)
    read, typed = good(), good(document=DocumentEvidence(mrz=passport(), typed=True))
    assert not decide(read, alone).officer_required
    verdict = decide(typed, alone)
    assert verdict.proposal is Proposal.ADMIT and verdict.officer_required
    assert set(verdict.codes) - set(decide(read, alone).codes) == {"document.typed"}
