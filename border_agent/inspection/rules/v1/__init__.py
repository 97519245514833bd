"""Rules, version 1. Frozen once a device has decided by them: what changes is written as the next version.

A statement on evidence that did not exist then may be added: evidence written before has none of it, and decides as
it did.
"""

from __future__ import annotations

from collections.abc import Iterator

from border_agent.inspection.evidence import Evidence
from border_agent.inspection.findings import Finding, Severity, in_order
from border_agent.inspection.rules.v1.chip import chip_findings
from border_agent.inspection.rules.v1.document import document_findings, traveller_findings, typed
from border_agent.inspection.rules.v1.face import face_findings, face_lets_machine_admit
from border_agent.inspection.rules.v1.regimes import RegimeMatch, regime_of
from border_agent.inspection.rules.v1.stay import stay_findings
from border_agent.inspection.rules.v1.steps import step_findings, wanted_steps
from border_agent.inspection.rules.v1.surroundings import clock_findings, list_findings, watch_findings
from border_agent.inspection.rules.v1.visa import stay_days, visa_findings, visa_weighed
from border_agent.inspection.verdict import PROPOSAL_OF, Proposal, Verdict
from mqtt_schemas.records import Policy

__all__ = ["VERSION", "decide", "wanted_steps"]

VERSION = 1


def decide(evidence: Evidence, policy: Policy) -> Verdict:
    """The verdict: as bad as the worst finding, and an officer's unless everything lets the machine admit."""
    match = regime_of(evidence.mrz, evidence.purpose, policy)
    findings = in_order(_findings(evidence, policy, match))
    worst = max((item.severity for item in findings), key=lambda one: one.rank, default=Severity.INFO)
    proposal = PROPOSAL_OF[worst]
    alone = (
        proposal is Proposal.ADMIT
        and policy.admit_without_officer
        and face_lets_machine_admit(evidence)
        and not typed(evidence)
    )
    return Verdict(
        proposal=proposal,
        officer_required=not alone,
        findings=findings,
        regime=match.regime,
        stay_days=stay_days(evidence, match),
        policy_id=policy.policy_id,
        rules_version=VERSION,
    )


def _findings(evidence: Evidence, policy: Policy, match: RegimeMatch) -> Iterator[Finding]:
    yield from document_findings(evidence, policy, match)
    yield from chip_findings(evidence, policy)
    yield from traveller_findings(evidence, policy)
    yield from stay_findings(evidence, match)
    yield from visa_findings(evidence, policy, match)
    yield from face_findings(evidence, policy)
    yield from watch_findings(evidence)
    yield from list_findings(evidence, policy, visa_weighed=visa_weighed(evidence, match))
    yield from clock_findings(evidence)
    yield from step_findings(evidence, policy)
