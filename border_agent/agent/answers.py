"""What this device knows without asking anybody: its lists, its own journal, its clock, its calibration."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from hashlib import sha256

from border_agent.clock import Clock
from border_agent.decoding import FaceModel, FoundFace
from border_agent.decoding.client import DecodingWorker
from border_agent.documents.mrz import Mrz, PartialDate
from border_agent.faces import Calibration, FaceComparison, ReferenceKind, compare_faces
from border_agent.inspection.events import Event, ListsConsulted, StayFound, VisaRead
from border_agent.inspection.evidence import (
    ClockEvidence,
    Evidence,
    ListAnswer,
    StayEvidence,
    VisaEvidence,
    WatchHit,
)
from border_agent.inspection.stay import stay_of
from border_agent.seals import SealedVisa
from border_agent.store.lists import Lists
from border_agent.store.passages import Passages
from border_agent.store.uses import VisaUses
from border_agent.trust import SignerList
from border_agent.trust.passive import CscaStore
from mqtt_schemas.entries import Direction
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import Policy

NO_POLICY = Policy(policy_id="none", rules_version=1, country="XXX", issuers=(), regimes=())
"""In force while none was delivered: it knows no regime, so every traveller goes to an officer, with the reason."""


def use_key(visa: SealedVisa) -> str:
    """Under which key a visa's uses are counted: its id, or the hash of what was signed."""
    return visa.visa_id or sha256(visa.signed_bytes).hexdigest()


def portrait_matches_seal(evidence: VisaEvidence | None) -> bool | None:
    """Whether the record's portrait is the one the visa's signature covers; None: nothing to compare."""
    if evidence is None or evidence.visa is None or evidence.record is None:
        return None
    if not evidence.record.portrait or evidence.visa.portrait_sha256 is None:
        return None
    return sha256(evidence.record.portrait).digest() == evidence.visa.portrait_sha256


class Answers:
    """Answers, each with the list's version it came from, so that a stored evidence decides the same again."""

    def __init__(
        self,
        lists: Lists,
        uses: VisaUses,
        passages: Passages,
        clock: Clock,
        calibration: Calibration,
        worker: DecodingWorker,
    ) -> None:
        self._lists = lists
        self._uses = uses
        self._passages = passages
        self._clock = clock
        self._worker = worker
        self.calibration = calibration
        self._lock = threading.Lock()
        self._signers: tuple[bytes, SignerList] | None = None
        self._authorities_lock = threading.Lock()
        self._authorities: tuple[int, CscaStore] = (0, CscaStore.from_certificates(()))

    def clock(self) -> ClockEvidence:
        """The moment, and what it is worth."""
        reading = self._clock.read()
        return ClockEvidence(at=reading.at, quality=reading.quality, went_back_seconds=reading.went_back_seconds)

    def policy(self) -> Policy:
        """The policy in force."""
        return self._lists.policy() or NO_POLICY

    def lists(self) -> tuple[ListAnswer, ...]:
        """Which issue of each list answers now."""
        return tuple(
            ListAnswer(
                name=info.name, version=info.version, head=info.head.hex(), issued=info.issued, expires=info.expires
            )
            for info in self._lists.infos()
        )

    def watch_hits(self, mrz: Mrz) -> tuple[WatchHit, ...]:
        """Lines of the watch-list that name this document or fit this person, each once."""
        by_document = self._lists.watch_document(mrz.issuer, mrz.number).records
        by_identity = self._lists.watch_identity(mrz.surname, mrz.given_names, _birth(mrz.birth)).records
        seen = {record.record_id for record in by_document}
        return (
            *(WatchHit(record=record, matched_on="document") for record in by_document),
            *(
                WatchHit(record=record, matched_on="identity")
                for record in by_identity
                if record.record_id not in seen
            ),
        )

    def visa(self, visa: SealedVisa) -> VisaEvidence:
        """Who vouches for a seal, what the visa list says of it, how often it was used here."""
        key = use_key(visa)
        uses = self._uses.of(key)
        first_seen = uses[0].occurred_at.date() if uses else None
        judgement = self._signer_list().judge(visa, self._clock.now().date(), first_seen)
        answer = self._lists.visa(visa.visa_id) if visa.visa_id is not None else None
        issue = self._lists.info(Feed.VISAS)
        entered = [use for use in uses if use.direction is not Direction.EXIT]
        return VisaEvidence(
            visa=visa,
            judgement=judgement,
            record=answer.records[0] if answer is not None and answer.records else None,
            record_version=answer.version if answer is not None else 0,
            uses_here=len(entered),
            uses_since_list=sum(use.occurred_at > issue.issued for use in entered) if issue is not None else 0,
        )

    def authorities(self) -> CscaStore:
        """The states' authorities for chips, read once for each issue of their list. Raises StoreError."""
        version = self._lists.version(Feed.CSCA)
        with self._authorities_lock:
            if self._authorities[0] != version:
                answer = self._lists.authorities()
                crls = (record.crl for record in answer.records if record.crl)
                store = CscaStore.from_certificates((record.certificate for record in answer.records), crls)
                self._authorities = (answer.version, store)
            return self._authorities[1]

    def asked_again(self, evidence: Evidence) -> tuple[Event, ...]:
        """What everything that can be asked says of this evidence now: a list may have been installed since the
        readings, and another device's readings were weighed with its own lists."""
        hits = self.watch_hits(evidence.mrz) if evidence.mrz is not None else ()
        events: list[Event] = [ListsConsulted(lists=self.lists(), hits=hits)]
        if evidence.visa is not None and evidence.visa.visa is not None:
            events.append(VisaRead(self.visa(evidence.visa.visa)))
        if evidence.direction is Direction.EXIT and evidence.mrz is not None:
            events.append(StayFound(self._stay(evidence.mrz, evidence.stay)))
        return tuple(events)

    def _stay(self, mrz: Mrz, held: StayEvidence | None) -> StayEvidence:
        """The stay that an exit ends, by this device's passages; else as another device has found it."""
        today = self.clock().today
        entry = self._passages.open_stay(mrz.issuer, mrz.number)
        if entry is not None:
            return stay_of(entry.occurred_at, entry.entry, entry.stay_days, today)
        if held is not None and held.entered_at is not None:
            return stay_of(held.entered_at, held.entry, held.allowed_days, today)
        return StayEvidence()

    def used_meanwhile(self, evidence: VisaEvidence) -> bool:
        """Whether another traveller's admission has used this visa since the evidence was gathered."""
        return evidence.visa is not None and self._uses.count(use_key(evidence.visa)) != evidence.uses_here

    def compare(self, reference: FoundFace, probes: Sequence[FoundFace], kind: ReferenceKind) -> FaceComparison:
        """One stored face against the live frames. Raises FaceError."""
        return compare_faces(reference, probes, kind, self.calibration, model=self._model())

    def _model(self) -> FaceModel | None:
        return self._worker.model

    def _signer_list(self) -> SignerList:
        """The trust list, parsed once for each of its issues."""
        answer = self._lists.signers()
        with self._lock:
            if self._signers is None or self._signers[0] != answer.head:
                self._signers = (answer.head, SignerList.from_records(answer.records))
            return self._signers[1]


def _birth(date: PartialDate) -> str:
    """A birth date as the watch-list writes it; what is unknown or impossible contradicts nothing."""
    if not date.valid:
        return ""
    year = f"{date.year:04d}" if date.year is not None else "XXXX"
    month = f"{date.month:02d}" if date.month is not None else "XX"
    day = f"{date.day:02d}" if date.day is not None else "XX"
    return f"{year}-{month}-{day}"
