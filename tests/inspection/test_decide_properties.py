"""What holds for any evidence: bad news never improves a verdict, and the same input gives the same verdict."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_cases import (
    NOW,
    POLICY,
    chip,
    clock,
    compared,
    hit,
    judged,
    listed,
    lists,
    partial,
    passport,
    record,
    sealed,
    signed,
    with_check_wrong,
)
from msgspec import structs

from border_agent.documents.chip.reading import ChipAuthenticity
from border_agent.documents.mrz import IssueCode, MrzIssue
from border_agent.faces import Zone
from border_agent.inspection import (
    REGISTRY,
    DocumentEvidence,
    Evidence,
    FaceEvidence,
    PageEvidence,
    SafeCode,
    Step,
    VisaEvidence,
    decide,
    traveller_codes,
    without_pictures,
)
from border_agent.trust import SignatureVerdict
from border_agent.trust.passive.judgement import PassiveVerdict
from mqtt_schemas.entries import ClockQuality
from mqtt_schemas.records import VisaStatus

RANK = {"admit": 0, "refer": 1, "refuse": 2}
GOOD_RECORD = record()

# Each dimension lists what one source can say, from good to worse. Dimensions are independent of one another.
DIMENSIONS: dict[str, list[Any]] = {
    "check_digit": ["", "birth", "composite"],
    "issue": [None, MrzIssue("issuer", IssueCode.STATE_UNKNOWN)],
    "expiry": [partial(2031, 5, 1), partial(2031, None, None), partial(2026, 11, 21)],
    "birth": [partial(1985, 4, 2), partial(None, 4, 2)],
    "signature": [SignatureVerdict.VALID, SignatureVerdict.SIGNER_UNKNOWN, SignatureVerdict.FORGED],
    "visa_issuer": ["UTO", "TGO"],
    "visa_until": [date(2027, 1, 31), date(2026, 11, 20)],
    "visa_number": ["G1234567", "", "G7654321"],
    "uses_here": [0, 1, 2],
    "record": [
        GOOD_RECORD,
        record(valid_until=date(2027, 1, 30)),
        record(status=VisaStatus.UNKNOWN, valid_until=date(2027, 1, 30)),
        record(status=VisaStatus.REVOKED, valid_until=date(2027, 1, 30)),
    ],
    "portrait": [True, False],
    "zone": [Zone.match, Zone.doubt, Zone.no_match],
    "face_error": ["", "face.several"],
    "hits": [0, 1, 2],
    "visas_hours": [1, 100, 200],
    "watchlist": [True, False],
    "clock": [ClockQuality.SYNCHRONISED, ClockQuality.HOLDOVER, ClockQuality.UNKNOWN],
    "went_back": [0.0, 10.0, 4000.0],
    "problem": ["", "device.camera", "decoder.crashed"],
    "skipped": [(), (Step.PAGE,)],
    "uncertain": [(), ((0, 8),)],
    "chip": [
        None,
        chip(),
        chip(authenticity=ChipAuthenticity.unsupported, proof_signed=False),
        chip(passive=signed(PassiveVerdict.NO_TRUST_ANCHOR)),
        chip(agrees=False, passive=signed(PassiveVerdict.EXPIRED, "dsc.expired_now")),
        chip(agrees=False, passive=signed(PassiveVerdict.INVALID, "sod.hash.DG1")),
    ],
}
NATIONALITIES = ("GHA", "BFA", "UTO", "SWE", "TGO")


def evidence_of(levels: dict[str, int], nationality: str) -> Evidence:
    """The evidence in which each dimension is as bad as its level says."""
    value = {name: DIMENSIONS[name][level] for name, level in levels.items()}
    mrz = passport(nationality=nationality)
    mrz = structs.replace(mrz, expiry=value["expiry"], birth=value["birth"])
    if value["check_digit"]:
        mrz = with_check_wrong(mrz, value["check_digit"])
    if value["issue"]:
        mrz = structs.replace(mrz, issues=(value["issue"],))
    visa = sealed(
        mrv_nationality=nationality,
        issuer=value["visa_issuer"],
        valid_until=value["visa_until"],
        passport_number=value["visa_number"],
    )
    return Evidence(
        inspection_id="7" * 32,
        device="post-1",
        started_at=NOW - timedelta(seconds=9),
        document=DocumentEvidence(mrz=mrz, uncertain=value["uncertain"]),
        chip=value["chip"],
        page=PageEvidence() if not value["skipped"] else None,
        visa=VisaEvidence(
            visa=visa,
            judgement=judged(value["signature"]),
            record=value["record"],
            record_version=3,
            uses_here=value["uses_here"],
        ),
        face=FaceEvidence(
            comparisons=(compared(value["zone"]),),
            error=value["face_error"],
            portrait_matches_seal=value["portrait"],
        ),
        hits=tuple(hit(grounds=f"wanted_{n}") for n in range(value["hits"])),
        lists=lists(
            visas=listed("visas", hours=value["visas_hours"]),
            **({} if value["watchlist"] else {"watchlist": None}),
        ),
        clock=clock(value["clock"], value["went_back"]),
        skipped=value["skipped"],
        problems=(value["problem"],) if value["problem"] else (),
    )


LEVELS = st.fixed_dictionaries(
    {
        name: st.one_of(st.just(0), st.integers(min_value=0, max_value=len(options) - 1))
        for name, options in DIMENSIONS.items()
    }
)
EVIDENCE = st.builds(evidence_of, LEVELS, st.sampled_from(NATIONALITIES))
POLICIES = st.builds(
    lambda alone, minor, days: structs.replace(
        POLICY, admit_without_officer=alone, minor_age=minor, passport_validity_days=days
    ),
    st.booleans(),
    st.integers(0, 25),
    st.sampled_from([0, 90, 180]),
)


@given(LEVELS, st.sampled_from(NATIONALITIES), POLICIES, st.data())
@settings(max_examples=400, deadline=None)
def test_bad_news_never_improves_a_verdict(
    levels: dict[str, int], nationality: str, policy: Any, data: st.DataObject
) -> None:
    worsened = [name for name, level in levels.items() if level + 1 < len(DIMENSIONS[name])]
    name = data.draw(st.sampled_from(worsened or [next(iter(levels))]))
    level = data.draw(st.integers(levels[name], len(DIMENSIONS[name]) - 1))
    before = decide(evidence_of(levels, nationality), policy)
    after = decide(evidence_of({**levels, name: level}, nationality), policy)
    if name == "chip" and levels["chip"] == 0 and levels["uncertain"]:
        return  # a chip that says the same settles what the camera was not certain of: that is good news
    assert RANK[after.proposal] >= RANK[before.proposal], (name, before.codes, after.codes)
    assert after.officer_required >= before.officer_required


def _declined(evidence: Evidence) -> Evidence:
    return structs.replace(evidence, face=FaceEvidence(error="face.declined"))


def _no_face(evidence: Evidence) -> Evidence:
    return structs.replace(evidence, face=None, timed_out=(Step.FACE,))


def _no_judgement(evidence: Evidence) -> Evidence:
    assert evidence.visa is not None
    return structs.replace(evidence, visa=structs.replace(evidence.visa, judgement=None))


def _no_lists(evidence: Evidence) -> Evidence:
    return structs.replace(evidence, lists=())


@given(POLICIES, st.sampled_from([_declined, _no_face, _no_judgement, _no_lists]))
@settings(max_examples=60, deadline=None)
def test_what_is_not_known_never_admits(policy: Any, lose: Callable[[Evidence], Evidence]) -> None:
    levels = dict.fromkeys(DIMENSIONS, 0)
    assert decide(lose(evidence_of(levels, "GHA")), policy).proposal != "admit"


@given(EVIDENCE, POLICIES)
@settings(max_examples=150, deadline=None)
def test_same_input_same_verdict_after_ten_years_on_disk(evidence: Evidence, policy: Any) -> None:
    verdict = decide(evidence, policy)
    stored = msgspec.json.encode(without_pictures(evidence))
    restored = msgspec.json.decode(stored, type=Evidence)
    assert msgspec.json.encode(restored) == stored
    assert decide(restored, policy) == verdict == decide(evidence, policy)
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=type(verdict)) == verdict


@given(EVIDENCE, POLICIES)
@settings(max_examples=150, deadline=None)
def test_verdict_follows_from_its_findings(evidence: Evidence, policy: Any) -> None:
    verdict = decide(evidence, policy)
    ranks = [item.severity.rank for item in verdict.findings]
    assert ranks == sorted(ranks, reverse=True)
    assert RANK[verdict.proposal] == max(ranks, default=0)
    assert all(REGISTRY[item.code].severity is item.severity for item in verdict.findings)
    assert verdict.officer_required or (verdict.proposal == "admit" and policy.admit_without_officer)


@given(LEVELS, st.sampled_from(NATIONALITIES), POLICIES)
@settings(max_examples=150, deadline=None)
def test_no_traveller_can_tell_a_watch_list_hit(levels: dict[str, int], nationality: str, policy: Any) -> None:
    without = decide(evidence_of({**levels, "hits": 0}, nationality), policy)
    wanted = decide(evidence_of({**levels, "hits": 1}, nationality), policy)
    if without.proposal == "admit":
        assert traveller_codes(wanted)[0] is SafeCode.SEE_OFFICER
        assert traveller_codes(wanted)[1:] == traveller_codes(without)[1:]
    else:
        assert traveller_codes(wanted) == traveller_codes(without)
