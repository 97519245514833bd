"""Rules on the stay that an exit ends, or that is open at an entry. Nobody is kept from leaving: an officer looks.

Evidence written before stays were looked for has none, and states nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator

from border_agent.inspection.evidence import Evidence
from border_agent.inspection.findings import Finding, finding
from border_agent.inspection.rules.v1.regimes import RegimeMatch
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import Regime


def stay_findings(evidence: Evidence, match: RegimeMatch) -> Iterator[Finding]:
    """Whether the stay was longer than it was allowed to be. A country's own nationals stay as long as they like."""
    if match.regime is Regime.NATIONAL:
        return
    opened = evidence.open_stay
    if opened is not None and evidence.direction is Direction.ENTRY:
        yield finding(
            "stay.open_elsewhere", entered=opened.entered_at.date().isoformat(), post=opened.post or opened.device
        )
    stay = evidence.stay
    if stay is None or evidence.direction is not Direction.EXIT:
        return
    if stay.entered_at is None:
        yield finding("stay.entry_unknown")
    elif stay.overstay_days > 0 and stay.until is not None:
        yield finding(
            "stay.overstayed",
            days=str(stay.overstay_days),
            entered=stay.entered_at.date().isoformat(),
            until=stay.until.isoformat(),
        )
