"""From an inspection that is over to the journal: entry, evidence, passage and visa's use in one durable commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

import msgspec
from msgspec import structs

from border_agent.agent.answers import use_key
from border_agent.agent.case import Case, Recorded
from border_agent.agent.facts import entry_of
from border_agent.clock import Clock
from border_agent.inspection.evidence import Evidence, without_pictures
from border_agent.store import StoreFull
from border_agent.store.evidence import LARGEST_PICTURE, EvidenceKept, PictureKept
from border_agent.store.journal import Change, Journal
from border_agent.store.passages import PassageNoted, Times
from border_agent.store.referrals import Referred
from border_agent.store.uses import VisaUsed
from mqtt_schemas import entries
from mqtt_schemas.entries import Decision, read_entry
from mqtt_schemas.errors import Malformed
from mqtt_schemas.post import PictureKind

_log = logging.getLogger(__name__)

LOOK_BACK = 500
"""Entries searched for a decision that a client asks about after the agent was started again."""


KEPT = (PictureKind.PAGE, PictureKind.CHIP, PictureKind.LIVE)
"""Pictures that are evidence. The visa's portrait is not: it came from the centre, and its record has the SHA-256."""


class Recorder:
    """Writes decisions, and finds them again."""

    def __init__(
        self, journal: Journal, clock: Clock, require_room: Callable[[int], None] = lambda _size: None
    ) -> None:
        """`require_room`: of the store, which keeps some of the disk for decisions (raises StoreFull)."""
        self._journal = journal
        self._clock = clock
        self._require_room = require_room

    def record(self, case: Case, pictures: Mapping[PictureKind, bytes] | None = None) -> Recorded:
        """Commit a case whose inspection is over, with its pictures. Raises StoreError, and then nothing of it is
        recorded."""
        return self._commit(case, pictures or {}, refers=False)

    def refer(self, case: Case, pictures: Mapping[PictureKind, bytes] | None = None) -> Recorded:
        """Commit that a case waits for an officer of the post, of whom it is not known yet who and where. Once for
        each inspection. Raises StoreError, and then nothing of it is recorded."""
        return self._commit(case, pictures or {}, refers=True)

    def _commit(self, case: Case, pictures: Mapping[PictureKind, bytes], *, refers: bool) -> Recorded:
        inspection = case.inspection
        kept = self._kept(inspection.evidence, pictures)
        record = structs.replace(
            without_pictures(inspection.evidence), pictures={one.kind: one.digest.hex() for one in kept}
        )
        evidence = EvidenceKept(msgspec.json.encode(record))
        reading = self._clock.read()
        entry = entry_of(
            inspection,
            device=self._journal.device,
            recorded_at=reading.at,
            clock=reading.quality,
            evidence=evidence.digest,
            origin=case.origin,
        )
        times = Times(begun_at=inspection.evidence.started_at, proposed_at=case.proposed_at, taken_at=case.taken_at)
        changes: list[Change] = [evidence, *kept, PassageNoted(entry=entry, times=times)]
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

    def _kept(self, evidence: Evidence, pictures: Mapping[PictureKind, bytes]) -> tuple[PictureKept, ...]:
        """The pictures that go with a record; none where the room is kept for decisions."""
        kept = tuple(_evidence_of(evidence, pictures))
        try:
            self._require_room(sum(len(one.data) for one in kept))
        except StoreFull as error:
            _log.error("an inspection is recorded without its pictures: %s", error)
            return ()
        return kept

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


def _evidence_of(evidence: Evidence, pictures: Mapping[PictureKind, bytes]) -> Iterator[PictureKept]:
    for kind in KEPT:
        data = pictures.get(kind, b"")
        if not 0 < len(data) <= LARGEST_PICTURE:
            continue
        chip = evidence.chip
        if kind is PictureKind.CHIP and (chip is None or sha256(data).hexdigest() != chip.portrait_sha256):
            # Only as it was read: what is shown of it was encoded anew, and proves nothing.
            continue
        yield PictureKept(kind=kind.value, data=data)


def _undecided(entry: entries.Movement | entries.Inspection) -> bool:
    """Handed over to whichever officer of the post takes it: nothing is decided by that."""
    return isinstance(entry, entries.Inspection) and entry.outcome == "referred" and not entry.officer
