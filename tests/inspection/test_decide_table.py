"""The fourteen travellers of the demo, as evidence: what the machine must propose for each."""

from __future__ import annotations

from datetime import date

import pytest
from inspection_cases import (
    POLICY,
    compared,
    good,
    hit,
    judged,
    passport,
    record,
    sealed,
    with_check_wrong,
    with_document,
    with_visa,
    without_visa,
)

from border_agent.faces import Zone
from border_agent.inspection import Evidence, FaceEvidence, decide
from border_agent.trust import SignatureVerdict

CHILD = passport(birth=date(2018, 6, 1))
CHILD_VISA = sealed(mrv_birth=date(2018, 6, 1))
UNVOUCHED = ("face.reference_unvouched",)

TRAVELLERS: list[tuple[str, Evidence, str, tuple[str, ...]]] = [
    ("1 good", good(), "admit", ()),
    (
        "2 visa expired",
        with_visa(sealed(mrv_expiry=date(2026, 11, 21)), record=record(valid_until=date(2026, 11, 21))),
        "refuse",
        ("visa.expired",),
    ),
    ("3 seal forged", with_visa(judgement=judged(SignatureVerdict.FORGED)), "refuse", ("seal.forged",)),
    (
        "4 signer unknown",
        with_visa(judgement=judged(SignatureVerdict.SIGNER_UNKNOWN)),
        "refer",
        ("seal.signer_unknown",),
    ),
    (
        "5 visa of another passport",
        with_visa(sealed(passport_number="G7654321"), record=record(document_number="G7654321")),
        "refuse",
        ("visa.document_mismatch",),
    ),
    ("6 visa used up", with_visa(uses_here=1), "refuse", ("visa.used_up",)),
    (
        "7 face of someone else",
        good(face=FaceEvidence(comparisons=(compared(Zone.no_match),))),
        "refer",
        ("face.no_match",),
    ),
    ("8 watch-list hit", good(hits=(hit(),)), "refer", ("watchlist.stop",)),
    ("9 visa not delivered yet", with_visa(record=None), "refer", ("visa.not_yet_seen",)),
    (
        "10 check digit wrong",
        with_document(with_check_wrong(passport(), "number")),
        "refer",
        ("document.check_digit",),
    ),
    (
        "11 child with a parent",
        with_document(CHILD, accompanied=True, visa=with_visa(CHILD_VISA).visa, face=None),
        "refer",
        ("traveller.minor",),
    ),
    ("12 passport expired", with_document(passport(expiry=date(2026, 11, 21))), "refuse", ("document.expired",)),
    ("13 a national", without_visa(passport(nationality="UTO", issuer="UTO")), "admit", UNVOUCHED),
    ("14 visa-exempt", without_visa(passport(nationality="BFA", issuer="BFA")), "admit", UNVOUCHED),
]
IDS = [row[0] for row in TRAVELLERS]


@pytest.mark.parametrize(("evidence", "proposal", "codes"), [row[1:] for row in TRAVELLERS], ids=IDS)
def test_fourteen_travellers(evidence: Evidence, proposal: str, codes: tuple[str, ...]) -> None:
    verdict = decide(evidence, POLICY)
    assert verdict.proposal == proposal
    assert verdict.codes == codes
    assert verdict.officer_required
    assert (verdict.policy_id, verdict.rules_version) == ("utopia-2026-1", 1)


def test_a_provisional_calibration_adds_a_statement_not_a_referral() -> None:
    verdict = decide(good(face=FaceEvidence(comparisons=(compared(provisional=True),))), POLICY)
    assert verdict.proposal == "admit"
    assert verdict.codes == ("face.provisional",)
