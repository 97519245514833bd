"""Rules on the document and its holder: the edges of each."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from inspection_cases import (
    NATIONAL,
    NOW,
    POLICY,
    POLICY_90,
    clock,
    doc,
    good,
    partial,
    passport,
    sealed,
    with_document,
    without_visa,
)
from msgspec import structs

from border_agent.documents.mrz import IssueCode, MrzFormat, MrzIssue, parse_mrz
from border_agent.inspection import (
    Step,
    decide,
)
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import Regime, RegimeRule


@pytest.mark.parametrize(("expiry", "proposal"), [(date(2026, 11, 22), "admit"), (date(2026, 11, 21), "refuse")])
def test_a_passport_is_good_on_its_last_day(expiry: date, proposal: str) -> None:
    assert decide(with_document(passport(expiry=expiry)), POLICY).proposal == proposal


def test_the_day_is_utc_whatever_the_zone_of_the_clock() -> None:
    local = datetime(2026, 11, 22, 0, 30, tzinfo=timezone(timedelta(hours=1)))  # 23:30 UTC of the 21st
    evidence = with_document(passport(expiry=date(2026, 11, 21)), clock=clock(at=local), started_at=local)
    assert "document.expired" not in decide(evidence, POLICY).codes


@pytest.mark.parametrize(
    ("expiry", "code"),
    [
        (partial(2026, 10, None), "document.expired"),
        (partial(2025, None, None), "document.expired"),
        (partial(2026, 11, None), "document.expiry_unclear"),
        (partial(2026, None, None), "document.expiry_unclear"),
        (partial(None, None, None), "document.expiry_unclear"),
        (partial(2027, 2, 30, valid=False), "document.impossible_date"),
    ],
)
def test_an_incomplete_expiry_counts_as_its_last_possible_day(expiry: Any, code: str) -> None:
    assert decide(doc(expiry=expiry), POLICY).codes == (code,)


@pytest.mark.parametrize(("expiry", "soon"), [(date(2027, 2, 20), False), (date(2027, 2, 19), True)])
def test_passport_validity_beyond_entry(expiry: date, soon: bool) -> None:
    codes = decide(with_document(passport(expiry=expiry)), POLICY_90).codes
    assert ("document.expires_soon" in codes) is soon


def test_a_national_is_never_refused_for_an_old_passport_alone() -> None:
    verdict = decide(without_visa(structs.replace(NATIONAL, expiry=partial(2020, 1, 1))), POLICY_90)
    assert verdict.proposal == "refer"
    assert "document.expires_soon" not in verdict.codes


def test_leaving_needs_no_visa_and_no_fresh_passport() -> None:
    mrz = passport(expiry=date(2026, 11, 1))
    verdict = decide(with_document(mrz, visa=None, direction=Direction.EXIT), POLICY)
    assert verdict.codes == ("document.expired_review",)


def test_a_visa_laid_down_as_a_passport_is_no_travel_document() -> None:
    lines = sealed().mrz_lines
    mrz = parse_mrz("\n".join(lines), today=NOW.date())
    assert "document.type_not_accepted" in decide(without_visa(mrz), POLICY).codes


@pytest.mark.parametrize(
    ("code", "nationality", "regime", "accepted"),
    [
        ("AC", "GHA", Regime.CREW, True),
        ("I", "GHA", Regime.UNKNOWN, False),
        ("I", "UTO", Regime.NATIONAL, True),
        ("I", "TGO", Regime.VISA_REQUIRED, False),
        ("I", "SWE", Regime.UNKNOWN, True),
    ],
)
def test_documents_other_than_passports(code: str, nationality: str, regime: Regime, accepted: bool) -> None:
    mrz = passport(format=MrzFormat.TD1, document_code=code, nationality=nationality, issuer=nationality)
    verdict = decide(without_visa(mrz), POLICY)
    assert verdict.regime is regime
    assert ("document.type_not_accepted" not in verdict.codes) is accepted


def test_the_first_line_of_the_table_that_fits_holds() -> None:
    rules = (
        RegimeRule(nationality="GHA", purpose="transit", regime=Regime.EXEMPT, days=1),
        *POLICY.regimes,
        RegimeRule(nationality="*", regime=Regime.EXEMPT, days=7),
    )
    policy = structs.replace(POLICY, regimes=rules)
    assert decide(good(purpose="transit"), policy).regime is Regime.EXEMPT
    assert decide(good(purpose="tourism"), policy).regime is Regime.VISA_REQUIRED
    assert decide(without_visa(passport(nationality="SWE", issuer="SWE")), policy).stay_days == 7


@pytest.mark.parametrize(
    ("birth", "code"),
    [
        (partial(2008, 11, 22), None),
        (partial(2008, 11, 23), "traveller.minor_alone"),
        (partial(2008, 11, None), "traveller.age_unclear"),
        (partial(2008, 12, None), "traveller.minor_alone"),
        (partial(2008, 10, None), None),
        (partial(2009, None, None), "traveller.minor_alone"),
        (partial(2007, None, None), None),
        (partial(None, None, None), "traveller.age_unclear"),
        (partial(2007, None, 5), None),
    ],
)
def test_age_from_partial_dates(birth: Any, code: str | None) -> None:
    codes = [item for item in decide(doc(birth=birth), POLICY).codes if item.startswith("traveller.")]
    assert codes == ([code] if code else [])


@pytest.mark.parametrize(("year", "asked"), [(2020, False), (2010, True)])
def test_small_children_are_not_asked_for_their_face(year: int, asked: bool) -> None:
    codes = decide(doc(birth=partial(year, 1, 1)), POLICY).codes
    without = decide(structs.replace(doc(birth=partial(year, 1, 1)), face=None), POLICY).codes
    assert "traveller.minor_alone" in codes
    assert ("face.not_compared" in without) is asked


def test_a_newborn_has_a_possible_birthday() -> None:
    assert "document.impossible_date" not in decide(doc(birth=partial(2026, 11, 22)), POLICY).codes
    assert "document.impossible_date" in decide(doc(birth=partial(2026, 11, 23)), POLICY).codes


def test_an_unreadable_date_is_not_called_impossible_too() -> None:
    wrong = partial(1985, 2, 30, valid=False)
    unreadable = doc(birth=wrong, issues=(MrzIssue("birth", IssueCode.CHARACTER),))
    assert "document.impossible_date" not in decide(unreadable, POLICY).codes
    assert "document.characters" in decide(unreadable, POLICY).codes
    impossible = doc(birth=wrong, issues=(MrzIssue("birth", IssueCode.DATE_IMPOSSIBLE),))
    assert "document.impossible_date" in decide(impossible, POLICY).codes


def test_leaving_asks_for_no_validity_beyond_today() -> None:
    evidence = with_document(passport(expiry=date(2026, 12, 1)), visa=None, direction=Direction.EXIT)
    assert decide(evidence, POLICY_90).codes == ()


@pytest.mark.parametrize(
    ("left", "reason"),
    [({"skipped": tuple(Step)}, "skipped"), ({"timed_out": tuple(Step)}, "timed_out"), ({}, "not_done")],
)
def test_a_missing_step_says_why(left: dict[str, Any], reason: str) -> None:
    nothing = good(document=None, page=None, visa=None, face=None, **left)
    found = {item.code: item.params for item in decide(nothing, POLICY).findings}
    assert found["document.missing"] == found["face.not_compared"] == {"reason": reason}
    no_visa = {item.code: item.params for item in decide(good(visa=None, **left), POLICY).findings}
    assert no_visa["seal.missing"] == {"reason": reason}
