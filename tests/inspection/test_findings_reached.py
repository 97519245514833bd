"""Every finding can be reached, has words, and its severity decides; travellers learn nothing from it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from inspection_cases import (
    NATIONAL,
    NOW,
    POLICY,
    POLICY_90,
    POLICY_CHIPS,
    chip,
    clock,
    compared,
    doc,
    face,
    good,
    hit,
    issue,
    judged,
    listed,
    lists,
    partial,
    passport,
    record,
    sealed,
    sealed_check_wrong,
    signed,
    unread,
    with_check_wrong,
    with_chip,
    with_document,
    with_visa,
    without_visa,
)
from msgspec import structs

import border_agent.inspection.rules.v1 as rules_v1
from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome
from border_agent.documents.mrz import IssueCode, MrzFormat
from border_agent.faces import ReferenceKind, Zone
from border_agent.inspection import (
    REGISTRY,
    DocumentEvidence,
    DocumentSource,
    Evidence,
    OpenStay,
    SafeCode,
    Severity,
    StayEvidence,
    Step,
    Verdict,
    VisaEvidence,
    decide,
    finding,
    traveller_codes,
)
from border_agent.inspection.errors import UnknownRules
from border_agent.inspection.findings import UnknownFinding
from border_agent.inspection.stay import stay_of
from border_agent.trust import SignatureVerdict
from border_agent.trust.passive.judgement import PassiveVerdict
from border_agent.words import has, text
from mqtt_schemas.entries import ClockQuality, Direction
from mqtt_schemas.records import Handling, Policy, Question, QuestionKey, VisaStatus, VisaUseFact

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
    "document.second": good(problems=("inspection.second_document",)),
    "document.typed": good(document=DocumentEvidence(mrz=passport(), typed=True)),
    "document.uncertain": good(
        document=DocumentEvidence(
            mrz=passport(), source=DocumentSource.CAMERA, confidence=0.61, uncertain=((0, 7), (1, 2))
        )
    ),
    "chip.required": (good(), POLICY_CHIPS),
    "chip.access_refused": unread(ChipOutcome.access_refused, "chip.access_refused"),
    "chip.mrz_differs": with_chip(mrz=passport(surname="Owusu"), agrees=False),
    "chip.invalid": with_chip(passive=signed(PassiveVerdict.INVALID, "sod.hash.DG2", "sod.signature")),
    "chip.signer_expired": with_chip(passive=signed(PassiveVerdict.EXPIRED, "dsc.not_valid_at_signing")),
    "chip.signer_revoked": with_chip(passive=signed(PassiveVerdict.REVOKED, "dsc.revoked")),
    "chip.cloned": with_chip(authenticity=ChipAuthenticity.failed),
    "chip.downgraded": with_chip(access="bac", pace_failed=True),
    "chip.hostile": unread(ChipOutcome.hostile, "chip.protocol"),
    "chip.portrait_unreadable": with_chip(portrait_error="lds.no_face"),
    "chip.not_read": unread(ChipOutcome.lost, "chip.lost"),
    "chip.no_trust_anchor": with_chip(passive=signed(PassiveVerdict.NO_TRUST_ANCHOR)),
    "chip.not_authenticated": with_chip(authenticity=ChipAuthenticity.unsupported),
    "chip.verified": good(chip=chip()),
    "chip.signer_expired_now": with_chip(passive=signed(PassiveVerdict.EXPIRED, "dsc.expired_now")),
    "stay.overstayed": good(
        direction=Direction.EXIT, stay=stay_of(NOW - timedelta(days=40), "e" * 32, 30, NOW.date())
    ),
    "stay.entry_unknown": good(direction=Direction.EXIT, stay=StayEvidence()),
    "stay.open_elsewhere": good(open_stay=OpenStay(entered_at=NOW, post="north")),
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
    "visa.second": good(problems=("inspection.second_visa",)),
    "visa.not_needed": with_document(NATIONAL),
    "visa.used_elsewhere": with_visa(uses_elsewhere=(VisaUseFact(entry="a" * 32, device="post-2", at=NOW),)),
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
    "traveller.unanswered": (
        good(timed_out=(Step.QUESTIONS,)),
        structs.replace(POLICY, questions=(Question(key=QuestionKey.ADDRESS),)),
    ),
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
    "clock.jumped": good(clock=structs.replace(clock(), jumped_seconds=86400.0)),
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
