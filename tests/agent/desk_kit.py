"""What the desk's tests need: a policy in force, movements recorded before, another device's evidence."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from border_agent.agent.case import Case
from border_agent.agent.runtime import Agent
from border_agent.documents.mrz import Mrz, MrzFormat, build_mrz, parse_mrz
from border_agent.inspection import ClockEvidence, DocumentEvidence, Evidence
from border_agent.inspection.machine import Phase
from border_agent.store import PassageNoted
from mqtt_schemas.entries import ClockQuality, Decision, Direction, DocumentFacts, Movement
from mqtt_schemas.records import Policy, Regime, RegimeRule

POLICY = Policy(
    policy_id="utopia-1",
    rules_version=1,
    country="UTO",
    issuers=("UTO",),
    regimes=(
        RegimeRule(nationality="UTO", regime=Regime.NATIONAL),
        RegimeRule(nationality="BFA", regime=Regime.EXEMPT, days=30),
        RegimeRule(nationality="GHA", regime=Regime.VISA_REQUIRED, days=30),
    ),
)


def in_force(agent: Agent, monkeypatch: pytest.MonkeyPatch, policy: Policy = POLICY) -> None:
    monkeypatch.setattr(agent.desk._answers._lists, "policy", lambda: policy)


def lines(nationality: str = "BFA", number: str = "P1234567", surname: str = "Traore") -> tuple[str, ...]:
    """The two lines of an adult's passport."""
    return tuple(
        build_mrz(
            MrzFormat.TD3,
            document_code="P",
            issuer=nationality,
            surname=surname,
            given_names="Awa",
            number=number,
            nationality=nationality,
            birth=date(1985, 4, 2),
            sex="F",
            expiry=date(2035, 5, 1),
        )
    )


def mrz(**document: str) -> Mrz:
    return parse_mrz("\n".join(lines(**document)), today=datetime.now(UTC).date())


def of_kiosk(agent: Agent, **changes: Any) -> Evidence:
    """What a kiosk has collected."""
    now = agent.desk._answers.clock().at
    facts: dict[str, Any] = {
        "inspection_id": secrets.token_hex(16),
        "device": "kiosk-1",
        "started_at": now - timedelta(minutes=3),
        "document": DocumentEvidence(mrz=mrz()),
        "clock": ClockEvidence(at=now - timedelta(minutes=1), quality=ClockQuality.SYNCHRONISED),
    }
    return Evidence(**(facts | changes))


def adopted(agent: Agent, evidence: Evidence, **more: Any) -> Case:
    return agent.desk.adopt(
        inspection_id=evidence.inspection_id,
        origin=evidence.device,
        evidence=evidence,
        finished_at=evidence.clock.at,
        **({"pictures": {}} | more),
    )


def entered(agent: Agent, days_ago: float, stay_days: int = 30, **changes: Any) -> Movement:
    """An admitted entry of that document, recorded so many days ago."""
    at = agent.desk._answers.clock().at - timedelta(days=days_ago)
    facts: dict[str, Any] = {
        "id": secrets.token_hex(16),
        "inspection_id": secrets.token_hex(16),
        "occurred_at": at,
        "recorded_at": at,
        "clock": ClockQuality.SYNCHRONISED,
        "direction": Direction.ENTRY,
        "document": DocumentFacts(format="TD3", lines=(), issuer="BFA", number="P1234567", surname="TRAORE"),
        "proposal": Decision.ADMIT,
        "decision": Decision.ADMIT,
        "officer": "4711",
        "stay_days": stay_days,
    }
    entry = Movement(**(facts | changes))
    agent.mending._journal.commit([entry], [PassageNoted(entry=entry)])
    return entry


def proposal(agent: Agent, inspection: str, seconds: float = 30.0) -> Case:
    """The case once nothing more is collected."""
    deadline = time.monotonic() + seconds
    while (case := agent.desk.case(inspection)).phase is Phase.COLLECTING:
        assert time.monotonic() < deadline, "it was never proposed"
        time.sleep(0.01)
    return case
