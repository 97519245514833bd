"""Questions of the policy: who is asked, what is an answer, and what follows from the purpose of a journey."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspection_cases import NOW, POLICY, clock, good, passport
from msgspec import structs

from border_agent.inspection import (
    DocumentEvidence,
    Evidence,
    Inspection,
    Proposal,
    Step,
    advance,
    answered_steps,
    begin,
    decide,
    next_step,
    open_steps,
)
from border_agent.inspection.errors import NotAsked, WrongPhase
from border_agent.inspection.events import DocumentRead, Event, Propose, QuestionAnswered, StepSkipped, StepTimedOut
from border_agent.inspection.questions import LONGEST_ANSWER, askable, checked_answer
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import Policy, Question, QuestionKey, Regime, RegimeRule

PURPOSE = Question(key=QuestionKey.PURPOSE, choices=("tourism", "transit", "work"))
ADDRESS = Question(key=QuestionKey.ADDRESS)
ASKING = structs.replace(
    POLICY,
    questions=(PURPOSE, ADDRESS),
    regimes=(
        RegimeRule(nationality="GHA", purpose="work", regime=Regime.VISA_REQUIRED, days=365),
        RegimeRule(nationality="GHA", regime=Regime.EXEMPT, days=30),
    ),
)
DOCUMENT = DocumentRead(DocumentEvidence(mrz=passport()))


NO_CHIPS = tuple(step for step in Step if step is not Step.CHIP)


def started(can: tuple[Step, ...] = NO_CHIPS, **facts: Any) -> Inspection:
    return begin(inspection_id="7" * 32, device="kiosk-1", clock=clock(), can=can, **facts)


def after(inspection: Inspection, *events: Event, policy: Policy = ASKING) -> Inspection:
    for event in events:
        inspection = advance(inspection, event, policy)
    return inspection


def answer(key: str, value: str) -> QuestionAnswered:
    return QuestionAnswered(key, value)


SKIPS = (StepSkipped(Step.PAGE), StepSkipped(Step.VISA), StepSkipped(Step.FACE))


def test_it_is_the_last_step_and_done_when_every_question_has_its_answer() -> None:
    inspection = after(started(), DOCUMENT)
    assert open_steps(inspection, ASKING) == (Step.PAGE, Step.FACE, Step.QUESTIONS)
    inspection = after(inspection, *SKIPS, answer("address", "  Hôtel de la Gare, Garoua "))
    assert next_step(inspection, ASKING) is Step.QUESTIONS
    assert answered_steps(inspection, ASKING) == (Step.DOCUMENT,)
    inspection = after(inspection, answer("purpose", "tourism"))
    assert next_step(inspection, ASKING) is None
    assert answered_steps(inspection, ASKING) == (Step.DOCUMENT, Step.QUESTIONS)
    evidence = inspection.evidence
    assert evidence.answers == {"address": "Hôtel de la Gare, Garoua", "purpose": "tourism"}
    assert evidence.purpose == "tourism"
    assert after(inspection, StepTimedOut(Step.QUESTIONS)).evidence.timed_out == ()


def test_the_purpose_sets_the_regime_and_may_open_the_visa_step_again() -> None:
    inspection = after(started(), DOCUMENT, StepSkipped(Step.PAGE), StepSkipped(Step.FACE))
    assert open_steps(inspection, ASKING) == (Step.QUESTIONS,)
    inspection = after(inspection, answer("purpose", "work"))
    assert open_steps(inspection, ASKING) == (Step.VISA, Step.QUESTIONS)
    back = after(inspection, answer("purpose", "transit"))
    assert open_steps(back, ASKING) == (Step.QUESTIONS,), "the latest answer counts"
    inspection = after(inspection, StepTimedOut(Step.VISA), answer("address", "Douala"), Propose(clock()))
    assert inspection.verdict is not None
    assert (inspection.verdict.regime, inspection.verdict.stay_days) == (Regime.VISA_REQUIRED, 365)
    assert "seal.missing" in inspection.verdict.codes


def test_nobody_is_asked_who_need_not_be() -> None:
    assert Step.QUESTIONS not in open_steps(started(), POLICY)
    assert Step.QUESTIONS not in open_steps(started(can=(Step.DOCUMENT, Step.FACE)), ASKING)
    assert Step.QUESTIONS not in open_steps(started(direction=Direction.EXIT), ASKING)
    only_purpose = structs.replace(ASKING, questions=(PURPOSE,))
    told_at_the_start = started(purpose="transit")
    assert Step.QUESTIONS not in open_steps(told_at_the_start, only_purpose)
    assert Step.QUESTIONS in open_steps(told_at_the_start, ASKING), "the address is still to be asked"


def test_what_this_software_cannot_ask_is_left_out() -> None:
    odd = (
        Question(key=QuestionKey.UNKNOWN),
        Question(key=QuestionKey.PURPOSE),
        ADDRESS,
        PURPOSE,
        Question(key=QuestionKey.PURPOSE, choices=("other",)),
    )
    assert askable(structs.replace(POLICY, questions=odd)) == (ADDRESS, PURPOSE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "blue"),
        ("unknown", "x"),
        ("", "tourism"),
        ("purpose", "smuggling"),
        ("purpose", ""),
        ("purpose", "TOURISM"),
        ("address", ""),
        ("address", "   "),
        ("address", "x" * (LONGEST_ANSWER + 1)),
        ("address", "two\nlines"),
        ("address", "a bell\a"),
        ("address", "\u202ereversed"),
        ("address", "a\u2028b"),
        ("address", "\ud800"),
    ],
)
def test_what_is_no_answer_changes_nothing_and_is_not_repeated(key: str, value: str) -> None:
    inspection = after(started(), DOCUMENT)
    with pytest.raises(NotAsked) as refused:
        after(inspection, answer(key, value))
    assert len(value) < 3 or value not in str(refused.value)


def test_a_device_that_cannot_ask_takes_no_answer_and_after_the_proposal_nobody_does() -> None:
    with pytest.raises(NotAsked):
        after(started(can=(Step.DOCUMENT,)), answer("purpose", "work"))
    with pytest.raises(NotAsked):
        after(started(direction=Direction.EXIT), answer("purpose", "work"))
    proposed = after(started(can=(Step.DOCUMENT,)), DOCUMENT, Propose(clock()))
    with pytest.raises(WrongPhase):
        after(proposed, answer("purpose", "work"))


@given(st.text(max_size=LONGEST_ANSWER + 5))
def test_any_text_is_an_answer_or_a_typed_error(text: str) -> None:
    try:
        kept = checked_answer((ADDRESS,), "address", text)
    except NotAsked:
        return
    assert kept == text.strip() and 1 <= len(kept) <= LONGEST_ANSWER
    assert "\n" not in kept and "\0" not in kept


@pytest.mark.parametrize(("leave", "code"), [("skipped", "step_skipped"), ("timed_out", "step_timed_out")])
def test_a_question_nobody_answered_is_an_officer_s(leave: str, code: str) -> None:
    left: dict[str, Any] = {leave: (Step.QUESTIONS,)}
    asking = structs.replace(ASKING, regimes=POLICY.regimes)
    found = {item.code: item for item in decide(good(**left), asking).findings}
    assert found[f"inspection.{code}"].params == {"step": "questions"}
    assert found["traveller.unanswered"].params == {"fields": "purpose,address"}
    assert decide(good(**left), asking).proposal is Proposal.REFER, "what is not known never admits"
    half = good(answers={"address": "Douala"}, **left)
    found = {item.code: item for item in decide(half, asking).findings}
    assert found["traveller.unanswered"].params == {"fields": "purpose"}
    assert decide(good(), asking) == decide(good(), POLICY), "a post does not ask by machine"
    answered = good(answers={"purpose": "work", "address": "Douala"}, **left)
    assert decide(answered, asking).codes == ()
    assert decide(good(**left), POLICY) == decide(good(), POLICY), "where nothing is asked nothing is missing"


def test_answers_are_kept_in_the_evidence_and_older_evidence_has_none() -> None:
    evidence = good(answers={"purpose": "work", "address": "Douala"})
    stored = msgspec.json.encode(evidence)
    assert msgspec.json.decode(stored, type=Evidence) == evidence
    raw = json.loads(stored)
    del raw["answers"]
    assert msgspec.json.decode(json.dumps(raw), type=Evidence).answers == {}
    assert evidence.clock.at == NOW
