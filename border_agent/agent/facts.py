"""An inspection as the journal entry that stands for it: facts only, in the contract's words."""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from border_agent.documents.mrz import Mrz
from border_agent.faces import FaceComparison
from border_agent.inspection.evidence import ChipEvidence, DocumentEvidence, ListAnswer, VisaEvidence
from border_agent.inspection.machine import Inspection, Phase
from border_agent.seals import SealedVisa
from mqtt_schemas import entries
from mqtt_schemas.entries import (
    ChipFacts,
    ClockQuality,
    Decision,
    DocumentFacts,
    FaceFacts,
    FindingFact,
    ListFact,
    VisaFacts,
    derived_id,
)

TYPED = "typed"
LONGEST_NAME = 1024
"""Characters of a certificate's subject that an entry takes."""


def entry_of(
    inspection: Inspection,
    *,
    device: str,
    recorded_at: datetime,
    clock: ClockQuality,
    evidence: bytes,
    origin: str = "",
) -> entries.Movement | entries.Inspection:
    """The entry of an inspection that is over; `device` writes it, `evidence` is the SHA-256 of what was stored of
    it, `origin` the device that collected it, where another one did. Its id follows from the rest and stays at home.
    """
    facts = inspection.evidence
    verdict, outcome = inspection.verdict, inspection.outcome
    common = {
        "occurred_at": inspection.closed_at or recorded_at,
        "recorded_at": recorded_at,
        "clock": clock,
        "inspection_id": inspection.id,
        "direction": facts.direction,
        "document": _document(facts.document, facts.mrz) if facts.document and facts.mrz is not None else None,
        "chip": _chip(facts.chip) if facts.chip is not None else None,
        "visa": _visa(facts.visa, facts.visa.visa)
        if facts.visa is not None and facts.visa.visa is not None
        else None,
        "faces": tuple(_face(comparison) for comparison in facts.face.comparisons) if facts.face is not None else (),
        "findings": tuple(
            FindingFact(code=finding.code, severity=finding.severity.value)
            for finding in (verdict.findings if verdict is not None else ())
        ),
        "proposal": Decision(verdict.proposal.value) if verdict is not None else Decision.UNKNOWN,
        "decision": Decision(outcome.decision.value) if outcome is not None else Decision.UNKNOWN,
        "officer": outcome.officer if outcome is not None else "",
        "reason": outcome.reason if outcome is not None else inspection.cancel_reason,
        "regime": verdict.regime.value if verdict is not None else "",
        "stay_days": verdict.stay_days if verdict is not None else 0,
        "group": facts.group,
        "policy_id": verdict.policy_id if verdict is not None else "",
        "rules_version": verdict.rules_version if verdict is not None else 0,
        "lists": tuple(_list(answer) for answer in facts.lists),
        "evidence": evidence,
        "second_officer": outcome.second_officer if outcome is not None else "",
        "origin": origin,
        "grounds": outcome.grounds if outcome is not None else (),
        "overstay_days": facts.stay.overstay_days if facts.stay is not None else 0,
    }
    if outcome is not None and outcome.movement:
        moved = derived_id(device, "movement", inspection.id, recorded_at)
        return entries.Movement(id=moved, **common)  # type: ignore[arg-type]
    ended = derived_id(device, "inspection", inspection.id, recorded_at)
    word = "cancelled" if inspection.phase is Phase.CANCELLED else "referred"
    return entries.Inspection(id=ended, **common, outcome=word)  # type: ignore[arg-type]


def _document(document: DocumentEvidence, mrz: Mrz) -> DocumentFacts:
    source = TYPED if document.typed else document.source.value
    return structs.replace(document_facts(mrz), source=source)


def _chip(chip: ChipEvidence) -> ChipFacts:
    passive = chip.passive
    return ChipFacts(
        outcome=chip.outcome.value,
        error=chip.error,
        access=chip.access,
        authenticity=chip.authenticity.value,
        passive=passive.verdict.value if passive is not None else "",
        issuer=passive.issuer if passive is not None else "",
        signer=passive.signer[:LONGEST_NAME] if passive is not None else "",
        agrees=chip.agrees,
        portrait_sha256=bytes.fromhex(chip.portrait_sha256),
    )


def document_facts(mrz: Mrz) -> DocumentFacts:
    """A machine-readable zone in the contract's words."""
    return DocumentFacts(
        format=mrz.format.value,
        lines=mrz.lines,
        issuer=mrz.issuer,
        number=mrz.number,
        nationality=mrz.nationality,
        surname=mrz.surname,
        given_names=mrz.given_names,
        birth=mrz.birth.raw,
        sex=mrz.sex,
        expiry=mrz.expiry.raw,
    )


def _visa(evidence: VisaEvidence, visa: SealedVisa) -> VisaFacts:
    judgement = evidence.judgement
    return VisaFacts(
        visa_id=visa.visa_id or "",
        issuer=visa.issuer,
        signer=judgement.signer if judgement is not None else visa.certificate_ref,
        signature=judgement.verdict.value if judgement is not None else "",
        seen_at_centre=evidence.record is not None,
        valid_from=visa.valid_from,
        valid_until=visa.valid_until,
        entries=visa.entries,
        uses_before=evidence.uses,
    )


def _face(comparison: FaceComparison) -> FaceFacts:
    return FaceFacts(
        reference=comparison.reference.value,
        zone=comparison.zone.value,
        distance=round(comparison.distance, 4),
        match_threshold=comparison.match_threshold,
        doubt_threshold=comparison.doubt_threshold,
        frames=comparison.frames,
        model=comparison.model,
        model_sha256=comparison.model_sha256,
        calibration_sha256=comparison.calibration_sha256,
        provisional=comparison.provisional,
    )


def _list(answer: ListAnswer) -> ListFact:
    return ListFact(name=answer.name, version=answer.version, head=answer.head)
