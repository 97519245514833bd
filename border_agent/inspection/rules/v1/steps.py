"""Which steps a traveller is asked for, and why one has no answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from border_agent.inspection.chip import chip_wanted
from border_agent.inspection.evidence import Evidence, Step
from border_agent.inspection.findings import Finding, finding
from border_agent.inspection.questions import asked, unanswered
from border_agent.inspection.rules.v1.dates import surely_younger
from border_agent.inspection.rules.v1.regimes import regime_of, visa_required
from mqtt_schemas.records import Policy


def wanted_steps(evidence: Evidence, policy: Policy) -> frozenset[Step]:
    """The steps this traveller has to take: a chip where the document may have one, a visa only where the regime asks
    for one, no face of small children."""
    steps = {Step.DOCUMENT, Step.PAGE}
    if chip_wanted(evidence.mrz, policy):
        steps.add(Step.CHIP)
    if visa_required(regime_of(evidence.mrz, evidence.purpose, policy), evidence.direction):
        steps.add(Step.VISA)
    if not too_young_for_faces(evidence, policy):
        steps.add(Step.FACE)
    if asked(evidence, policy):
        steps.add(Step.QUESTIONS)
    return frozenset(steps)


def too_young_for_faces(evidence: Evidence, policy: Policy) -> bool:
    """Whether the traveller is certainly under the age from which faces are compared."""
    mrz = evidence.mrz
    return mrz is not None and surely_younger(mrz.birth, policy.face_minimum_age, evidence.clock.today)


def surely_minor(evidence: Evidence, policy: Policy) -> bool:
    """Whether the traveller is certainly a minor, and so an officer's anyway."""
    mrz = evidence.mrz
    return mrz is not None and surely_younger(mrz.birth, policy.minor_age, evidence.clock.today)


def step_findings(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Steps left out, and what went wrong on the way."""
    missing = unanswered(evidence, policy)
    answered = {
        Step.DOCUMENT: evidence.mrz,
        Step.CHIP: evidence.chip,
        Step.PAGE: evidence.page,
        Step.VISA: evidence.visa and evidence.visa.visa,
        Step.FACE: evidence.face and evidence.face.comparisons,
        Step.QUESTIONS: not missing,
    }
    for step in Step:
        if not answered[step]:
            if step in evidence.skipped:
                yield finding("inspection.step_skipped", step=step)
            if step in evidence.timed_out:
                yield finding("inspection.step_timed_out", step=step)
    if missing and Step.QUESTIONS in (*evidence.skipped, *evidence.timed_out):
        # Asked and not answered; a device that asks nothing leaves it to its officer.
        yield finding("traveller.unanswered", fields=fields(question.key for question in missing))
    errors = [held.error for held in (evidence.document, evidence.page, evidence.visa, evidence.face) if held]
    for code in dict.fromkeys((*evidence.problems, *errors)):
        if code.split(".")[0] == "decoder":
            yield finding("decoder.failed", error=code)
        elif code in evidence.problems:
            yield finding("inspection.problem", error=code)


def why_missing(evidence: Evidence, step: Step) -> str:
    """`skipped`, `timed_out`, or `not_done` where the device cannot do it."""
    if step in evidence.skipped:
        return "skipped"
    return "timed_out" if step in evidence.timed_out else "not_done"


def fields(names: Iterable[str]) -> str:
    """Names of fields as a finding's parameter: each once, in the order of the document."""
    return ",".join(dict.fromkeys(names))
