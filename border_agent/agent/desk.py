"""The desk: inspections from start to decision. One collects at a time; many may wait for their officer."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import structs

from border_agent.agent.adoption import ForeignEvidence, weighed
from border_agent.agent.answers import NO_POLICY, Answers
from border_agent.agent.case import Case, Recorded
from border_agent.agent.chip_reader import ChipReader, NoChipReader
from border_agent.agent.collecting import QUEUE, Collecting, DeskBusy, NoSuchInspection
from border_agent.agent.eyes import Eyes
from border_agent.agent.hub import Hub
from border_agent.agent.inbox import (
    AnswerGiven,
    ChipAsked,
    CodeArrived,
    DocumentArrived,
    DocumentTyped,
    SkipAsked,
    Stop,
)
from border_agent.agent.recorder import Recorder
from border_agent.config import TimesSection
from border_agent.decoding import EncodedPicture
from border_agent.documents.mrz import Mrz, parse_mrz
from border_agent.errors import BorneError
from border_agent.inspection.characters import settles
from border_agent.inspection.errors import InspectionClosed, SecondDocument, WrongPhase
from border_agent.inspection.events import Cancel, Decide, Reopen
from border_agent.inspection.evidence import Evidence, Step
from border_agent.inspection.machine import Phase, advance, begin
from border_agent.inspection.questions import checked_answer
from border_agent.inspection.verdict import Proposal
from border_agent.store import Room
from border_agent.store.passages import Passages
from firmware_bridge.roles import Reading
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.post import PictureKind

__all__ = ["QUEUE", "Desk", "DeskBusy", "KnownInspection", "NoSuchInspection", "VisaUsedMeanwhile"]

CANCEL_SECONDS = 5.0
"""How long a cancellation waits for the collecting thread: less than a client waits for its answer."""

TYPED_SECONDS = 3.0
"""How long a typed document waits for the collecting thread to take it."""

_ID = re.compile(r"[0-9a-f]{32}")


class KnownInspection(BorneError):
    """The id for a new inspection is known here already, or is none."""

    code = "inspection.known"


class NoRoom(BorneError):
    """The disk is nearly full: nobody new is inspected, so that whoever waits can still be recorded."""

    code = "inspection.no_room"


class NoDocument(BorneError):
    """Without a machine-readable zone there is no key to a chip: the document is read, or typed, first."""

    code = "inspection.no_document"


class VisaUsedMeanwhile(BorneError):
    """Between proposal and decision another admission used the same visa: the traveller is inspected again."""

    code = "inspection.visa_used_meanwhile"


class Desk(Collecting):
    """Holds every inspection of this device. Calls may come from any thread; each returns a snapshot."""

    def __init__(
        self,
        *,
        device: str,
        abilities: Callable[[], tuple[Step, ...]],
        eyes: Eyes,
        answers: Answers,
        recorder: Recorder,
        passages: Passages,
        hub: Hub,
        times: TimesSection,
        chips: ChipReader | None = None,
        reader_works: Callable[[], bool] = lambda: True,
        scans: bool = False,
        room: Callable[[], Room] = lambda: Room.OK,
    ) -> None:
        """`room`: of the store."""
        super().__init__(
            device=device,
            abilities=abilities,
            eyes=eyes,
            answers=answers,
            hub=hub,
            times=times,
            chips=chips,
            reader_works=reader_works,
            scans=scans,
        )
        self._recorder = recorder
        self._passages = passages
        self._room = room
        self._deciding = threading.Lock()

    def start(
        self,
        *,
        direction: Direction = Direction.ENTRY,
        purpose: str = "",
        group: str = "",
        accompanied: bool = False,
        inspection_id: str = "",
    ) -> Case:
        """Begin an inspection. `inspection_id`: of a slip whose kiosk cannot be asked; else a new one.

        Raises DeskBusy while another one is collecting, KnownInspection, NoRoom, StoreFailed.
        """
        if self._room() is not Room.OK:
            raise NoRoom(self._device)
        if inspection_id and (not _ID.fullmatch(inspection_id) or self._passages.of_inspection(inspection_id)):
            raise KnownInspection(inspection_id[:64])
        with self._lock:
            if inspection_id in self._cases:
                raise KnownInspection(inspection_id)
            inspection = begin(
                inspection_id=inspection_id or secrets.token_hex(16),
                device=self._device,
                clock=self._answers.clock(),
                can=self._abilities(),
                direction=direction,
                purpose=purpose,
                group=group,
                accompanied=accompanied,
            )
            return self._run(Case(inspection=inspection))

    def adopt(
        self,
        *,
        inspection_id: str,
        origin: str,
        evidence: Evidence,
        pictures: Mapping[PictureKind, bytes],
        finished_at: datetime,
    ) -> Case:
        """Take over what another device has collected, weighed anew here; adopted again, it is the held one.

        Raises ForeignEvidence, InspectionClosed where it was recorded here before this agent was started, StoreError.
        """
        if evidence.inspection_id != inspection_id:
            raise ForeignEvidence(inspection_id[:64], evidence.inspection_id[:64])
        with self._lock:
            if inspection_id in self._cases:
                return self._cases[inspection_id]
        if self._passages.of_inspection(inspection_id) is not None:
            raise InspectionClosed(inspection_id, "recorded here before")
        inspection = weighed(evidence, self._answers)
        with self._lock:
            if inspection_id in self._cases:
                return self._cases[inspection_id]
            self._album.begin(inspection_id)
            for kind, jpeg in pictures.items():
                self._album.keep(inspection_id, kind, EncodedPicture(jpeg))
            visa = inspection.evidence.visa
            if visa is not None and visa.record is not None and visa.record.portrait:
                self._album.keep(inspection_id, PictureKind.VISA, EncodedPicture(visa.record.portrait))
            case = Case(inspection=inspection, origin=origin, proposed_at=finished_at)
            self._forget_old()
            return self._replace(structs.replace(case, pictures=self._album.kinds(inspection_id)))

    def skip(self, inspection: str, step: Step) -> Case:
        """Leave a step out of an inspection that is collecting."""
        self.case(inspection)
        self._deliver(SkipAsked(step), inspection)
        return self.case(inspection)

    def type_document(self, inspection: str, lines: Sequence[str]) -> Case:
        """The machine-readable zone as an officer types it, line by line, where no reader has read one, or a camera
        was not certain of what it read. A proposal is withdrawn and made again, after what the device can still
        collect.

        Raises MrzError, SecondDocument where another one was read, WrongPhase, InspectionClosed, DeskBusy.
        """
        mrz = parse_mrz("\n".join(lines), today=self._answers.clock().today)
        item, until = DocumentTyped(mrz), time.monotonic() + TYPED_SECONDS
        if self._typed_already(inspection, mrz) is None:
            self._deliver(item, inspection)
        while (case := self._typed_already(inspection, mrz)) is None and time.monotonic() < until:
            if self.case(inspection).phase is Phase.PROPOSED:
                break  # nobody takes the item any more: it is collected once more
            time.sleep(0.01)
        if case is not None or self.case(inspection).phase is Phase.COLLECTING:
            return self.case(inspection)
        with self._deciding, self._lock:
            case = self.case(inspection)
            reopened = structs.replace(advance(case.inspection, Reopen(), NO_POLICY), can=self._abilities())
            return self._run(structs.replace(case, inspection=reopened), item)

    def _typed_already(self, inspection: str, mrz: Mrz) -> Case | None:
        """The case where it has this zone; None: it has none, or one that this one may settle."""
        case = self.case(inspection)
        document = case.inspection.evidence.document
        if case.ended:
            raise InspectionClosed(inspection, "a document typed")
        if document is None or document.mrz is None:
            return None
        if document.mrz.lines == mrz.lines and (document.typed or not document.uncertain):
            return case
        if document.mrz.lines != mrz.lines and not settles(document, mrz):
            raise SecondDocument(inspection)
        return None

    def read_chip_again(self, inspection: str) -> Case:
        """Read the document's chip, or read it again. A proposal is withdrawn and made again, with what came of it.

        While a chip is being read that reading goes on. Also of what a kiosk has finished, with this device's reader.
        Raises NoChipReader, NoDocument, InspectionClosed, NoSuchInspection, DeskBusy while another one is collecting.
        """
        case = self.case(inspection)
        if case.ended:
            raise InspectionClosed(inspection, "a chip to be read")
        if self._chips is None:
            raise NoChipReader(inspection)
        if case.inspection.evidence.mrz is None:
            raise NoDocument(inspection)
        with self._deciding, self._lock:
            case = self.case(inspection)
            if case.phase is Phase.COLLECTING:
                self._deliver(ChipAsked(), inspection)
                return case
            reopened = advance(case.inspection, Reopen(), NO_POLICY)
            able = frozenset((*reopened.can, Step.CHIP))
            reopened = structs.replace(reopened, can=tuple(step for step in Step if step in able))
            return self._run(structs.replace(case, inspection=reopened), ChipAsked())

    def pictures(self, inspection: str) -> Mapping[PictureKind, bytes]:
        """JPEGs of an inspection; none where they are gone."""
        return self._album.of(inspection)

    def originals(self, inspection: str) -> Mapping[PictureKind, bytes]:
        """Pictures of an inspection as evidence keeps them; none where they are gone."""
        return self._album.originals(inspection)

    def answer(self, inspection: str, key: str, value: str) -> Case:
        """Hand a traveller's answer to an inspection that is collecting. Raises NotAsked, WrongPhase."""
        self._require_collecting(inspection)
        checked_answer(self.case(inspection).questions, key, value)
        self._deliver(AnswerGiven(key, value), inspection)
        return self.case(inspection)

    def cancel(self, inspection: str, *, only_collecting: bool = False) -> Case:
        """End an inspection without a decision. What was read is recorded as an `inspection` entry.

        `only_collecting`: one that already waits for its officer stays with the officer (WrongPhase). Raises
        StoreError, and then it has not ended: it may be cancelled again.
        """
        if only_collecting:
            self._require_collecting(inspection)
        self._deliver(Stop(), inspection)
        self._join(inspection)
        with self._deciding:
            if only_collecting:
                self._require_collecting(inspection)
            # Nobody collects any more, so nobody is asked for anything, whether or not there is room to record it.
            case = self._replace(structs.replace(self.case(inspection), step=None, open_steps=(), guidance=None))
            event = Cancel(reason="cancelled", at=self._answers.clock().at)
            cancelled = advance(case.inspection, event, NO_POLICY)  # no policy says who may end what
            case = structs.replace(case, inspection=cancelled)
            receipt = self._recorder.record(case) if cancelled.evidence.mrz is not None else None
            self._release(inspection)  # the next traveller does not wait for a step that hangs
            return self._replace(structs.replace(case, receipt=receipt))

    def settle(self, inspection: str, decision: Decision) -> None:
        """Another device has decided, and recorded it: what waits here ends without an entry. What is not known here,
        or has ended, stays as it is. Raises WrongPhase while it is collecting."""
        with self._deciding, self._lock:
            case = self._cases.get(inspection)
            if case is None or case.ended:
                return
            if case.phase is not Phase.PROPOSED:
                raise WrongPhase(case.id, case.phase)
            settled = advance(case.inspection, Cancel(reason="settled", at=self._answers.clock().at), NO_POLICY)
            self._replace(structs.replace(case, inspection=settled, settled_as=decision))

    def decide(
        self,
        inspection: str,
        decision: Decision,
        officer: str,
        reason: str,
        *,
        second_officer: str = "",
        grounds: Sequence[str] = (),
        taken_at: datetime | None = None,
    ) -> Case:
        """Record the officer's decision: returns after the durable commit.

        `second_officer`: who agrees. `grounds`: a refusal's. `taken_at`: since when the traveller is in hand.
        The same decision asked for again (an answer that got lost) returns the first one's receipt. Raises
        InspectionError, VisaUsedMeanwhile, or StoreError, and then nothing is recorded.
        """
        with self._deciding:
            case = self.case(inspection)
            proposal = Proposal(decision.value)
            outcome = case.inspection.outcome
            if outcome is not None and (outcome.decision, outcome.officer) == (proposal, officer.strip()):
                return case
            event = Decide(
                decision=proposal,
                officer=officer,
                reason=reason,
                at=self._answers.clock().at,
                second_officer=second_officer,
                grounds=tuple(grounds),
            )
            decided = advance(case.inspection, event, NO_POLICY)  # the verdict is there: no policy is asked again
            visa = case.inspection.evidence.visa
            if proposal is Proposal.ADMIT and visa is not None and self._answers.used_meanwhile(visa):
                raise VisaUsedMeanwhile(inspection)
            case = structs.replace(case, inspection=decided, taken_at=taken_at)
            receipt = self._recorder.record(case, self.originals(inspection))
            times = {**case.step_ms, "commit": receipt.milliseconds}
            return self._replace(structs.replace(case, receipt=receipt, step_ms=times))

    def recorded(self, inspection: str) -> Recorded | None:
        """A decision of before the agent was started again, for a client that never heard of it."""
        return self._recorder.find(inspection)

    def document_read(self, reading: Reading) -> None:
        """A document reader's reading: it belongs to the inspection that is collecting, or to nobody."""
        self._deliver(DocumentArrived(reading))

    def code_read(self, reading: Reading) -> None:
        """A code scanner's reading, likewise."""
        self._deliver(CodeArrived(reading))

    def stop(self) -> None:
        """End the collecting inspection; nothing of it is recorded."""
        self._deliver(Stop())
        with self._lock:
            collecting = self._collecting
        if collecting is not None:
            collecting[2].join(timeout=10.0)

    def _join(self, inspection: str) -> None:
        with self._lock:
            collecting = self._collecting
        if collecting is not None and collecting[0] == inspection:
            collecting[2].join(timeout=CANCEL_SECONDS)

    def _require_collecting(self, inspection: str) -> None:
        if (phase := self.case(inspection).phase) is not Phase.COLLECTING:
            raise WrongPhase(inspection, phase)
