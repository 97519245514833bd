"""Rules on face, lists and clock: the edges of each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from inspection_cases import (
    NATIONAL,
    NOW,
    POLICY,
    clock,
    compared,
    face,
    good,
    hit,
    listed,
    lists,
    with_visa,
    without_visa,
)
from msgspec import structs

from border_agent.faces import ReferenceKind
from border_agent.inspection import (
    Evidence,
    decide,
)


@pytest.mark.parametrize(
    ("evidence", "alone"),
    [
        (good(), True),
        (face(compared(provisional=True)), False),
        (face(compared(kind=ReferenceKind.printed)), False),
        (face(compared(kind=ReferenceKind.printed), compared()), True),
        (face(compared(), compared(kind=ReferenceKind.printed, provisional=True)), False),
        (with_visa(record=None), False),
    ],
)
def test_a_machine_admits_alone_only_on_a_vouched_face(evidence: Evidence, alone: bool) -> None:
    verdict = decide(evidence, structs.replace(POLICY, admit_without_officer=True))
    assert verdict.officer_required is not alone
    assert decide(evidence, POLICY).officer_required


def test_several_faces_with_a_comparison_still_refer() -> None:
    assert decide(face(compared(), error="face.several"), POLICY).codes == ("face.several",)


def test_one_vouched_match_is_enough_and_one_provisional_too_many() -> None:
    both = (compared(kind=ReferenceKind.printed), compared())
    assert decide(face(*both), POLICY).codes == ()
    assert decide(face(compared(), compared(provisional=True)), POLICY).codes == ("face.provisional",)


@pytest.mark.parametrize(
    ("evidence", "codes"),
    [
        (good(lists=lists(visas=listed("visas", hours=72))), ()),
        (good(lists=lists(visas=listed("visas", hours=-1 / 6))), ()),
        (good(clock=clock(back=1.9)), ()),
        (good(clock=clock(back=2.0)), ("clock.corrected",)),
        (good(clock=clock(back=299.9)), ("clock.corrected",)),
    ],
)
def test_tolerances(evidence: Evidence, codes: tuple[str, ...]) -> None:
    assert decide(evidence, POLICY).codes == codes


@pytest.mark.parametrize("name", ["surname", "given_names"])
def test_a_record_with_half_a_name_is_a_person(name: str) -> None:
    one = hit()
    half = structs.replace(one, record=structs.replace(one.record, **{name: ""}))
    found = decide(good(hits=(half,)), POLICY).findings
    assert [(item.code, item.params["grounds"]) for item in found] == [("watchlist.stop", "wanted")]


def test_stale_hours_come_from_the_policy() -> None:
    evidence = good(lists=lists(watchlist=listed("watchlist", hours=30)))
    assert decide(evidence, POLICY).proposal == "admit"
    assert decide(evidence, structs.replace(POLICY, list_stale_hours={"watchlist": 24})).codes == ("list.stale",)


def test_visa_lists_count_only_where_a_visa_does() -> None:
    bare = lists(visas=None, trust=None)
    assert decide(without_visa(NATIONAL, lists=bare), POLICY).proposal == "admit"
    assert decide(good(lists=bare), POLICY).codes == ("list.missing", "list.missing")


def test_a_clock_before_the_inspection_began_went_back() -> None:
    assert "clock.went_back" in decide(good(started_at=NOW + timedelta(hours=1)), POLICY).codes


def test_extreme_policy_numbers_do_not_overflow() -> None:
    most = 2**31
    hours = {"visas": most}
    policy = structs.replace(POLICY, passport_validity_days=most, list_stale_hours=hours, face_minimum_age=most)
    policy = structs.replace(policy, minor_age=most)
    assert decide(good(), policy).proposal == "refer"
