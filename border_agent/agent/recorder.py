"""From an inspection that is over to the journal: entry, evidence and the visa's use in one durable commit."""

from __future__ import annotations

import time

import msgspec
from msgspec import Struct

from border_agent.agent.answers import use_key
from border_agent.agent.facts import entry_of
from border_agent.clock import Clock
from border_agent.inspection.evidence import without_pictures
from border_agent.inspection.machine import Inspection
from border_agent.store.evidence import EvidenceKept
from border_agent.store.journal import Change, Journal
from border_agent.store.uses import VisaUsed
from mqtt_schemas import entries
from mqtt_schemas.entries import Decision, read_entry
from mqtt_schemas.errors import Malformed

LOOK_BACK = 500
"""Entries searched for a decision that a client asks about after the agent was started again."""


class Recorded(Struct, frozen=True, kw_only=True):
    """Where a decision stands in the journal."""

    inspection_id: str
    decision: str
    officer: str
    epoch: bytes
    sequence: int
    head: bytes
    milliseconds: float = 0.0
    """Time of the durable commit; 0 where it was found again."""


class Recorder:
    """Writes decisions, and finds them again."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def record(self, inspection: Inspection) -> Recorded:
        """Commit an inspection that is over. Raises StoreError, and then nothing of it is recorded."""
        evidence = EvidenceKept(msgspec.json.encode(without_pictures(inspection.evidence)))
        reading = self._clock.read()
        entry = entry_of(inspection, recorded_at=reading.at, clock=reading.quality, evidence=evidence.digest)
        changes: list[Change] = [evidence]
        visa = inspection.evidence.visa
        admitted = isinstance(entry, entries.Movement) and entry.decision is Decision.ADMIT
        if admitted and visa is not None and visa.visa is not None:
            changes.append(
                VisaUsed(
                    visa_id=use_key(visa.visa),
                    movement_id=entry.id,
                    direction=entry.direction,
                    occurred_at=entry.occurred_at,
                )
            )
        begun = time.monotonic()
        receipt = self._journal.commit([entry], changes)
        return Recorded(
            inspection_id=inspection.id,
            decision=entry.decision.value,
            officer=entry.officer,
            epoch=receipt.epoch,
            sequence=receipt.sequence,
            head=receipt.head,
            milliseconds=round((time.monotonic() - begun) * 1000, 3),
        )

    def find(self, inspection_id: str) -> Recorded | None:
        """The recorded decision of an inspection among the newest entries; None where there is none."""
        end = self._journal.position().sequence
        segment = self._journal.entries_after(max(0, end - LOOK_BACK), 2 * LOOK_BACK, 2**31)
        if segment is None:
            return None
        for sequence, body in reversed(list(enumerate(segment.bodies, start=segment.first))):
            try:
                entry = read_entry(body)
            except Malformed:
                continue
            if isinstance(entry, entries.Movement | entries.Inspection) and entry.inspection_id == inspection_id:
                return Recorded(
                    inspection_id=inspection_id,
                    decision=entry.decision.value,
                    officer=entry.officer,
                    epoch=segment.epoch,
                    sequence=sequence,
                    head=self._journal.head_at(segment.epoch, sequence) or b"",
                )
        return None
