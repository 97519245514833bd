"""Rules on faces where something is missing that nobody would miss by looking at the comparisons alone."""

from __future__ import annotations

from inspection_cases import POLICY, compared, face, good, passport
from msgspec import structs

from border_agent.faces import ReferenceKind
from border_agent.inspection import DocumentEvidence, decide
from border_agent.inspection.evidence import FACE_NO_REFERENCE
from mqtt_schemas.records import Policy


def child_of(year: int, policy: Policy) -> tuple[str, ...]:
    child = passport(birth=passport().birth.known.replace(year=year))  # type: ignore[union-attr]
    return decide(good(document=DocumentEvidence(mrz=child), face=None), policy).codes


def test_a_vouched_portrait_without_a_face_is_not_replaced_by_the_printed_one() -> None:
    printed = face(compared(kind=ReferenceKind.printed))
    assert decide(printed, POLICY).proposal == "admit"
    verdict = decide(structs.replace(printed, problems=(FACE_NO_REFERENCE,)), POLICY)
    assert verdict.proposal == "refer"
    assert "face.no_reference" in verdict.codes


def test_nobody_is_too_young_for_the_camera_and_too_old_for_an_officer() -> None:
    assert "face.not_compared" not in child_of(2016, POLICY)
    assert "traveller.minor_alone" in child_of(2016, POLICY)
    odd = structs.replace(POLICY, minor_age=6, face_minimum_age=12)
    assert "traveller.minor_alone" not in child_of(2016, odd)
    assert "face.not_compared" in child_of(2016, odd)
