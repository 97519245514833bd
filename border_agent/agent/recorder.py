"""From an inspection that is over to the journal: entry, evidence, passage and visa's use in one durable commit."""

from __future__ import annotations

import msgspec

from border_agent.agent.answers import use_key
from border_agent.agent.case import Case, Recorded
from border_agent.agent.facts import entry_of
from border_agent.clock import Clock
from border_agent.inspection.evidence import without_pictures
from border_agent.store.evidence import EvidenceKept
from border_agent.store.journal import Change, Journal
from border_agent.store.passages import PassageNoted, Times
from border_agent.store.referrals import Referred
from border_agent.store.uses import VisaUsed
from mqtt_schemas import entries
from mqtt_schemas.entries import Decision, read_entry
from mqtt_schemas.errors import Malformed

LOOK_BACK = 500
"""Entries searched for a decision that a client asks about after the agent was started again."""


class Recorder:
    """Writes decisions, and finds them again."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def record(self, case: Case) -> Recorded:
        """Commit a case whose inspection is over. Raises StoreError, and then nothing of it is recorded."""
        return self._commit(case, refers=False)

    def refer(self, case: Case) -> Recorded:
        """Commit that a case waits for an officer of the post, of whom it is not known yet who and where. Once for
        each inspection. Raises StoreError, and then nothing of it is recorded."""
        return self._commit(case, refers=True)

    def _commit(self, case: Case, *, refers: bool) -> Recorded:
        inspection = case.inspection
        evidence = EvidenceKept(msgspec.json.encode(without_pictures(inspection.evidence)))
        reading = self._clock.read()
        entry = entry_of(
            inspection,
            recorded_at=reading.at,
            clock=reading.quality,
            evidence=evidence.digest,
            origin=case.origin,
        )
        times = Times(begun_at=inspection.evidence.started_at, proposed_at=case.proposed_at, taken_at=case.taken_at)
        changes: list[Change] = [evidence, PassageNoted(entry=entry, times=times)]
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
        if refers:
            changes.append(
                Referred(
                    inspection=inspection.id,
                    entry=entry.id,
                    evidence=evidence.digest,
                    direction=entry.direction,
                    started_at=inspection.evidence.started_at,
                    finished_at=case.proposed_at or reading.at,
                )
            )
        receipt = self._journal.commit([entry], changes)
        return Recorded(
            inspection_id=inspection.id,
            decision=entry.decision.value,
            officer=entry.officer,
            epoch=receipt.epoch,
            sequence=receipt.sequence,
            head=receipt.head,
            milliseconds=receipt.milliseconds,
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
            if not isinstance(entry, entries.Movement | entries.Inspection) or _undecided(entry):
                continue
            if entry.inspection_id == inspection_id:
                return Recorded(
                    inspection_id=inspection_id,
                    decision=entry.decision.value,
                    officer=entry.officer,
                    epoch=segment.epoch,
                    sequence=sequence,
                    head=self._journal.head_at(segment.epoch, sequence) or b"",
                )
        return None


def _undecided(entry: entries.Movement | entries.Inspection) -> bool:
    """Handed over to whichever officer of the post takes it: nothing is decided by that."""
    return isinstance(entry, entries.Inspection) and entry.outcome == "referred" and not entry.officer
