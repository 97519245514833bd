"""Movements as the desk writes them, for the tests of passages."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from border_agent.store import Journal, PassageNoted, Times
from mqtt_schemas.entries import (
    ClockQuality,
    Decision,
    Direction,
    DocumentFacts,
    Inspection,
    LateEntry,
    Movement,
    VisaFacts,
)

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def document(**changes: Any) -> DocumentFacts:
    facts: dict[str, Any] = {
        "format": "TD3",
        "lines": (),
        "issuer": "GHA",
        "number": "G1234567",
        "nationality": "GHA",
        "surname": "VAN DER BERG",
        "given_names": "AMA ESI",
        "birth": "850402",
        "sex": "F",
        "expiry": "310501",
    }
    return DocumentFacts(**(facts | changes))


def movement(at: datetime = NOON, **changes: Any) -> Movement:
    return Movement(**_common(at, changes, proposal=Decision.REFER, regime="exempt"))


def referral(at: datetime = NOON, **changes: Any) -> Inspection:
    return Inspection(**_common(at, {"decision": Decision.REFER, "outcome": "referred"} | changes, proposal="refer"))


def late(at: datetime = NOON, **changes: Any) -> LateEntry:
    return LateEntry(**_common(at, changes, entered_by="4711", paper="F-12", reason="no power"))


def visa(visa_id: str = "a" * 16) -> VisaFacts:
    return VisaFacts(visa_id=visa_id, signature="valid", seen_at_centre=True)


def passes(journal: Journal, *entries: Movement | Inspection | LateEntry, **times: datetime) -> None:
    """Commit entries with their passages, as the recorder does."""
    for entry in entries:
        journal.commit([entry], [PassageNoted(entry=entry, times=Times(**times))])


def day(number: float) -> datetime:
    """So many days after noon of the first one."""
    return NOON + timedelta(days=number)


def _common(at: datetime, changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    common: dict[str, Any] = {
        "id": secrets.token_hex(16),
        "inspection_id": secrets.token_hex(16),
        "occurred_at": at,
        "recorded_at": at,
        "clock": ClockQuality.SYNCHRONISED,
        "direction": Direction.ENTRY,
        "document": document(),
        "decision": Decision.ADMIT,
        "officer": "4711",
        "stay_days": 30,
    }
    return common | more | changes
