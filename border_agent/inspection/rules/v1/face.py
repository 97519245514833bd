"""Rules on the comparison of faces. A machine's doubt is never a refusal: an officer looks."""

from __future__ import annotations

from collections.abc import Iterator

from border_agent.faces import FaceComparison, ReferenceKind, Zone
from border_agent.inspection.evidence import (
    FACE_DECLINED,
    FACE_NO_REFERENCE,
    FACE_SEVERAL,
    Evidence,
    FaceEvidence,
    Step,
)
from border_agent.inspection.findings import Finding, finding
from border_agent.inspection.rules.v1.steps import surely_minor, too_young_for_faces, why_missing
from mqtt_schemas.records import Policy

_VOUCHED = frozenset({ReferenceKind.chip, ReferenceKind.visa_record})
_FINDING_OF_ERROR = {
    FACE_DECLINED: "face.declined",
    FACE_SEVERAL: "face.several",
    FACE_NO_REFERENCE: "face.no_reference",
}


def face_findings(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """What the comparisons say, or why there is none."""
    face = evidence.face
    if face is None or not face.comparisons:
        # Small children go to an officer as minors; should a policy call them adults, this says why.
        if not (too_young_for_faces(evidence, policy) and surely_minor(evidence, policy)):
            yield _not_compared(evidence, face)
        return
    if FACE_NO_REFERENCE in evidence.problems:
        yield finding("face.no_reference")
    if face.error in _FINDING_OF_ERROR:
        yield finding(_FINDING_OF_ERROR[face.error])
    for comparison in face.comparisons:
        if comparison.zone is not Zone.match:
            code = "face.doubt" if comparison.zone is Zone.doubt else "face.no_match"
            yield finding(code, reference=comparison.reference.value, distance=f"{comparison.distance:.3f}")
    if {Zone.match, Zone.no_match} <= {comparison.zone for comparison in face.comparisons}:
        yield finding("face.references_disagree")
    matched = [comparison for comparison in face.comparisons if comparison.zone is Zone.match]
    if matched and not any(_vouched(comparison) for comparison in matched):
        yield finding("face.reference_unvouched", reference=matched[0].reference.value)
    if any(comparison.provisional for comparison in face.comparisons):
        yield finding("face.provisional")


def face_lets_machine_admit(evidence: Evidence) -> bool:
    """Whether the face may be believed without an officer: a vouched reference matched, nothing provisional."""
    comparisons = evidence.face.comparisons if evidence.face is not None else ()
    return any(comparison.zone is Zone.match and _vouched(comparison) for comparison in comparisons) and not any(
        comparison.provisional for comparison in comparisons
    )


def _vouched(comparison: FaceComparison) -> bool:
    return comparison.reference in _VOUCHED


def _not_compared(evidence: Evidence, face: FaceEvidence | None) -> Finding:
    if face is None:
        return finding("face.not_compared", reason=why_missing(evidence, Step.FACE))
    if not face.error:
        return finding("face.no_reference")
    if face.error in _FINDING_OF_ERROR:
        return finding(_FINDING_OF_ERROR[face.error])
    return finding("face.not_compared", reason=face.error)
