"""What this device knows without asking anybody: its lists, its own journal, its clock, its calibration."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from hashlib import sha256

from border_agent.clock import Clock
from border_agent.decoding import EmbeddingMode, FaceModel, FoundFace
from border_agent.decoding.client import DecodingWorker
from border_agent.documents.mrz import Mrz, PartialDate
from border_agent.faces import Calibration, FaceComparison, ReferenceKind, compare_faces
from border_agent.faces.templates import face_of
from border_agent.inspection.events import Event, ListsConsulted, OpenStayFound, StayFound, VisaRead
from border_agent.inspection.evidence import (
    ClockEvidence,
    Evidence,
    ListAnswer,
    OpenStay,
    StayEvidence,
    VisaEvidence,
    WatchHit,
)
from border_agent.inspection.stay import stay_of
from border_agent.seals import SealedVisa
from border_agent.store.lists import Lists
from border_agent.store.passages import Passage, Passages
from border_agent.store.uses import VisaUse, VisaUses, unlisted
from border_agent.trust import SignerList
from border_agent.trust.passive import CscaStore
from mqtt_schemas.entries import Direction
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import Policy, StayRecord, VisaRecord, VisaUseFact

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
        return ClockEvidence(
            at=reading.at,
            quality=reading.quality,
            went_back_seconds=reading.went_back_seconds,
            jumped_seconds=reading.jumped_seconds,
        )

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
        record = answer.records[0] if answer is not None and answer.records else None
        return VisaEvidence(
            visa=visa,
            judgement=judgement,
            record=record,
            record_version=answer.version if answer is not None else 0,
            uses_here=len(entered),
            uses_since_list=sum(use.occurred_at > issue.issued for use in entered) if issue is not None else 0,
            uses_unlisted=self._unlisted(record, entered) if record is not None else None,
            uses_elsewhere=self._elsewhere(record) if record is not None else (),
        )

    def _unlisted(self, record: VisaRecord, entered: Sequence[VisaUse]) -> int | None:
        """See `VisaEvidence.uses_unlisted`."""
        unknown = unlisted(record, entered)
        if unknown is None:
            return None
        here = {use.movement_id for use in entered}
        named = {fact.entry for fact in record.used}
        taken_back = sum(entry not in here and self._passages.by_entry(entry) is not None for entry in named)
        return len(unknown) - taken_back

    def _elsewhere(self, record: VisaRecord) -> tuple[VisaUseFact, ...]:
        return tuple(fact for fact in record.used if self._passages.by_entry(fact.entry) is None)

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
        elif evidence.direction is Direction.ENTRY and evidence.mrz is not None:
            events.append(OpenStayFound(self._open_stay(evidence.mrz)))
        return tuple(events)

    def _stay(self, mrz: Mrz, held: StayEvidence | None) -> StayEvidence:
        """The stay that an exit ends: what took place last, by this device's passages and by the list of stays; else
        as another device has found it."""
        today = self.clock().today
        here = self._passages.last_movement(mrz.issuer, mrz.number)
        listed = self._listed_stay(mrz, here)
        if listed is not None and listed.entered_at is not None:
            place = listed.post or listed.device
            return stay_of(listed.entered_at, listed.entry, listed.days, today, post=place)
        if here is not None and here.direction is Direction.ENTRY:
            return stay_of(here.occurred_at, here.entry, here.stay_days, today)
        if held is not None and held.entered_at is not None:
            return stay_of(held.entered_at, held.entry, held.allowed_days, today, post=held.post)
        return StayEvidence()

    def _open_stay(self, mrz: Mrz) -> OpenStay | None:
        """A stay that began at another device and has not ended, as far as the list of stays knows."""
        listed = self._listed_stay(mrz, self._passages.last_movement(mrz.issuer, mrz.number))
        if listed is None or listed.entered_at is None:
            return None
        return OpenStay(entered_at=listed.entered_at, entry=listed.entry, post=listed.post, device=listed.device)

    def _listed_stay(self, mrz: Mrz, here: Passage | None) -> StayRecord | None:
        """The list's open stay with this document, unless it is of this journal, or is over by what is `here`."""
        listed = next(iter(self._lists.stay(mrz.issuer, mrz.number).records), None)
        if listed is None or listed.entered_at is None or self._passages.by_entry(listed.entry) is not None:
            return None
        return listed if here is None or here.occurred_at < listed.entered_at else None

    def used_meanwhile(self, evidence: VisaEvidence) -> bool:
        """Whether another traveller's admission, here or elsewhere, has used this visa since the evidence was
        gathered."""
        if evidence.visa is None:
            return False
        if self._uses.count(use_key(evidence.visa)) != evidence.uses_here:
            return True
        now = self.visa(evidence.visa)
        return now.record is not None and now.uses > evidence.uses

    def face_of(self, record: VisaRecord) -> FoundFace | None:
        """The face that a visa's record holds as a template; None: it has none, or none of this device's network."""
        mode = EmbeddingMode.mirrored if self.calibration.probe_mode.mirror else EmbeddingMode.plain
        return face_of(record.template, record.template_scale, record.template_model, self._model(), mode)

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
