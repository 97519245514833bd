"""The post's queue as its counters see it: this device's inspections and those that its kiosks have finished."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from border_agent.agent.case import Case
from border_agent.agent.leases import Holder
from border_agent.documents.mrz import Mrz
from border_agent.inspection.evidence import Evidence, Step
from border_agent.inspection.machine import Phase
from border_agent.inspection.slip import slip_code
from border_agent.inspection.verdict import Proposal
from mqtt_schemas.entries import Direction


class Row(Struct, frozen=True, kw_only=True):
    """One traveller in the queue."""

    id: str
    slip: str
    origin: str
    """The device that inspects, or has inspected."""
    own: bool
    """This device itself."""
    gate: str
    direction: Direction
    phase: Phase
    step: Step | None
    """What the traveller is asked for now."""
    surname: str
    given_names: str
    nationality: str
    issuer: str
    number: str
    proposal: Proposal | None
    """The machine's: this device's own where it has the case, else the kiosk's."""
    codes: tuple[str, ...]
    """Codes of the findings, the worst first; none of a kiosk's case that nobody has opened yet."""
    begun_at: datetime
    finished_at: datetime | None
    """When it began to wait for an officer."""
    holder: Holder | None
    group: str
    accompanied: bool


def row_of_case(case: Case, device: str, gate: str, holder: Holder | None) -> Row:
    """The row of a case that this device holds."""
    verdict = case.inspection.verdict
    return Row(
        origin=case.origin or device,
        own=not case.origin,
        gate=gate,
        phase=case.phase,
        step=case.step,
        proposal=verdict.proposal if verdict is not None else None,
        codes=verdict.codes if verdict is not None else (),
        finished_at=case.proposed_at,
        holder=holder,
        **_of_evidence(case.inspection.evidence),
    )


def row_of_kiosk(
    evidence: Evidence, *, origin: str, gate: str, proposal: Proposal, finished_at: datetime, holder: Holder | None
) -> Row:
    """The row of a kiosk's finished inspection that nobody here has opened."""
    return Row(
        origin=origin,
        own=False,
        gate=gate,
        phase=Phase.PROPOSED,
        step=None,
        proposal=proposal,
        codes=(),
        finished_at=finished_at,
        holder=holder,
        **_of_evidence(evidence),
    )


def in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Who has waited longest first, then who is still being inspected."""
    return tuple(sorted(rows, key=lambda row: (row.finished_at is None, row.finished_at or row.begun_at, row.id)))


def _of_evidence(evidence: Evidence) -> dict[str, Any]:
    mrz: Mrz | None = evidence.mrz
    return {
        "id": evidence.inspection_id,
        "slip": slip_code(evidence.inspection_id),
        "direction": evidence.direction,
        "surname": mrz.surname if mrz is not None else "",
        "given_names": mrz.given_names if mrz is not None else "",
        "nationality": mrz.nationality if mrz is not None else "",
        "issuer": mrz.issuer if mrz is not None else "",
        "number": mrz.number if mrz is not None else "",
        "begun_at": evidence.started_at,
        "group": evidence.group,
        "accompanied": evidence.accompanied,
    }
