"""Every finding can be reached, has words, and holds exactly where its rule says: the edges of each rule."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from inspection_cases import (
    NOW,
    POLICY,
    VISA_ID,
    clock,
    compared,
    good,
    hit,
    judged,
    listed,
    lists,
    partial,
    passport,
    record,
    sealed,
    with_check_wrong,
    with_document,
    with_visa,
    without_visa,
)
from msgspec import structs

import border_agent.inspection.rules.v1 as rules_v1
from border_agent.documents.mrz import IssueCode, MrzFormat, MrzIssue, parse_mrz
from border_agent.faces import ReferenceKind, Zone
from border_agent.inspection import (
    REGISTRY,
    DocumentEvidence,
    Evidence,
    FaceEvidence,
    SafeCode,
    Severity,
    Step,
    Verdict,
    VisaEvidence,
    decide,
    finding,
    traveller_codes,
)
from border_agent.inspection.errors import UnknownRules
from border_agent.inspection.findings import UnknownFinding
from border_agent.trust import SignatureVerdict
from border_agent.words import has, text
from mqtt_schemas.entries import ClockQuality, Direction
from mqtt_schemas.records import Handling, Policy, Regime, RegimeRule, VisaStatus

POLICY_90 = structs.replace(POLICY, passport_validity_days=90)


def issue(field: str, code: IssueCode) -> Evidence:
    mrz = passport()
    return with_document(structs.replace(mrz, issues=(MrzIssue(field, code),)))


def doc(**changes: Any) -> Evidence:
    return with_document(structs.replace(passport(), **changes))


def face(*comparisons: Any, error: str = "", matches: bool | None = None) -> Evidence:
    return good(face=FaceEvidence(comparisons=comparisons, error=error, portrait_matches_seal=matches))


def sealed_check_wrong() -> Any:
    visa = sealed()
    assert visa.mrv is not None
    return structs.replace(visa, mrv=with_check_wrong(visa.mrv))


NATIONAL = passport(nationality="UTO", issuer="UTO")

REACHED: dict[str, Evidence | tuple[Evidence, Policy]] = {
    "document.missing": good(document=None, skipped=(Step.DOCUMENT,)),
    "document.unreadable": good(document=DocumentEvidence(error="mrz.not_mrz", attempts=3)),
    "document.check_digit": with_document(with_check_wrong(passport())),
    "document.characters": issue("number", IssueCode.CHARACTER),
    "document.impossible_date": doc(birth=partial(1985, 2, 30, valid=False)),
    "document.code_unknown": issue("issuer", IssueCode.STATE_UNKNOWN),
    "document.number_missing": issue("number", IssueCode.MISSING),
    "document.expired": with_document(passport(expiry=date(2026, 11, 21))),
    "document.expired_review": without_visa(structs.replace(NATIONAL, expiry=partial(2026, 11, 21))),
    "document.expires_soon": (with_document(passport(expiry=date(2027, 2, 19))), POLICY_90),
    "document.expiry_unclear": doc(expiry=partial(2031, None, None)),
    "document.type_not_accepted": without_visa(
        passport(format=MrzFormat.TD1, document_code="I", nationality="BFA", issuer="BFA")
    ),
    "regime.unknown": without_visa(passport(nationality="SWE", issuer="SWE")),
    "seal.missing": good(visa=None, timed_out=(Step.VISA,)),
    "seal.not_a_seal": good(visa=VisaEvidence(error="seal.not_a_seal")),
    "seal.not_a_visa": good(visa=VisaEvidence(error="seal.not_a_visa")),
    "seal.unreadable": good(visa=VisaEvidence(error="seal.malformed")),
    "seal.not_judged": with_visa(judgement=None),
    "seal.unsigned": with_visa(judgement=judged(SignatureVerdict.UNSIGNED)),
    "seal.forged": with_visa(judgement=judged(SignatureVerdict.FORGED)),
    "seal.signer_unknown": with_visa(judgement=judged(SignatureVerdict.SIGNER_UNKNOWN)),
    "seal.signer_expired": with_visa(judgement=judged(SignatureVerdict.SIGNER_EXPIRED, "after_use_period")),
    "seal.signer_revoked": with_visa(judgement=judged(SignatureVerdict.SIGNER_REVOKED, "key_compromised")),
    "seal.out_of_scope": with_visa(judgement=judged(SignatureVerdict.SIGNER_OUT_OF_SCOPE, "scope")),
    "seal.forged_not_needed": with_document(
        NATIONAL, visa=VisaEvidence(visa=sealed(), judgement=judged(SignatureVerdict.FORGED))
    ),
    "visa.issuer_not_accepted": with_visa(sealed(issuer="GHA"), record=record(issuer="GHA")),
    "visa.mrz_invalid": with_visa(sealed_check_wrong()),
    "visa.validity_unclear": with_visa(sealed(valid_until=None)),
    "visa.expired": with_visa(sealed(mrv_expiry=date(2026, 11, 21))),
    "visa.not_yet_valid": with_visa(sealed(valid_from=date(2026, 11, 23))),
    "visa.document_mismatch": with_visa(sealed(passport_number="G7654321")),
    "visa.document_unclear": with_visa(sealed(passport_number="")),
    "visa.holder_differs": with_visa(sealed(mrv_birth=date(1985, 4, 3))),
    "visa.entries_unclear": with_visa(sealed(entries=0, entries_stated=False), record=None),
    "visa.used_up": with_visa(record=record(uses=1)),
    "visa.revoked": with_visa(record=record(status=VisaStatus.REVOKED)),
    "visa.status_unknown": with_visa(record=record(status=VisaStatus.UNKNOWN)),
    "visa.not_yet_seen": with_visa(record=None),
    "visa.record_differs": with_visa(record=record(entries=2)),
    "visa.portrait_differs": with_visa(record=record(portrait_sha256=bytes(32))),
    "visa.not_needed": with_document(NATIONAL),
    "watchlist.stop": good(hits=(hit(Handling.STOP),)),
    "watchlist.discreet": good(hits=(hit(Handling.DISCREET, named=False),)),
    "watchlist.inform": good(hits=(hit(Handling.INFORM, grounds=""),)),
    "watchlist.hit": good(hits=(hit(Handling.UNKNOWN),)),
    "watchlist.document": good(hits=(hit(Handling.STOP, named=False, grounds="document_stolen"),)),
    "traveller.minor": good(
        document=DocumentEvidence(mrz=structs.replace(passport(), birth=partial(2009, 1, 1))), accompanied=True
    ),
    "traveller.minor_alone": doc(birth=partial(2009, 1, 1)),
    "traveller.age_unclear": doc(birth=partial(2008, None, None)),
    "face.not_compared": good(face=None, timed_out=(Step.FACE,)),
    "face.no_reference": face(),
    "face.several": face(error="face.several"),
    "face.declined": face(error="face.declined"),
    "face.doubt": face(compared(Zone.doubt)),
    "face.no_match": face(compared(Zone.no_match)),
    "face.references_disagree": face(compared(), compared(Zone.no_match, ReferenceKind.printed)),
    "face.reference_unvouched": face(compared(kind=ReferenceKind.chip_unvouched)),
    "face.provisional": face(compared(provisional=True)),
    "list.missing": good(lists=lists(watchlist=None)),
    "list.stale": good(lists=lists(visas=listed("visas", hours=72.1))),
    "list.expired": good(lists=lists(trust=listed("trust", expires=NOW))),
    "clock.doubtful": good(clock=clock(ClockQuality.UNKNOWN)),
    "clock.behind": good(lists=lists(policy=listed("policy", hours=-1))),
    "clock.went_back": good(clock=clock(back=300.0)),
    "clock.corrected": good(clock=clock(back=3.0)),
    "clock.holdover": good(clock=clock(ClockQuality.HOLDOVER)),
    "decoder.failed": good(problems=("decoder.crashed",)),
    "inspection.step_skipped": good(face=None, skipped=(Step.FACE,)),
    "inspection.step_timed_out": good(face=None, timed_out=(Step.FACE,)),
    "inspection.problem": good(problems=("device.misconfigured",)),
}


def verdict_of(case: Evidence | tuple[Evidence, Policy]) -> Verdict:
    return decide(*case) if isinstance(case, tuple) else decide(case, POLICY)


def test_every_code_has_a_case() -> None:
    assert set(REACHED) == set(REGISTRY)
    assert len(REGISTRY) >= 24


@pytest.mark.parametrize("code", sorted(REACHED))
def test_finding_is_reached_decides_and_has_words(code: str) -> None:
    verdict = verdict_of(REACHED[code])
    found = [item for item in verdict.findings if item.code == code]
    assert found, verdict.codes
    severity = REGISTRY[code].severity
    assert found[0].severity is severity
    order = ["admit", "refer", "refuse"]
    assert order.index(verdict.proposal) >= severity.rank
    others = [item.severity.rank for item in verdict.findings]
    assert order.index(verdict.proposal) == max(others)
    for language in ("fr", "en"):
        for part in ("title", "advice"):
            words = text(f"finding.{code}.{part}", language, **found[0].params)
            assert words
            assert not re.search(r"[{}]|unstated", words), words
    assert has(f"traveller.{REGISTRY[code].traveller}")


def test_rules_name_only_registered_codes() -> None:
    rooms = "|".join(sorted({code.split(".")[0] for code in REGISTRY}))
    folder = Path(rules_v1.__file__).parent
    named = set()
    for file in folder.glob("*.py"):
        named |= set(re.findall(rf'"((?:{rooms})\.[a-z_]+)"', file.read_text("utf-8")))
    assert named == set(REGISTRY), named ^ set(REGISTRY)


def test_an_unregistered_code_is_a_typed_error() -> None:
    with pytest.raises(UnknownFinding):
        finding("document.of_bad_taste")


def test_unknown_rules_are_a_typed_error() -> None:
    with pytest.raises(UnknownRules, match="rules version 2"):
        decide(good(), structs.replace(POLICY, rules_version=2))


# Document


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


# Visa


def test_sealed_and_listed_the_narrower_holds() -> None:
    assert "visa.used_up" in decide(with_visa(sealed(entries=3), record=record(entries=1), uses_here=1), POLICY).codes
    assert "visa.expired" in decide(with_visa(record=record(valid_until=date(2026, 11, 21))), POLICY).codes
    assert "visa.not_yet_valid" in decide(with_visa(record=record(valid_from=date(2026, 11, 23))), POLICY).codes


@pytest.mark.parametrize(
    ("entries", "here", "centre", "used_up"),
    [(1, 0, 0, False), (1, 1, 0, True), (1, 0, 1, True), (2, 1, 1, False), (2, 1, 2, True), (0, 9, 9, False)],
)
def test_uses_are_the_larger_of_here_and_centre(entries: int, here: int, centre: int, used_up: bool) -> None:
    evidence = with_visa(sealed(entries=entries), record=record(entries=entries, uses=centre), uses_here=here)
    assert ("visa.used_up" in decide(evidence, POLICY).codes) is used_up


def test_entries_not_stated_are_not_unlimited() -> None:
    silent = sealed(entries=0, entries_stated=False)
    assert "visa.used_up" in decide(with_visa(silent, uses_here=1), POLICY).codes
    assert "visa.entries_unclear" in decide(with_visa(silent, record=None), POLICY).codes
    assert "visa.record_differs" not in decide(with_visa(silent), POLICY).codes


def test_an_incomplete_end_of_the_visa() -> None:
    visa = sealed()
    assert visa.mrv is not None
    unclear = structs.replace(visa, valid_until=None, mrv=structs.replace(visa.mrv, expiry=partial(2027, None, None)))
    past = structs.replace(unclear, mrv=structs.replace(visa.mrv, expiry=partial(2025, None, None)))
    assert "visa.validity_unclear" in decide(with_visa(unclear), POLICY).codes
    assert "visa.expired" in decide(with_visa(past), POLICY).codes


@pytest.mark.parametrize(
    ("evidence", "fields"),
    [
        (with_visa(sealed(passport_number="G7654321")), "number"),
        (with_visa(record=record(document_issuer="TGO")), "issuer"),
        (with_visa(sealed(mrv_nationality="TGO")), "nationality"),
    ],
)
def test_another_passport(evidence: Evidence, fields: str) -> None:
    verdict = decide(evidence, POLICY)
    assert verdict.proposal == "refuse"
    assert verdict.findings[0].params == {"fields": fields}


def test_a_seal_has_room_for_nine_characters_of_a_number() -> None:
    mrz = structs.replace(passport(nationality="TGO", issuer="TGO"), number="G12345678901")
    visa = sealed(passport_number="G12345678", mrv_nationality="TGO", mrv_number="G12345678")
    long = with_visa(visa, record=record(document_number="G12345678901", document_issuer="TGO"))
    assert decide(structs.replace(long, document=DocumentEvidence(mrz=mrz)), POLICY).proposal == "admit"


def test_holder_with_a_name_cut_short_is_the_same() -> None:
    name = {"surname": "Mensah Nkrumah Asante Boateng", "given_names": "Ama Esi Akosua Abena"}
    visa = sealed(**{f"mrv_{key}": value for key, value in name.items()})
    evidence = structs.replace(with_visa(visa), document=DocumentEvidence(mrz=passport(**name)))
    assert "visa.holder_differs" not in decide(evidence, POLICY).codes


def test_an_unspecified_sex_differs_from_nothing() -> None:
    assert decide(with_visa(sealed(mrv_sex="X")), POLICY).proposal == "admit"
    assert decide(with_visa(sealed(mrv_sex="M")), POLICY).codes == ("visa.holder_differs",)


def test_an_unknown_birth_part_differs_from_nothing() -> None:
    evidence = doc(birth=partial(1985, None, None))
    assert "visa.holder_differs" not in decide(evidence, POLICY).codes


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"visa_id": "ff" * 8}, "visa_id"),
        ({"issuer": "TGO"}, "issuer"),
        ({"document_number": "G9"}, "number"),
        ({"valid_from": date(2026, 11, 2)}, "valid_from"),
        ({"valid_until": date(2027, 2, 1)}, "valid_until"),
        ({"entries": 0}, "entries"),
    ],
)
def test_the_list_says_something_else(change: dict[str, Any], field: str) -> None:
    verdict = decide(with_visa(record=record(**change)), POLICY)
    assert [item.params["fields"] for item in verdict.findings if item.code == "visa.record_differs"] == [field]


def test_a_foreign_field_07_leaves_nothing_to_compare() -> None:
    visa = sealed(visa_id=None, portrait_sha256=None, valid_from=None)
    assert decide(with_visa(visa), POLICY).proposal == "admit"
    assert record().visa_id == VISA_ID


def test_a_portrait_that_is_not_the_sealed_one() -> None:
    assert "visa.portrait_differs" in decide(face(compared(), matches=False), POLICY).codes


def test_a_visa_shown_while_nobody_knows_the_regime_is_weighed() -> None:
    forged = with_visa(judgement=judged(SignatureVerdict.FORGED))
    assert decide(structs.replace(forged, document=None), POLICY).proposal == "refuse"


def test_a_confederal_visa_counts_where_the_policy_names_its_issuer() -> None:
    evidence = with_visa(sealed(issuer="TGO"), record=record(issuer="TGO"))
    assert decide(evidence, POLICY).codes == ("visa.issuer_not_accepted",)
    assert decide(evidence, structs.replace(POLICY, issuers=("UTO", "TGO"))).proposal == "admit"


@pytest.mark.parametrize(
    ("years", "months", "days", "stay"),
    [(0, 0, 30, 30), (0, 1, 0, 30), (0, 3, 0, 60), (0, 0, 0, 60), (255, 255, 255, 60), (0, 0, 255, 60)],
)
def test_stay_is_the_shorter_of_visa_and_regime(years: int, months: int, days: int, stay: int) -> None:
    visa = sealed(duration_years=years, duration_months=months, duration_days=days)
    assert decide(with_visa(visa), POLICY).stay_days == stay


# Face, lists, clock


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


# What a traveller learns


def test_travellers_hints_betray_nothing() -> None:
    for code, kind in REGISTRY.items():
        if code.startswith(("watchlist.", "seal.forged", "seal.signer", "face.", "visa.", "list.", "clock.")):
            assert kind.traveller is SafeCode.SEE_OFFICER, code


@pytest.mark.parametrize("handling", list(Handling))
def test_a_watch_list_hit_looks_like_any_referral(handling: Handling) -> None:
    dirty_lens = decide(face(compared(Zone.doubt)), POLICY)
    wanted = decide(good(hits=(hit(handling),)), POLICY)
    both = decide(structs.replace(face(compared(Zone.doubt)), hits=(hit(handling),)), POLICY)
    assert traveller_codes(dirty_lens) == traveller_codes(wanted) == traveller_codes(both) == (SafeCode.SEE_OFFICER,)


def test_where_an_admitted_traveller_goes() -> None:
    alone = structs.replace(POLICY, admit_without_officer=True)
    assert traveller_codes(decide(good(), POLICY)) == (SafeCode.GO_TO_COUNTER,)
    assert traveller_codes(decide(good(), alone)) == (SafeCode.GO_ON,)
    soon = decide(with_document(passport(expiry=date(2027, 1, 1))), POLICY_90)
    assert traveller_codes(soon) == (SafeCode.SEE_OFFICER, SafeCode.RENEW_PASSPORT)


def test_severities_are_pinned() -> None:
    refuse = {code for code, kind in REGISTRY.items() if kind.severity is Severity.REFUSE}
    assert refuse == {
        "document.expired",
        "seal.forged",
        "visa.expired",
        "visa.document_mismatch",
        "visa.used_up",
        "visa.revoked",
    }
