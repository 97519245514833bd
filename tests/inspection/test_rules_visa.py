"""Rules on the visa: seal and list, days, uses, holder: the edges of each."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from inspection_cases import (
    NATIONAL,
    POLICY,
    VISA_ID,
    compared,
    doc,
    face,
    judged,
    partial,
    passport,
    record,
    sealed,
    sealed_check_wrong,
    with_document,
    with_visa,
)
from msgspec import structs

from border_agent.inspection import (
    DocumentEvidence,
    Evidence,
    VisaEvidence,
    decide,
)
from border_agent.trust import SignatureVerdict


@pytest.mark.parametrize(
    ("visa", "code"),
    [
        (sealed(valid_until=date(2026, 11, 22)), None),
        (sealed(valid_until=date(2026, 11, 21)), "visa.expired"),
        (sealed(valid_from=date(2026, 11, 22)), None),
        (sealed(valid_from=date(2026, 11, 23)), "visa.not_yet_valid"),
    ],
)
def test_a_visa_is_good_on_its_first_and_last_day(visa: Any, code: str | None) -> None:
    codes = set(decide(with_visa(visa), POLICY).codes) - {"visa.record_differs"}
    assert codes == ({code} if code else set())


def test_findings_name_the_narrower_limit() -> None:
    visa = sealed(entries=3, valid_from=date(2026, 12, 1))
    late = record(entries=2, uses=2, valid_from=date(2026, 12, 5), valid_until=date(2026, 11, 20))
    found = {item.code: item.params for item in decide(with_visa(visa, record=late), POLICY).findings}
    assert found["visa.used_up"] == {"entries": "2", "used": "2"}
    assert found["visa.not_yet_valid"] == {"start": "2026-12-05"}
    assert found["visa.expired"] == {"until": "2026-11-20"}


def test_a_visa_zone_names_what_is_wrong_with_it() -> None:
    found = decide(with_visa(sealed_check_wrong()), POLICY).findings
    assert [item.params for item in found] == [{"fields": "birth"}]


def test_a_signature_says_why_and_who() -> None:
    revoked = decide(
        with_visa(judgement=judged(SignatureVerdict.SIGNER_REVOKED, "key_compromised")), POLICY
    ).findings[0]
    assert revoked.params == {"signer": "UTO 0123456789", "detail": "key_compromised"}
    assert (
        decide(with_visa(judgement=judged(SignatureVerdict.FORGED)), POLICY).findings[0].params["detail"]
        == "unstated"
    )


@pytest.mark.parametrize("judgement", [None, judged(), judged(SignatureVerdict.SIGNER_UNKNOWN)])
def test_a_visa_nobody_asked_for_is_only_mentioned(judgement: Any) -> None:
    evidence = with_document(NATIONAL, visa=VisaEvidence(visa=sealed(), judgement=judgement))
    assert decide(evidence, POLICY).codes == ("visa.not_needed",)


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


def test_entries_made_here_after_the_list_was_issued_add_to_those_it_knows() -> None:
    held = with_visa(sealed(entries=2), record=record(entries=2, uses=1), uses_here=1, uses_since_list=1)
    assert "visa.used_up" in decide(held, POLICY).codes, "one at another post, one here while the line was down"


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
