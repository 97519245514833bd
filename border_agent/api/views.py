"""What clients get to see of an inspection: everything for an officer, next to nothing for a traveller."""

from __future__ import annotations

from typing import Any

import msgspec

from border_agent.agent.case import Case, Recorded
from border_agent.agent.facts import TYPED
from border_agent.api.peer import Right
from border_agent.documents.mrz import Mrz
from border_agent.errors import BorneError
from border_agent.inspection.characters import fields_at
from border_agent.inspection.chip import differing_fields, is_original, portrait_kind
from border_agent.inspection.evidence import Evidence
from border_agent.inspection.findings import Finding
from border_agent.inspection.machine import Phase
from border_agent.inspection.slip import slip_code
from border_agent.inspection.verdict import Proposal, traveller_codes
from border_agent.words import error_text, has, languages, text
from mqtt_schemas.errors import ContractError

Json = dict[str, Any]


def words(key: str, **params: object) -> dict[str, str]:
    """A text in every language of the product."""
    return {language: text(key, language, **params) for language in languages()}


def case_view(case: Case) -> Json:
    """An inspection for an officer. Keys are stable; places that hold nothing yet are null or empty."""
    inspection, evidence = case.inspection, case.inspection.evidence
    verdict, outcome, receipt = inspection.verdict, inspection.outcome, case.receipt
    return {
        "id": case.id,
        "phase": case.phase.value,
        "step": case.step,
        "open_steps": case.open_steps,
        "answered": case.answered,
        "guidance": case.guidance,
        "slip": case.slip,
        "direction": evidence.direction,
        "group": evidence.group,
        "accompanied": evidence.accompanied,
        "purpose": evidence.purpose,
        "answers": evidence.answers,
        "started_at": evidence.started_at,
        "document": _document(evidence),
        "chip_progress": case.chip,
        "chip": _chip(evidence),
        "visa": _visa(evidence),
        "faces": _faces(evidence),
        "skipped": evidence.skipped,
        "timed_out": evidence.timed_out,
        "problems": evidence.problems,
        "lists": evidence.lists,
        "clock": evidence.clock,
        "proposal": verdict.proposal if verdict is not None else None,
        "officer_required": verdict.officer_required if verdict is not None else None,
        "regime": verdict.regime if verdict is not None else None,
        "stay_days": verdict.stay_days if verdict is not None else None,
        "policy_id": verdict.policy_id if verdict is not None else None,
        "rules_version": verdict.rules_version if verdict is not None else None,
        "findings": [_finding(finding) for finding in verdict.findings] if verdict is not None else [],
        "decision": outcome.decision if outcome is not None else None,
        "officer": outcome.officer if outcome is not None else None,
        "reason": outcome.reason if outcome is not None else None,
        "receipt": _receipt(receipt) if receipt is not None else None,
        "step_ms": case.step_ms,
        "origin": case.origin,
        "stay": evidence.stay,
        "pictures": case.pictures,
    }


def recorded_view(recorded: Recorded) -> Json:
    """What is left of an inspection that was decided before the agent was started again."""
    return {
        "id": recorded.inspection_id,
        "slip": slip_code(recorded.inspection_id),
        "phase": Phase.CONFIRMED if recorded.decision in set(Proposal) else Phase.CANCELLED,
        "decision": recorded.decision,
        "officer": recorded.officer,
        "receipt": _receipt(recorded),
    }


def view(right: Right, case: Case) -> Json:
    """An inspection for whoever asks."""
    return case_view(case) if right is Right.OFFICER else traveller_view(case)


def traveller_view(case: Case) -> Json:
    """An inspection for a kiosk's window: the step, and codes that a traveller may read. Never a reason."""
    say: list[Json] = []
    verdict = case.inspection.verdict
    if verdict is not None and case.phase in (Phase.PROPOSED, Phase.CONFIRMED):
        say = [{"code": code.value, "words": words(f"traveller.{code.value}")} for code in traveller_codes(verdict)]
    return {
        "id": case.id,
        "phase": case.phase.value,
        "step": case.step,
        "open_steps": case.open_steps,
        "answered": case.answered,
        "guidance": case.guidance,
        "chip": case.chip,
        "slip": case.slip,
        "say": say,
    }


def state_view(state: Json) -> Json:
    """The device's state with words for what stands in the way of the line."""
    line = state["line"]
    problems = [{**problem, "words": words(f"problem.{problem['code']}")} for problem in line["problems"]]
    return {**state, "line": {**line, "problems": problems}}


def error_view(error: BorneError | ContractError, *, details: bool) -> Json:
    """An error as a client gets it: code and words in every language; place and detail only where it may know."""
    return {
        "error": error.code,
        "where": error.where if details else "",
        "detail": error.detail if details else "",
        "words": {language: error_text(error, language) for language in languages()},
    }


def _receipt(recorded: Recorded) -> Json:
    return {"epoch": recorded.epoch.hex(), "sequence": recorded.sequence, "head": recorded.head.hex()}


def _finding(finding: Finding) -> Json:
    params = dict(finding.params)
    key = f"finding.{finding.code}"
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "params": params,
        "title": words(f"{key}.title", **params),
        "advice": words(f"{key}.advice", **params) if has(f"{key}.advice") else {},
    }


def _document(evidence: Evidence) -> Json | None:
    read, mrz = evidence.document, evidence.mrz
    if read is None or mrz is None:
        return None
    document = _zone(mrz)
    document["source"] = TYPED if read.typed else read.source.value
    document["confidence"] = read.confidence
    document["uncertain"] = read.uncertain
    document["uncertain_fields"] = fields_at(mrz.format, read.uncertain)
    return document


def _zone(mrz: Mrz) -> Json:
    zone: Json = msgspec.to_builtins(mrz)
    zone["checks_ok"] = mrz.checks_ok
    zone["valid"] = mrz.valid
    return zone


def _chip(evidence: Evidence) -> Json | None:
    """The chip; its portrait is among the pictures, here is what that is worth."""
    chip, page = evidence.chip, evidence.mrz
    if chip is None:
        return None
    shown: Json = msgspec.to_builtins(chip)
    kind = portrait_kind(chip)
    shown["portrait"] = kind.value if kind is not None else ""
    shown["mrz"] = _zone(chip.mrz) if chip.mrz is not None else None
    shown["differs"] = differing_fields(page, chip.mrz) if page is not None and chip.mrz is not None else ()
    shown["original"] = is_original(chip)
    return shown


def _visa(evidence: Evidence) -> Json | None:
    read = evidence.visa
    if read is None or read.visa is None:
        return None
    visa, record, judgement = read.visa, read.record, read.judgement
    return {
        "visa_id": visa.visa_id,
        "issuer": visa.issuer,
        "passport_number": visa.passport_number,
        "visa_type": visa.visa_type,
        "entries": visa.entries,
        "valid_from": visa.valid_from,
        "valid_until": visa.valid_until,
        "issued": visa.issued,
        "signature": judgement.verdict if judgement is not None else None,
        "signer": judgement.signer if judgement is not None else None,
        "seen_at_centre": record is not None,
        "status": record.status if record is not None else None,
        "uses_here": read.uses_here,
        "uses_at_centre": record.uses if record is not None else None,
    }


def _faces(evidence: Evidence) -> list[Json]:
    if evidence.face is None:
        return []
    faces: list[Json] = msgspec.to_builtins(evidence.face.comparisons)
    return faces
