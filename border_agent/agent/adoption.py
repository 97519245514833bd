"""Another device's finished inspection, weighed anew: its readings, this device's lists, this device's rules."""

from __future__ import annotations

import logging

from border_agent.agent.answers import NO_POLICY, Answers
from border_agent.errors import BorneError
from border_agent.inspection.errors import UnknownRules
from border_agent.inspection.events import ProblemMet, Propose
from border_agent.inspection.evidence import Evidence
from border_agent.inspection.machine import Inspection, advance
from border_agent.inspection.rules import rules_for
from mqtt_schemas.records import Policy

_log = logging.getLogger(__name__)


class ForeignEvidence(BorneError):
    """Evidence that is another inspection's than it is said to be."""

    code = "inspection.foreign_evidence"


def usable_policy(inspection: Inspection, answers: Answers) -> tuple[Inspection, Policy]:
    """The policy in force. One for a newer software is like none at all: every traveller goes to an officer, who
    reads why. Raises StoreError."""
    policy = answers.policy()
    try:
        rules_for(policy)
    except UnknownRules as error:
        _log.error("the policy cannot be used: %s", error)
        return advance(inspection, ProblemMet(error.code), NO_POLICY), NO_POLICY
    return inspection, policy


def weighed(evidence: Evidence, answers: Answers) -> Inspection:
    """The inspection that the evidence of another device makes here: proposed by what this device knows.

    Nothing more is collected, so it can do no step. Raises StoreError.
    """
    inspection, policy = usable_policy(Inspection(evidence=evidence, can=()), answers)
    for answer in answers.asked_again(evidence):
        inspection = advance(inspection, answer, policy)
    return advance(inspection, Propose(clock=answers.clock()), policy)
