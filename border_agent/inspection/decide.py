"""`decide()`: evidence and policy in, verdict out, and nothing else. The clock is `evidence.clock.at`.

Same evidence and policy, same verdict, on every device and in ten years: no other input is read.
"""

from __future__ import annotations

from border_agent.inspection.evidence import Evidence, Step
from border_agent.inspection.rules import rules_for
from border_agent.inspection.verdict import Verdict
from mqtt_schemas.records import Policy


def decide(evidence: Evidence, policy: Policy) -> Verdict:
    """What the machine proposes, by the rules the policy names. Raises UnknownRules."""
    return rules_for(policy).decide(evidence, policy)


def wanted_steps(evidence: Evidence, policy: Policy) -> frozenset[Step]:
    """The steps this traveller has to take, as far as the evidence tells. Raises UnknownRules."""
    return rules_for(policy).wanted_steps(evidence, policy)
