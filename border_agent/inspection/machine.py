"""The state machine of one inspection: one traveller, one movement. Pure: a state and an event give a state.

    collecting --Propose--> proposed --Decide--> confirmed
        ^         |
         \\_Reopen_/
    collecting, proposed --Cancel--> cancelled

While collecting, readings come in any order (a code may be scanned before the passport); a step is open until it
is answered, skipped or timed out. What the device cannot do, and a visa nobody asks for, is never an open step.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, structs

from border_agent.documents.chip.reading import ChipOutcome
from border_agent.inspection.characters import settles
from border_agent.inspection.chip import differing_fields
from border_agent.inspection.decide import decide, wanted_steps
from border_agent.inspection.errors import (
    AlreadyCompared,
    InspectionClosed,
    NotAsked,
    NotReady,
    OfficerRequired,
    OverrideNeedsReason,
    SameOfficer,
    SecondDocument,
    SecondVisa,
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
    OpenStayFound,
    PageRead,
    ProblemMet,
    Propose,
    QuestionAnswered,
    Reopen,
    StayFound,
    StepSkipped,
    StepTimedOut,
    VisaRead,
)
from border_agent.inspection.evidence import (
    CHIP_SKIPPED,
    CHIP_TIMED_OUT,
    FACE_DECLINED,
    ChipEvidence,
    ClockEvidence,
    DocumentEvidence,
    Evidence,
    FaceEvidence,
    PageEvidence,
    Step,
    VisaEvidence,
)
from border_agent.inspection.questions import asked, checked_answer, unanswered
from border_agent.inspection.verdict import Proposal, Verdict
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import Policy, QuestionKey


class Phase(StrEnum):
    """Where an inspection stands."""

    COLLECTING = "collecting"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"

    @property
    def closed(self) -> bool:
        """Nothing changes it any more."""
        return self in (Phase.CONFIRMED, Phase.CANCELLED)


class Outcome(Struct, frozen=True, kw_only=True):
    """Who decided what, when, and why where it differs from the proposal."""

    decision: Proposal
    officer: str
    """Empty: the machine alone."""
    reason: str = ""
    at: datetime
    override: bool = False
    second_officer: str = ""
    grounds: tuple[str, ...] = ()
    """Of a refusal only."""

    @property
    def movement(self) -> bool:
        """The traveller's movement is decided here. A referral is not: whoever takes it over decides."""
        return self.decision is not Proposal.REFER


class Inspection(Struct, frozen=True, kw_only=True):
    """One inspection as it stands."""

    evidence: Evidence
    can: tuple[Step, ...]
    """What this device is able to do, in order."""
    phase: Phase = Phase.COLLECTING
    verdict: Verdict | None = None
    outcome: Outcome | None = None
    cancel_reason: str = ""
    closed_at: datetime | None = None

    @property
    def id(self) -> str:
        """The inspection's id."""
        return self.evidence.inspection_id


def begin(
    *,
    inspection_id: str,
    device: str,
    clock: ClockEvidence,
    can: Iterable[Step],
    direction: Direction = Direction.ENTRY,
    purpose: str = "",
    group: str = "",
    accompanied: bool = False,
) -> Inspection:
    """A new inspection on a device with these abilities."""
    able = frozenset(can)
    evidence = Evidence(
        inspection_id=inspection_id,
        device=device,
        direction=direction,
        purpose=purpose,
        group=group,
        accompanied=accompanied,
        started_at=clock.at,
        clock=clock,
    )
    return Inspection(evidence=evidence, can=tuple(step for step in Step if step in able))


def advance(inspection: Inspection, event: Event, policy: Policy) -> Inspection:
    """The inspection after an event. Raises a subclass of InspectionError, and then nothing has changed."""
    if inspection.phase.closed:
        raise InspectionClosed(inspection.id, f"{type(event).__name__} after {inspection.phase}")
    if isinstance(event, Cancel):
        return structs.replace(inspection, phase=Phase.CANCELLED, cancel_reason=event.reason, closed_at=event.at)
    if isinstance(event, Decide):
        return _decided(inspection, event)
    if isinstance(event, Reopen):
        return _reopened(inspection)
    if inspection.phase is not Phase.COLLECTING:
        raise WrongPhase(inspection.id, f"{type(event).__name__} in phase {inspection.phase}")
    if isinstance(event, Propose):
        return _proposed(inspection, event, policy)
    if isinstance(event, QuestionAnswered):
        return structs.replace(inspection, evidence=_answer(inspection, event, policy))
    if isinstance(event, StepSkipped | StepTimedOut) and event.step in answered_steps(inspection, policy):
        return inspection
    return structs.replace(inspection, evidence=_collected(inspection.evidence, event))


def open_steps(inspection: Inspection, policy: Policy) -> tuple[Step, ...]:
    """Steps still to be answered, skipped or timed out, in the order the traveller is asked; empty once proposed."""
    if inspection.phase is not Phase.COLLECTING:
        return ()
    evidence = inspection.evidence
    done = {*evidence.skipped, *evidence.timed_out, *answered_steps(inspection, policy)}
    wanted = wanted_steps(evidence, policy) - done
    return tuple(step for step in inspection.can if step in wanted)


def next_step(inspection: Inspection, policy: Policy) -> Step | None:
    """The step the traveller is asked for now; `None`: the evidence is complete, or the phase is over."""
    return next(iter(open_steps(inspection, policy)), None)


def answered_steps(inspection: Inspection, policy: Policy) -> tuple[Step, ...]:
    """Steps that have their answer, wanted or not, in the order the traveller is asked."""
    answered = set(_answered(inspection.evidence))
    if asked(inspection.evidence, policy) and not unanswered(inspection.evidence, policy):
        answered.add(Step.QUESTIONS)
    return tuple(step for step in Step if step in answered)


def _answered(evidence: Evidence) -> Iterable[Step]:
    """All but the questions, whose number only the policy knows."""
    if evidence.mrz is not None:
        yield Step.DOCUMENT
    if evidence.chip is not None:
        yield Step.CHIP
    if evidence.page is not None and not evidence.page.error:
        yield Step.PAGE
    if evidence.visa is not None and evidence.visa.visa is not None:
        yield Step.VISA
    if evidence.face is not None and (not evidence.face.error or evidence.face.error == FACE_DECLINED):
        yield Step.FACE


def _collected(evidence: Evidence, event: Event) -> Evidence:
    match event:
        case DocumentRead(document):
            return _with_document(evidence, _document(evidence, document))
        case ChipRead(chip):
            return structs.replace(evidence, chip=_chip(evidence, chip))
        case StepSkipped(Step.CHIP):
            return structs.replace(evidence, chip=ChipEvidence(outcome=ChipOutcome.absent, error=CHIP_SKIPPED))
        case StepTimedOut(Step.CHIP):
            return structs.replace(evidence, chip=ChipEvidence(outcome=ChipOutcome.timed_out, error=CHIP_TIMED_OUT))
        case PageRead(page):
            return structs.replace(evidence, page=_page(evidence, page))
        case VisaRead(visa):
            return structs.replace(evidence, visa=_visa(evidence, visa))
        case FaceCompared(face):
            return structs.replace(evidence, face=_face(evidence, face))
        case StepSkipped(step):
            return structs.replace(evidence, skipped=_with(evidence.skipped, step))
        case StepTimedOut(step):
            return structs.replace(evidence, timed_out=_with(evidence.timed_out, step))
        case ProblemMet(code):
            return structs.replace(evidence, problems=tuple(dict.fromkeys((*evidence.problems, code))))
        case ListsConsulted(lists, hits):
            answers = {answer.name: answer for answer in (*evidence.lists, *lists)}
            every = (*evidence.hits, *(hit for hit in hits if hit not in evidence.hits))
            return structs.replace(evidence, lists=tuple(answers.values()), hits=every)
        case StayFound(stay):
            return structs.replace(evidence, stay=stay)
        case OpenStayFound(opened):
            return structs.replace(evidence, open_stay=opened)
        case _:
            raise WrongPhase(evidence.inspection_id, type(event).__name__)


def _with_document(evidence: Evidence, document: DocumentEvidence) -> Evidence:
    """The evidence with a document; a chip that was read before is held against what is known of the page now."""
    chip = evidence.chip
    if chip is not None and chip.mrz is not None and document.mrz is not None:
        chip = structs.replace(chip, agrees=not differing_fields(document.mrz, chip.mrz))
    return structs.replace(evidence, document=document, chip=chip)


def _document(evidence: Evidence, new: DocumentEvidence) -> DocumentEvidence:
    held = evidence.document
    if held is None:
        return new
    if held.mrz is None:
        return structs.replace(new, attempts=held.attempts + new.attempts)
    if new.mrz is None or new.mrz.lines == held.mrz.lines:
        return held
    if settles(held, new.mrz):
        return structs.replace(new, attempts=held.attempts + new.attempts)
    raise SecondDocument(evidence.inspection_id)


def _chip(evidence: Evidence, new: ChipEvidence) -> ChipEvidence:
    held = evidence.chip
    if held is None:
        return new
    better = held if held.read and not new.read else new
    return structs.replace(better, attempts=held.attempts + new.attempts)


def _page(evidence: Evidence, new: PageEvidence) -> PageEvidence:
    held = evidence.page
    return held if held is not None and not held.error and new.error else new


def _visa(evidence: Evidence, new: VisaEvidence) -> VisaEvidence:
    held = evidence.visa
    if held is None or held.visa is None:
        return new
    if new.visa is None:
        return held
    if new.visa == held.visa:
        # The same code again: the lists may have been asked again with it.
        return new
    raise SecondVisa(evidence.inspection_id)


def _face(evidence: Evidence, new: FaceEvidence) -> FaceEvidence:
    held = evidence.face
    if held is None or not held.comparisons:
        return new
    if not new.comparisons:
        return held
    known = len(held.comparisons)
    if len(new.comparisons) > known and new.comparisons[:known] == held.comparisons:
        return new
    raise AlreadyCompared(evidence.inspection_id)


def _answer(inspection: Inspection, event: QuestionAnswered, policy: Policy) -> Evidence:
    evidence = inspection.evidence
    if Step.QUESTIONS not in inspection.can:
        raise NotAsked(inspection.id, "this device asks nothing")
    value = checked_answer(asked(evidence, policy), event.key, event.value)
    answers = {**evidence.answers, event.key: value}
    if event.key == QuestionKey.PURPOSE:
        # The regime may be another one now, and ask for a visa that was not wanted before.
        return structs.replace(evidence, answers=answers, purpose=value)
    return structs.replace(evidence, answers=answers)


def _with(steps: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    return steps if step in steps else (*steps, step)


def _proposed(inspection: Inspection, event: Propose, policy: Policy) -> Inspection:
    waiting = next_step(inspection, policy)
    if waiting is not None:
        raise NotReady(inspection.id, waiting)
    evidence = structs.replace(inspection.evidence, clock=event.clock)
    return structs.replace(inspection, phase=Phase.PROPOSED, evidence=evidence, verdict=decide(evidence, policy))


def _reopened(inspection: Inspection) -> Inspection:
    if inspection.phase is not Phase.PROPOSED:
        raise WrongPhase(inspection.id, f"Reopen in phase {inspection.phase}")
    return structs.replace(inspection, phase=Phase.COLLECTING, verdict=None)


def _decided(inspection: Inspection, event: Decide) -> Inspection:
    verdict = inspection.verdict
    if verdict is None:
        raise WrongPhase(inspection.id, f"a decision in phase {inspection.phase}")
    override = event.decision is not verdict.proposal
    alone = not event.officer.strip()
    if alone and (verdict.officer_required or override or event.decision is not Proposal.ADMIT):
        raise OfficerRequired(inspection.id, event.decision)
    if override and not event.reason.strip():
        raise OverrideNeedsReason(inspection.id, f"{event.decision} where {verdict.proposal} was proposed")
    second = event.second_officer.strip()
    if second and second == event.officer.strip():
        raise SameOfficer(inspection.id, second)
    outcome = Outcome(
        decision=event.decision,
        officer=event.officer.strip(),
        reason=event.reason.strip(),
        at=event.at,
        override=override,
        second_officer=second,
        grounds=event.grounds if event.decision is Proposal.REFUSE else (),
    )
    return structs.replace(inspection, phase=Phase.CONFIRMED, outcome=outcome, closed_at=event.at)
