"""From the first reading to the proposal: everything that happens to the inspection in progress.

One thread runs one collector; it alone advances the inspection while it is collecting. It waits for what the
open step needs, takes whatever else arrives meanwhile (a code scanned before the passport), and ends with a
proposal. Whatever fails on the way becomes evidence; nothing here ends in a dead screen.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable

from msgspec import structs

from border_agent.agent import inbox as arriving
from border_agent.agent.answers import Answers
from border_agent.agent.case import Case, collecting_case
from border_agent.agent.chip_reader import ChipReader, NoChipReader
from border_agent.agent.chip_step import ChipStep
from border_agent.agent.eyes import Eyes
from border_agent.agent.face_search import FaceSearch
from border_agent.agent.guidance import Guidance, Statements
from border_agent.agent.references import References
from border_agent.agent.zone_search import ZoneSearch
from border_agent.config import CameraRole, TimesSection
from border_agent.decoding import DecoderError, EncodedPicture, FoundFace, Picture
from border_agent.documents.mrz import MrzError, parse_mrz
from border_agent.faces import FaceError, choose_face
from border_agent.inspection.errors import InspectionError
from border_agent.inspection.events import (
    ChipRead,
    DocumentRead,
    Event,
    FaceCompared,
    ListsConsulted,
    PageRead,
    ProblemMet,
    Propose,
    QuestionAnswered,
    StepSkipped,
    StepTimedOut,
    VisaRead,
)
from border_agent.inspection.evidence import (
    FACE_NO_REFERENCE,
    FACE_NOT_FOUND,
    FACE_SEVERAL,
    DocumentEvidence,
    FaceEvidence,
    PageEvidence,
    Step,
    VisaEvidence,
)
from border_agent.inspection.machine import Inspection, advance, open_steps
from border_agent.seals import SealError, decode_seal
from mqtt_schemas.post import PictureKind
from mqtt_schemas.records import Policy

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
"""Longest wait for an item where no camera sets the pace."""
LOOK_SECONDS = 0.1
"""From one look for a face or a zone to the next: quicker than anybody moves, and half the machine is left to
others."""
SILENT_SECONDS = 15.0
"""Where a document reader has read nothing for so long, the document camera looks for the zone as well."""


class Stopped(Exception):
    """The inspection was cancelled while collecting."""


class Collector:
    """Runs one inspection's steps. `show` is told of every change, `keep` gets pictures for the officer's eyes."""

    def __init__(
        self,
        inspection: Inspection,
        policy: Policy,
        inbox: arriving.Inbox,
        eyes: Eyes,
        answers: Answers,
        times: TimesSection,
        show: Callable[[Case], None],
        keep: Callable[[PictureKind, Picture | EncodedPicture], None],
        *,
        chips: ChipReader | None = None,
        reader_works: Callable[[], bool] = lambda: True,
        scans: bool = False,
        live: Callable[[], bytes] = bytes,
        keep_original: Callable[[PictureKind, bytes], None] = lambda *_: None,
    ) -> None:
        """`reader_works`: whether a document reader stands ready; `scans`: whether there is a code scanner, so that a
        code can be shown while the document lies on the reader; `live`: the picture kept of the live face;
        `keep_original`: gets pictures as they were read."""
        self._inspection = inspection
        self._policy = policy
        self._inbox = inbox
        self._eyes = eyes
        self._answers = answers
        self._times = times
        self._show = show
        self._keep = keep
        self._keep_original = keep_original
        self._reader_works = reader_works
        self._live = live
        self._ms: dict[str, float] = {}
        self._references = References(answers)
        self._chip = ChipStep(chips, eyes, answers, times.chip, inbox.put)
        self._beside_chip = (Step.PAGE, Step.VISA) if scans else (Step.PAGE,)
        self._zone = ZoneSearch(eyes, answers.clock().today)
        self._frames = answers.calibration.probe_mode.frames
        self._search = FaceSearch(eyes, self._frames)
        self._statements = Statements()

    def run(self) -> Inspection:
        """Collect until nothing is open, then propose. Raises Stopped where it was cancelled."""
        try:
            self._collect()
        finally:
            self._chip.give_up()
        return self._inspection

    def _collect(self) -> None:
        self._take_items(0.0)  # what an officer typed may open a step
        self._begin_wanted_chip()
        while (step := self._next_step()) is not None:
            self._tell()
            self._do(step)
        begun = time.monotonic()
        for answer in self._answers.asked_again(self._inspection.evidence):
            self._advance(answer)
        self._advance(Propose(clock=self._answers.clock()))
        self._spent("decide", begun)
        self._tell()

    def _next_step(self) -> Step | None:
        """What the traveller is asked for. While the chip is read, only what leaves the document where it lies."""
        steps = open_steps(self._inspection, self._policy)
        if not self._chip.running:
            return next(iter(steps), None)
        return next((step for step in steps if step in self._beside_chip), Step.CHIP)

    def _begin_wanted_chip(self) -> None:
        if Step.CHIP in open_steps(self._inspection, self._policy):
            self._begin_chip()

    def _begin_chip(self) -> None:
        mrz = self._inspection.evidence.mrz
        if mrz is not None:
            self._chip.begin(mrz, self._policy.chip)

    def _do(self, step: Step) -> None:
        """Wait for one step until it is no longer the first open one."""
        begun = next_look = time.monotonic()
        deadline = begun + float(getattr(self._times, step.value))
        looks = {
            Step.DOCUMENT: self._look_for_zone,
            Step.PAGE: self._look_at_page,
            Step.VISA: self._look_for_code,
            Step.FACE: self._look_at_face,
        }
        look = looks.get(step)
        if step in (Step.DOCUMENT, Step.VISA) and not self._eyes.sees(CameraRole.DOCUMENT):
            look = None
        if step is Step.CHIP:
            self._guide(Step.CHIP, self._chip.guidance)
        if step is Step.DOCUMENT:
            self._zone = ZoneSearch(self._eyes, self._answers.clock().today)
        if step is Step.FACE:
            self._search = FaceSearch(self._eyes, self._frames)
        while self._next_step() is step:
            if self._chip.overdue or (time.monotonic() >= deadline and step is not Step.CHIP):
                self._time_over(step)
                return
            self._take_items(POLL_SECONDS if look is None else max(0.0, next_look - time.monotonic()))
            if look is None or self._next_step() is not step:
                continue
            if step in (Step.FACE, Step.DOCUMENT):
                next_look = time.monotonic() + LOOK_SECONDS
            try:
                look(begun)
            except DecoderError as error:
                self._note_failure(error)
                self._take_items(POLL_SECONDS)  # decoders that fail at once must not be asked without a pause

    def _time_over(self, step: Step) -> None:
        if self._chip.overdue:
            self._chip.give_up()
            self._advance(StepTimedOut(Step.CHIP))
            return
        if step is Step.FACE:
            self._note_face_missing()
        if step is Step.DOCUMENT and (document := self._zone.best()) is not None:
            self._weigh_document(document)  # uncertain, and it says so
            return
        self._advance(StepTimedOut(step))

    def _note_failure(self, error: DecoderError) -> None:
        if error.code not in self._inspection.evidence.problems:
            _log.warning("a camera step met %s", error.code)
        self._advance(ProblemMet(error.code))

    def _take_items(self, seconds: float) -> None:
        """Everything that has arrived; where nothing has, wait so long for the first."""
        try:
            item = self._inbox.get(timeout=seconds)
            while True:
                self._take(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _take(self, item: arriving.Item) -> None:
        match item:
            case arriving.Stop():
                raise Stopped
            case arriving.SkipAsked(step):
                if step is Step.CHIP:
                    self._chip.give_up()
                self._advance(StepSkipped(step))
            case arriving.AnswerGiven(key, value):
                self._advance(QuestionAnswered(key, value))
            case arriving.DocumentArrived(reading):
                self._read_document(reading.raw)
                self._spent(Step.DOCUMENT, reading.at)
            case arriving.DocumentTyped(mrz):
                self._weigh_document(DocumentEvidence(mrz=mrz, typed=True))
            case arriving.CodeArrived(reading):
                self._read_code(reading.raw)
                self._spent(Step.VISA, reading.at)
            case arriving.ChipAsked():
                self._begin_chip()
            case arriving.ChipMoved():
                self._chip.moved(item)
                self._guide(Step.CHIP, self._chip.guidance)
            case arriving.ChipArrived():
                self._take_chip(item)
        self._tell()

    def _take_chip(self, item: arriving.ChipArrived) -> None:
        chip = self._chip.arrived(item)
        if chip is None:
            return
        self._advance(ChipRead(chip))
        if chip.error == NoChipReader.code:
            self._advance(ProblemMet(chip.error))
        if item.problem:
            self._advance(ProblemMet(item.problem))
        if self._chip.face is not None:
            self._references.chip = self._chip.face
        if item.jpeg:
            self._keep(PictureKind.CHIP, EncodedPicture(item.jpeg))
        if item.original:
            self._keep_original(PictureKind.CHIP, item.original)
        if "total" in chip.ms:
            self._ms[Step.CHIP.value] = chip.ms["total"]
        self._compare_afterwards()

    def _read_document(self, raw: bytes) -> None:
        try:
            mrz = parse_mrz(raw, today=self._answers.clock().at.date())
        except MrzError as error:
            self._advance(DocumentRead(DocumentEvidence(error=error.code)))
            self._guide(Step.DOCUMENT, Guidance.DOCUMENT_AGAIN, anew=True)
            return
        self._weigh_document(DocumentEvidence(mrz=mrz))

    def _look_for_zone(self, begun: float) -> None:
        """A document reader comes first; the camera where there is none, it does not work, or it stays silent."""
        if self._reader_works() and time.monotonic() - begun < SILENT_SECONDS:
            self._take_items(POLL_SECONDS)
            return
        looked = time.monotonic()
        guidance, document = self._zone.look()
        if document is not None:
            self._weigh_document(document)
            self._spent(Step.DOCUMENT, looked)
        elif guidance is not None and (guidance is not Guidance.DOCUMENT_LOOK or not self._reader_works()):
            self._guide(Step.DOCUMENT, guidance)  # where a reader works nobody is sent to the camera

    def _weigh_document(self, document: DocumentEvidence) -> None:
        self._advance(DocumentRead(document))
        if document.mrz is not None and self._inspection.evidence.mrz == document.mrz:
            hits = self._answers.watch_hits(document.mrz)
            self._advance(ListsConsulted(lists=self._answers.lists(), hits=hits))
        self._begin_wanted_chip()

    def _read_code(self, data: bytes) -> None:
        try:
            visa = decode_seal(data)
        except SealError as error:
            self._advance(VisaRead(VisaEvidence(error=error.code)))
            if self._statements.bad_code(data):
                self._guide(Step.VISA, Guidance.VISA_AGAIN, anew=True)
            return
        evidence = self._answers.visa(visa)
        self._advance(VisaRead(evidence))
        if evidence.record is not None and evidence.record.portrait:
            self._keep(PictureKind.VISA, EncodedPicture(evidence.record.portrait))
            try:
                self._references.record = self._eyes.stored_face(evidence.record.portrait)
            except DecoderError as error:
                self._advance(ProblemMet(error.code))
            else:
                if self._references.record is None:
                    self._advance(ProblemMet(FACE_NO_REFERENCE))
        elif evidence.record is not None:
            self._references.record = self._answers.face_of(evidence.record)

    def _look_for_code(self, begun: float) -> None:
        looked = time.monotonic()
        for code in self._eyes.codes():
            self._read_code(code.data)
            self._spent(Step.VISA, looked)
            self._tell()

    def _look_at_page(self, begun: float) -> None:
        looked = time.monotonic()
        seen = self._eyes.look(CameraRole.DOCUMENT)
        if seen is None:
            return
        face = choose_face(seen.faces)
        if face is None:
            self._guide(Step.PAGE, Guidance.PAGE_LOOK)
            return
        self._references.printed = self._eyes.embedded(seen.picture, face)
        self._keep(PictureKind.PAGE, seen.picture)
        self._advance(PageRead(PageEvidence(portrait_found=True)))
        self._spent(Step.PAGE, looked)

    def _look_at_face(self, begun: float) -> None:
        guidance = self._search.look()
        if guidance is not None:
            self._guide(Step.FACE, guidance, self._search.captured, self._search.wanted)
        if self._search.enough:
            self._compare(self._search.best())
            self._spent(Step.FACE, begun)

    def _compare(self, probes: list[FoundFace], error: str = "") -> None:
        if self._search.picture is not None:
            self._keep(PictureKind.LIVE, self._search.picture)
        try:
            face = self._references.compared(self._inspection.evidence, probes, error)
        except FaceError as failure:
            _log.error("faces cannot be compared: %s", failure)
            self._advance(FaceCompared(FaceEvidence(error=failure.code)))
            self._advance(StepSkipped(Step.FACE))
            return
        self._advance(FaceCompared(face))

    def _compare_afterwards(self) -> None:
        try:
            face = self._references.afterwards(self._inspection.evidence, self._eyes, self._live())
        except DecoderError as failure:
            self._advance(ProblemMet(failure.code))
        except FaceError as failure:
            _log.error("faces cannot be compared: %s", failure)
        else:
            if face is not None:
                self._advance(FaceCompared(face))

    def _note_face_missing(self) -> None:
        """Fewer good frames than wished: compare with those there are, else say that no face was found."""
        error = FACE_SEVERAL if self._search.crowded else ""
        try:
            probes = self._search.best()
        except DecoderError as failure:
            self._note_failure(failure)
            probes = self._search.good()
        if probes:
            self._compare(probes, error)
        else:
            self._advance(FaceCompared(FaceEvidence(error=error or FACE_NOT_FOUND)))

    def _advance(self, event: Event) -> None:
        """The next state; an event that the inspection refuses is a problem of its own, and changes nothing else."""
        try:
            self._inspection = advance(self._inspection, event, self._policy)
        except InspectionError as error:
            _log.info("inspection refused an event: %s", error.code)
            if not isinstance(event, ProblemMet):
                self._inspection = advance(self._inspection, ProblemMet(error.code), self._policy)

    def _spent(self, step: str, since: float) -> None:
        """Note machine time of a step; the last reading of a step counts."""
        self._ms[str(step)] = round((time.monotonic() - since) * 1000, 2)

    def _guide(self, step: Step, code: Guidance, captured: int = 0, wanted: int = 0, *, anew: bool = False) -> None:
        """Tell the traveller what to do, where this is the step asked for now."""
        if self._next_step() is step and self._statements.make(step, code, captured, wanted, anew=anew):
            self._tell()

    def _tell(self) -> None:
        case = collecting_case(self._inspection, self._policy)
        if self._chip.running:
            case = structs.replace(case, step=self._next_step())
        guidance = self._statements.last(case.step)
        self._show(structs.replace(case, chip=self._chip.shown, guidance=guidance, step_ms=dict(self._ms)))
