"""Rules by version. A journal entry names its version, so each stays runnable as long as entries of it are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from border_agent.inspection.errors import UnknownRules
from border_agent.inspection.evidence import Evidence, Step
from border_agent.inspection.rules import v1
from border_agent.inspection.verdict import Verdict
from mqtt_schemas.records import Policy


@dataclass(frozen=True)
class Rules:
    """One version: both functions are pure."""

    wanted_steps: Callable[[Evidence, Policy], frozenset[Step]]
    decide: Callable[[Evidence, Policy], Verdict]


RULES: Mapping[int, Rules] = {v1.VERSION: Rules(v1.wanted_steps, v1.decide)}


def rules_for(policy: Policy) -> Rules:
    """The rules a policy was written for. Raises UnknownRules."""
    rules = RULES.get(policy.rules_version)
    if rules is None:
        raise UnknownRules(policy.policy_id, f"rules version {policy.rules_version}")
    return rules
