"""What the machine proposes, and what of it a traveller may learn."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from border_agent.inspection.findings import Finding, SafeCode, Severity, safe_code
from mqtt_schemas.records import Regime


class Proposal(StrEnum):
    """What the findings ask for; also what an officer may decide."""

    ADMIT = "admit"
    REFER = "refer"
    REFUSE = "refuse"


PROPOSAL_OF = {Severity.INFO: Proposal.ADMIT, Severity.REFER: Proposal.REFER, Severity.REFUSE: Proposal.REFUSE}
"""The worst finding decides."""


class Verdict(Struct, frozen=True, kw_only=True):
    """The outcome of the rules: the proposal, why, and under which policy and rules."""

    proposal: Proposal
    officer_required: bool
    """No machine may confirm this alone."""
    findings: tuple[Finding, ...]
    """The worst first."""
    regime: Regime
    stay_days: int
    """Longest stay in days; 0: no limit known."""
    policy_id: str
    rules_version: int

    @property
    def codes(self) -> tuple[str, ...]:
        """The findings' codes, the worst first."""
        return tuple(item.code for item in self.findings)


def traveller_codes(verdict: Verdict) -> tuple[SafeCode, ...]:
    """What a traveller's screen may show: first where to go, then hints that betray nothing.

    Whoever is not admitted is told the same, whatever the reason, so no refusal and no watch-list hit can be
    told from a dirty lens. A hint stands only for what the traveller can mend.
    """
    if verdict.proposal is not Proposal.ADMIT:
        where = SafeCode.SEE_OFFICER
    elif verdict.officer_required:
        where = SafeCode.GO_TO_COUNTER
    else:
        where = SafeCode.GO_ON
    hints = {safe_code(item.code) for item in verdict.findings} - {SafeCode.SEE_OFFICER}
    return (where, *sorted(hints))
