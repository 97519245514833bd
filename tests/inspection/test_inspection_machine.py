"""The inspection's states: what is asked for, what is accepted when, and that nothing changes what is closed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_cases import (
    NOW,
    POLICY,
    chip,
    clock,
    compared,
    good,
    hit,
    judged,
    listed,
    lists,
    passport,
    record,
    sealed,
)
from msgspec import structs

from border_agent.documents.chip.reading import ChipOutcome
from border_agent.faces import ReferenceKind, Zone
from border_agent.inspection import (
    ChipEvidence,
    DocumentEvidence,
    FaceEvidence,
    Inspection,
    InspectionError,
    PageEvidence,
    Phase,
    Proposal,
    Step,
    VisaEvidence,
    advance,
    begin,
    next_step,
    open_steps,
)
from border_agent.inspection.errors import (
    AlreadyCompared,
    InspectionClosed,
    NotReady,
    OfficerRequired,
    OverrideNeedsReason,
    SecondDocument,
    SecondVisa,
    UnknownRules,
    WrongPhase,
)
from border_agent.inspection.events import (
    Cancel,
    ChipRead,
    Decide,
    DocumentRead,
    Event,
    FaceCompared,
    ListsConsulted,
    PageRead,
    ProblemMet,
    Propose,
    QuestionAnswered,
    StepSkipped,
    StepTimedOut,
    VisaRead,
)
from border_agent.inspection.evidence import CHIP_SKIPPED, CHIP_TIMED_OUT
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import Question, QuestionKey

EVERY_STEP = tuple(step for step in Step if step is not Step.CHIP)
"""Of a device without a chip reader; what changes with one stands under `test_a_chip_…`."""
NATIONAL = passport(nationality="UTO", issuer="UTO")
CHILD = passport(birth=date(2020, 1, 1))

PASSPORT = DocumentRead(DocumentEvidence(mrz=passport()))
PAGE = PageRead(PageEvidence(portrait_found=True))
VISA = VisaRead(VisaEvidence(visa=sealed(), judgement=judged(), record=record(), record_version=7))
FACE = FaceCompared(FaceEvidence(comparisons=(compared(),)))
PURPOSE = QuestionAnswered("purpose", "tourism")
ASKING = structs.replace(POLICY, questions=(Question(key=QuestionKey.PURPOSE, choices=("tourism", "work")),))
LISTS = ListsConsulted(lists())
PROPOSE = Propose(clock())
CANCEL = Cancel("changed their mind", NOW)


def decision(proposal: Proposal = Proposal.ADMIT, officer: str = "officer-1", reason: str = "") -> Decide:
    return Decide(proposal, officer, NOW + timedelta(seconds=30), reason)


def started(can: tuple[Step, ...] = EVERY_STEP, **facts: Any) -> Inspection:
    return begin(inspection_id="9" * 32, device="post-1", clock=clock(), can=can, **facts)


def after(*events: Event, start: Inspection | None = None, policy: Any = POLICY) -> Inspection:
    inspection = start or started()
    for event in events:
        inspection = advance(inspection, event, policy)
    return inspection


def proposed(policy: Any = POLICY) -> Inspection:
    return after(PASSPORT, PAGE, VISA, FACE, LISTS, PROPOSE, policy=policy)


def test_the_straight_way() -> None:
    inspection = started()
    asked = []
    for event in (PASSPORT, PAGE, VISA, FACE):
        asked.append(next_step(inspection, POLICY))
        inspection = advance(inspection, event, POLICY)
    assert asked == [Step.DOCUMENT, Step.PAGE, Step.VISA, Step.FACE]
    assert next_step(inspection, POLICY) is None
    inspection = after(LISTS, PROPOSE, decision(), start=inspection)
    assert inspection.phase is Phase.CONFIRMED
    assert inspection.verdict is not None
    assert inspection.verdict.proposal is Proposal.ADMIT
    assert inspection.outcome is not None
    assert inspection.outcome.movement
    assert not inspection.outcome.override
    assert inspection.closed_at == NOW + timedelta(seconds=30)


def test_the_verdict_is_that_of_the_evidence() -> None:
    inspection = proposed()
    expected = structs.replace(good(), inspection_id=inspection.id, started_at=NOW)
    expected = structs.replace(expected, face=FACE.face)
    assert inspection.evidence == expected


@pytest.mark.parametrize(
    ("mrz", "direction", "steps"),
    [
        (passport(), Direction.ENTRY, (Step.PAGE, Step.VISA, Step.FACE)),
        (passport(), Direction.EXIT, (Step.PAGE, Step.FACE)),
        (NATIONAL, Direction.ENTRY, (Step.PAGE, Step.FACE)),
        (passport(nationality="SWE"), Direction.ENTRY, (Step.PAGE, Step.FACE)),
        (CHILD, Direction.ENTRY, (Step.PAGE, Step.VISA)),
    ],
)
def test_steps_follow_from_the_traveller(mrz: Any, direction: Direction, steps: tuple[Step, ...]) -> None:
    inspection = after(DocumentRead(DocumentEvidence(mrz=mrz)), start=started(direction=direction))
    assert open_steps(inspection, POLICY) == steps


def test_steps_the_device_cannot_do_are_left_out() -> None:
    inspection = started(can=(Step.FACE, Step.DOCUMENT))
    assert open_steps(inspection, POLICY) == (Step.DOCUMENT, Step.FACE)
    assert open_steps(after(PASSPORT, start=inspection), POLICY) == (Step.FACE,)


@pytest.mark.parametrize("leave", [StepSkipped, StepTimedOut])
def test_every_step_can_be_left_and_is_kept_as_evidence(leave: Any) -> None:
    inspection = started()
    while (step := next_step(inspection, POLICY)) is not None:
        inspection = advance(inspection, leave(step), POLICY)
    inspection = advance(inspection, leave(Step.DOCUMENT), POLICY)
    inspection = after(LISTS, PROPOSE, start=inspection)
    kept = inspection.evidence.skipped if leave is StepSkipped else inspection.evidence.timed_out
    assert kept == (Step.DOCUMENT, Step.PAGE, Step.FACE)
    assert inspection.verdict is not None
    assert inspection.verdict.proposal is Proposal.REFER


def test_late_readings_are_welcome_while_collecting() -> None:
    inspection = after(VISA, StepTimedOut(Step.DOCUMENT), PASSPORT, FACE, PAGE)
    assert next_step(inspection, POLICY) is None
    assert inspection.evidence.visa == VISA.visa
    final = after(LISTS, PROPOSE, start=inspection)
    assert final.verdict is not None
    assert final.verdict.codes == ()


def test_a_step_is_skipped_once() -> None:
    assert after(StepSkipped(Step.FACE), StepSkipped(Step.FACE)).evidence.skipped == (Step.FACE,)


def test_an_answered_step_is_not_skipped_afterwards() -> None:
    assert after(PASSPORT, StepSkipped(Step.DOCUMENT)).evidence.skipped == ()


@pytest.mark.parametrize(
    ("event", "step"),
    [
        (DocumentRead(DocumentEvidence(error="mrz.not_mrz")), Step.DOCUMENT),
        (PageRead(PageEvidence(error="face.not_found")), Step.PAGE),
        (VisaRead(VisaEvidence(error="seal.not_a_seal")), Step.VISA),
        (FaceCompared(FaceEvidence(error="face.not_found")), Step.FACE),
    ],
)
def test_a_reading_without_content_leaves_the_step_open(event: Event, step: Step) -> None:
    events = [e for s, e in zip(EVERY_STEP, (PASSPORT, PAGE, VISA, FACE, PURPOSE), strict=True) if s is not step]
    inspection = after(*events, event, policy=ASKING)
    if step is not Step.DOCUMENT:
        assert open_steps(inspection, ASKING) == (step,)
    good_event = dict(zip(EVERY_STEP, (PASSPORT, PAGE, VISA, FACE, PURPOSE), strict=True))[step]
    answered = after(good_event, event, start=inspection, policy=ASKING)
    assert next_step(answered, ASKING) is None
    assert answered.evidence.mrz is not None


def test_attempts_add_up() -> None:
    inspection = after(DocumentRead(DocumentEvidence(error="mrz.not_mrz", attempts=2)), PASSPORT)
    assert inspection.evidence.document is not None
    assert inspection.evidence.document.attempts == 3


def test_declining_answers_the_step_and_may_be_taken_back() -> None:
    declined = after(PASSPORT, PAGE, VISA, FaceCompared(FaceEvidence(error="face.declined")))
    assert next_step(declined, POLICY) is None
    assert after(FACE, start=declined).evidence.face == FACE.face


def test_a_second_traveller_is_refused_not_mixed_in() -> None:
    inspection = after(PASSPORT, VISA, FACE)
    again = DocumentRead(DocumentEvidence(mrz=passport()))
    assert after(again, VISA, start=inspection).evidence == inspection.evidence
    with pytest.raises(SecondDocument):
        after(DocumentRead(DocumentEvidence(mrz=passport(number="G7654321"))), start=inspection)
    with pytest.raises(SecondVisa):
        after(VisaRead(VisaEvidence(visa=sealed(passport_number="G7654321"))), start=inspection)
    with pytest.raises(AlreadyCompared):
        after(FACE, start=inspection)


def test_the_same_visa_may_be_looked_up_again() -> None:
    first = VisaRead(VisaEvidence(visa=sealed(), judgement=judged()))
    assert after(first, VISA).evidence.visa == VISA.visa


def test_lists_hits_and_problems_add_up() -> None:
    inspection = after(
        ListsConsulted((listed("visas", hours=9),), (hit(),)),
        ListsConsulted(lists(), (hit(), hit(named=False))),
        ProblemMet("decoder.crashed"),
        ProblemMet("decoder.crashed"),
    )
    assert len(inspection.evidence.hits) == 2
    assert inspection.evidence.problems == ("decoder.crashed",)
    assert {answer.name: answer for answer in inspection.evidence.lists} == {a.name: a for a in lists()}


def test_no_proposal_while_a_step_is_open() -> None:
    with pytest.raises(NotReady, match="face"):
        after(PASSPORT, PAGE, VISA, PROPOSE)


def test_after_the_proposal_nothing_more_is_read() -> None:
    assert open_steps(proposed(), POLICY) == ()
    for event in (PASSPORT, VISA, FACE, PAGE, LISTS, PROPOSE, StepSkipped(Step.FACE), ProblemMet("x.y")):
        with pytest.raises(WrongPhase):
            advance(proposed(), event, POLICY)


def test_no_decision_before_the_proposal() -> None:
    with pytest.raises(WrongPhase):
        after(PASSPORT, decision())


@pytest.mark.parametrize("choice", [Proposal.REFER, Proposal.REFUSE])
def test_an_override_says_why(choice: Proposal) -> None:
    with pytest.raises(OverrideNeedsReason):
        advance(proposed(), decision(choice, reason="  "), POLICY)
    outcome = advance(proposed(), decision(choice, reason=" no funds "), POLICY).outcome
    assert outcome is not None
    assert (outcome.override, outcome.reason) == (True, "no funds")
    assert outcome.movement is (choice is Proposal.REFUSE)


def test_a_machine_confirms_alone_only_what_the_verdict_leaves_to_it() -> None:
    alone = structs.replace(POLICY, admit_without_officer=True)
    outcome = advance(proposed(alone), decision(officer=""), alone).outcome
    assert outcome is not None
    assert outcome.officer == ""
    with pytest.raises(OfficerRequired):
        advance(proposed(), decision(officer="  "), POLICY)
    with pytest.raises(OfficerRequired):
        advance(proposed(alone), decision(Proposal.REFUSE, officer="", reason="because"), alone)


@pytest.mark.parametrize("last", [decision(), CANCEL])
def test_nothing_changes_what_is_closed(last: Event) -> None:
    closed = advance(proposed(), last, POLICY)
    assert closed.phase.closed
    for event in (PASSPORT, PROPOSE, decision(), CANCEL, ProblemMet("x.y")):
        with pytest.raises(InspectionClosed):
            advance(closed, event, POLICY)


def test_cancel_from_collecting_and_proposed() -> None:
    for inspection in (started(), proposed()):
        cancelled = advance(inspection, CANCEL, POLICY)
        assert (cancelled.phase, cancelled.outcome) == (Phase.CANCELLED, None)
        assert cancelled.cancel_reason == CANCEL.reason


def test_a_policy_for_unknown_rules_is_a_typed_error() -> None:
    with pytest.raises(UnknownRules):
        open_steps(started(), structs.replace(POLICY, rules_version=99))


ABSENT = ChipEvidence(outcome=ChipOutcome.absent)
WITH_READER = tuple(Step)


def test_a_chip_is_asked_for_after_its_document_and_answered_by_whatever_came_of_it() -> None:
    inspection = started(WITH_READER)
    assert Step.CHIP not in open_steps(inspection, POLICY)
    inspection = after(PASSPORT, start=inspection)
    assert open_steps(inspection, POLICY) == (Step.CHIP, Step.PAGE, Step.VISA, Step.FACE)
    for evidence in (chip(), ABSENT):
        answered = after(ChipRead(evidence), start=inspection)
        assert open_steps(answered, POLICY) == (Step.PAGE, Step.VISA, Step.FACE)
        assert answered.evidence.chip == evidence


def test_a_chip_read_again_keeps_the_better_reading_and_counts_the_tries() -> None:
    inspection = after(PASSPORT, ChipRead(chip()), ChipRead(ABSENT), start=started(WITH_READER))
    assert inspection.evidence.chip == structs.replace(chip(), attempts=2)
    other = chip(access="bac")
    inspection = after(PASSPORT, ChipRead(ABSENT), ChipRead(chip()), ChipRead(other), start=started(WITH_READER))
    assert inspection.evidence.chip == structs.replace(other, attempts=3)


@pytest.mark.parametrize(("leave", "error"), [(StepSkipped, CHIP_SKIPPED), (StepTimedOut, CHIP_TIMED_OUT)])
def test_a_chip_that_is_left_out_is_an_outcome_which_an_older_agent_can_read(leave: Any, error: str) -> None:
    inspection = after(PASSPORT, leave(Step.CHIP), start=started(WITH_READER))
    assert (inspection.evidence.skipped, inspection.evidence.timed_out) == ((), ())
    assert inspection.evidence.chip is not None
    assert (inspection.evidence.chip.read, inspection.evidence.chip.error) == (False, error)
    # Left out after it was read: it stays read.
    inspection = after(PASSPORT, ChipRead(chip()), leave(Step.CHIP), start=started(WITH_READER))
    assert inspection.evidence.chip == chip()


def test_another_reference_is_compared_beside_the_first_and_none_in_its_place() -> None:
    more = FaceCompared(FaceEvidence(comparisons=(compared(), compared(Zone.doubt, ReferenceKind.chip))))
    inspection = after(PASSPORT, FACE, more)
    assert inspection.evidence.face == more.face
    with pytest.raises(AlreadyCompared):
        after(FaceCompared(FaceEvidence(comparisons=(compared(Zone.doubt),))), start=inspection)
    with pytest.raises(AlreadyCompared):
        after(FACE, start=inspection)


EVENTS: list[Event] = [
    PASSPORT,
    DocumentRead(DocumentEvidence(error="mrz.not_mrz")),
    DocumentRead(DocumentEvidence(mrz=NATIONAL)),
    DocumentRead(DocumentEvidence(mrz=CHILD)),
    ChipRead(chip()),
    ChipRead(ABSENT),
    PAGE,
    VISA,
    VisaRead(VisaEvidence(error="seal.malformed")),
    VisaRead(VisaEvidence(visa=sealed(entries=0))),
    FACE,
    FaceCompared(FaceEvidence(comparisons=(compared(), compared(kind=ReferenceKind.chip)))),
    FaceCompared(FaceEvidence(error="face.declined")),
    FaceCompared(FaceEvidence(error="decoder.crashed")),
    PURPOSE,
    QuestionAnswered("purpose", "work"),
    QuestionAnswered("purpose", "smuggling"),
    QuestionAnswered("address", "12, rue de la Paix"),
    *(StepSkipped(step) for step in Step),
    *(StepTimedOut(step) for step in Step),
    LISTS,
    ListsConsulted((), (hit(),)),
    ProblemMet("decoder.crashed"),
    PROPOSE,
    PROPOSE,
    decision(),
    decision(Proposal.REFUSE, reason="no funds"),
    decision(Proposal.REFER, reason="questions"),
    decision(officer=""),
    CANCEL,
]
LEGAL = {
    Phase.COLLECTING: {Phase.COLLECTING, Phase.PROPOSED, Phase.CANCELLED},
    Phase.PROPOSED: {Phase.CONFIRMED, Phase.CANCELLED},
    Phase.CONFIRMED: set(),
    Phase.CANCELLED: set(),
}


@given(
    st.lists(st.sampled_from(EVENTS), max_size=40),
    st.sets(st.sampled_from(Step)),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_any_events_in_any_order_end_in_a_legal_state(
    events: list[Event], can: set[Step], alone: bool, asking: bool
) -> None:
    policy = structs.replace(ASKING if asking else POLICY, admit_without_officer=alone)
    inspection = started(can=tuple(can))
    confirmations = 0
    for event in events:
        before = inspection
        try:
            inspection = advance(inspection, event, policy)
        except InspectionError:
            assert inspection is before
            continue
        assert inspection.phase in LEGAL[before.phase]
        assert inspection.id == before.id
        assert set(open_steps(inspection, policy)) <= can
        confirmations += inspection.phase is Phase.CONFIRMED
        assert (inspection.verdict is not None) or inspection.phase in (Phase.COLLECTING, Phase.CANCELLED)
        assert (inspection.outcome is not None) is (inspection.phase is Phase.CONFIRMED)
        if before.evidence.mrz is not None:
            assert inspection.evidence.mrz == before.evidence.mrz
        assert set(before.evidence.hits) <= set(inspection.evidence.hits)
    assert confirmations <= 1
    stored = msgspec.json.encode(inspection)
    assert msgspec.json.decode(stored, type=Inspection) == inspection


@given(st.lists(st.sampled_from(EVENTS), max_size=20))
@settings(max_examples=100, deadline=None)
def test_events_can_be_kept_and_played_again(events: list[Event]) -> None:
    stored = msgspec.json.encode(events)
    assert msgspec.json.decode(stored, type=list[Event]) == events
