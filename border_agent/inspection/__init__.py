"""One traveller, one movement: what was found out, what follows from it, who decided.

    evidence   values: what readers, lists and clock said; complete, so that a decision can be made again
    questions  what a traveller is asked besides, and what counts as an answer
    chip       a document's chip beside the document: may it have one, do both agree, what its portrait is worth
    stay       how long a stay was allowed, and by how much an exit is late
    slip       the short code by which an officer finds a traveller's inspection
    findings   the registry of all that may be stated, with severities and what a traveller may learn
    rules/     the rules by version; `decide` picks the version the policy names
    verdict    the proposal, and its traveller-safe part
    events, machine   the inspection's states: collecting, proposed, confirmed, cancelled

Nothing in this room does input or output, reads a clock or draws a random number: the agent feeds it events and
does what follows. That is what makes an inspection repeatable in court and a kiosk's crash harmless.
"""

from __future__ import annotations

from border_agent.inspection.decide import decide, wanted_steps
from border_agent.inspection.errors import InspectionError
from border_agent.inspection.evidence import (
    ChipEvidence,
    ClockEvidence,
    DocumentEvidence,
    DocumentSource,
    Evidence,
    FaceEvidence,
    ListAnswer,
    OpenStay,
    PageEvidence,
    StayEvidence,
    Step,
    VisaEvidence,
    WatchHit,
    without_pictures,
)
from border_agent.inspection.findings import REGISTRY, Finding, SafeCode, Severity, finding, safe_code
from border_agent.inspection.machine import (
    Inspection,
    Outcome,
    Phase,
    advance,
    answered_steps,
    begin,
    next_step,
    open_steps,
)
from border_agent.inspection.verdict import Proposal, Verdict, traveller_codes

__all__ = [
    "REGISTRY",
    "ChipEvidence",
    "ClockEvidence",
    "DocumentEvidence",
    "DocumentSource",
    "Evidence",
    "FaceEvidence",
    "Finding",
    "Inspection",
    "InspectionError",
    "ListAnswer",
    "OpenStay",
    "Outcome",
    "PageEvidence",
    "Phase",
    "Proposal",
    "SafeCode",
    "Severity",
    "StayEvidence",
    "Step",
    "Verdict",
    "VisaEvidence",
    "WatchHit",
    "advance",
    "answered_steps",
    "begin",
    "decide",
    "finding",
    "next_step",
    "open_steps",
    "safe_code",
    "traveller_codes",
    "wanted_steps",
    "without_pictures",
]
