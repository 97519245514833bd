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
from hashlib import sha256

from border_agent.agent.answers import Answers
from border_agent.agent.eyes import Eyes, choose_probes
from border_agent.agent.inbox import CodeArrived, DocumentArrived, Inbox, Item, SkipAsked, Stop
from border_agent.config import CameraRole, TimesSection
from border_agent.decoding import DecoderError, FoundFace
from border_agent.documents.mrz import MrzError, parse_mrz
from border_agent.faces import FaceError, FaceNote, ReferenceKind, choose_face, face_note
from border_agent.inspection.errors import InspectionError
from border_agent.inspection.events import (
    DocumentRead,
    Event,
    FaceCompared,
    ListsConsulted,
    PageRead,
    ProblemMet,
    Propose,
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
from mqtt_schemas.records import Policy

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
"""Longest wait for an item where no camera sets the pace."""


class Stopped(Exception):
    """The inspection was cancelled while collecting."""


class Collector:
    """Runs one inspection's steps. `show` is told of every change: inspection, open steps, times."""

    def __init__(
        self,
        inspection: Inspection,
        policy: Policy,
        inbox: Inbox,
        eyes: Eyes,
        answers: Answers,
        times: TimesSection,
        show: Callable[[Inspection, tuple[Step, ...], dict[str, float]], None],
    ) -> None:
        self._inspection = inspection
        self._policy = policy
        self._inbox = inbox
        self._eyes = eyes
        self._answers = answers
        self._times = times
        self._show = show
        self._ms: dict[str, float] = {}
        self._printed: FoundFace | None = None
        self._record: FoundFace | None = None
        self._crowded = False
        """More than one person stood before the face camera."""

    def run(self) -> Inspection:
        """Collect until nothing is open, then propose. Raises Stopped where it was cancelled."""
        while steps := open_steps(self._inspection, self._policy):
            self._tell()
            self._do(steps[0])
        begun = time.monotonic()
        self._ask_lists_again()
        self._advance(Propose(clock=self._answers.clock()))
        self._spent("decide", begun)
        self._tell()
        return self._inspection

    def _ask_lists_again(self) -> None:
        """A list may have been installed since the readings: a revoked visa, a new line of the watch-list."""
        lists, facts = self._answers.lists(), self._inspection.evidence
        hits = self._answers.watch_hits(facts.mrz) if facts.mrz is not None else ()
        self._advance(ListsConsulted(lists=lists, hits=hits))
        if facts.visa is not None and facts.visa.visa is not None:
            self._advance(VisaRead(self._answers.visa(facts.visa.visa)))

    def _do(self, step: Step) -> None:
        """Wait for one step until it is no longer the first open one."""
        deadline = time.monotonic() + float(getattr(self._times, step.value))
        look = {Step.PAGE: self._look_at_page, Step.VISA: self._look_for_code, Step.FACE: self._look_at_face}.get(
            step
        )
        if step is Step.VISA and not self._eyes.sees(CameraRole.DOCUMENT):
            look = None
        probes: list[FoundFace] = []
        begun = time.monotonic()
        while step in open_steps(self._inspection, self._policy):
            if time.monotonic() >= deadline:
                if step is Step.FACE:
                    self._note_face_missing(probes)
                self._advance(StepTimedOut(step))
                return
            self._take_items(wait=look is None)
            if look is None or step not in open_steps(self._inspection, self._policy):
                continue
            try:
                look(begun, probes)
            except DecoderError as error:
                if error.code not in self._inspection.evidence.problems:
                    _log.warning("a camera step met %s", error.code)
                self._advance(ProblemMet(error.code))
                self._take_items(wait=True)  # decoders that fail at once must not be asked without a pause

    def _take_items(self, *, wait: bool) -> None:
        """Everything that has arrived; where nothing has and no camera is at work, wait a little."""
        try:
            item = self._inbox.get(timeout=POLL_SECONDS) if wait else self._inbox.get_nowait()
            while True:
                self._take(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _take(self, item: Item) -> None:
        match item:
            case Stop():
                raise Stopped
            case SkipAsked(step):
                self._advance(StepSkipped(step))
            case DocumentArrived(reading):
                self._read_document(reading.raw)
                self._spent(Step.DOCUMENT, reading.at)
            case CodeArrived(reading):
                self._read_code(reading.raw)
                self._spent(Step.VISA, reading.at)
        self._tell()

    def _read_document(self, raw: bytes) -> None:
        try:
            mrz = parse_mrz(raw, today=self._answers.clock().at.date())
        except MrzError as error:
            self._advance(DocumentRead(DocumentEvidence(error=error.code)))
            return
        self._advance(DocumentRead(DocumentEvidence(mrz=mrz)))
        if self._inspection.evidence.mrz == mrz:
            self._advance(ListsConsulted(lists=self._answers.lists(), hits=self._answers.watch_hits(mrz)))

    def _read_code(self, data: bytes) -> None:
        try:
            visa = decode_seal(data)
        except SealError as error:
            self._advance(VisaRead(VisaEvidence(error=error.code)))
            return
        evidence = self._answers.visa(visa)
        self._advance(VisaRead(evidence))
        if evidence.record is not None and evidence.record.portrait:
            try:
                self._record = self._eyes.stored_face(evidence.record.portrait)
            except DecoderError as error:
                self._advance(ProblemMet(error.code))
            else:
                if self._record is None:
                    self._advance(ProblemMet(FACE_NO_REFERENCE))

    def _look_for_code(self, begun: float, probes: list[FoundFace]) -> None:
        looked = time.monotonic()
        for code in self._eyes.codes():
            self._read_code(code.data)
            self._spent(Step.VISA, looked)
            self._tell()

    def _look_at_page(self, begun: float, probes: list[FoundFace]) -> None:
        looked = time.monotonic()
        face = choose_face(self._eyes.faces(CameraRole.DOCUMENT))
        if face is None:
            return
        self._printed = face
        self._advance(PageRead(PageEvidence(portrait_found=True)))
        self._spent(Step.PAGE, looked)

    def _look_at_face(self, begun: float, probes: list[FoundFace]) -> None:
        found = self._eyes.faces(CameraRole.FACE)
        note = face_note(found)
        if note is FaceNote.several:
            self._crowded = True  # which of them is the traveller? not the one that fits the photo: look again
        face = choose_face(found)
        if face is None or note is not None:
            return
        probes.append(face)
        chosen = choose_probes(probes, self._answers.calibration)
        if chosen is None:
            return
        self._compare(chosen)
        self._spent(Step.FACE, begun)

    def _compare(self, probes: list[FoundFace], error: str = "") -> None:
        references = ((ReferenceKind.visa_record, self._record), (ReferenceKind.printed, self._printed))
        try:
            comparisons = tuple(
                self._answers.compare(reference, probes, kind)
                for kind, reference in references
                if reference is not None
            )
        except FaceError as failure:
            _log.error("faces cannot be compared: %s", failure)
            self._advance(FaceCompared(FaceEvidence(error=failure.code)))
            self._advance(StepSkipped(Step.FACE))
            return
        self._advance(
            FaceCompared(
                FaceEvidence(comparisons=comparisons, error=error, portrait_matches_seal=self._portrait_fits())
            )
        )

    def _portrait_fits(self) -> bool | None:
        evidence = self._inspection.evidence.visa
        if evidence is None or evidence.visa is None or evidence.record is None:
            return None
        if not evidence.record.portrait or evidence.visa.portrait_sha256 is None:
            return None
        return sha256(evidence.record.portrait).digest() == evidence.visa.portrait_sha256

    def _note_face_missing(self, probes: list[FoundFace]) -> None:
        """Fewer good frames than wished: compare with those there are, else say that no face was found."""
        error = FACE_SEVERAL if self._crowded else ""
        if probes:
            self._compare(probes[-self._answers.calibration.probe_mode.frames :], error)
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

    def _tell(self) -> None:
        self._show(self._inspection, open_steps(self._inspection, self._policy), dict(self._ms))
