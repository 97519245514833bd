"""One chip read beside everything else: a thread that reads, weighs, looks at the portrait, and says what it found.

It touches nothing of the inspection. What it has to say comes into the inspection's inbox like any reading, under the
number of this try, so that a try that was given up changes nothing any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from hashlib import sha256

from msgspec import structs

from border_agent.agent.answers import Answers
from border_agent.agent.chip_reader import ChipReader
from border_agent.agent.chip_weighing import portrait_of, weighed_reading
from border_agent.agent.eyes import Eyes
from border_agent.agent.inbox import ChipArrived, ChipMoved, Item
from border_agent.decoding import DecoderError, FoundFace
from border_agent.documents.chip.reading import (
    ChipOutcome,
    ChipProgress,
    ChipReading,
    ChipReadPolicy,
    ChipStage,
)
from border_agent.documents.mrz import Mrz, mrz_information
from border_agent.inspection.evidence import CHIP_NO_KEY, FACE_NO_REFERENCE, ChipEvidence
from mqtt_schemas.records import ChipPolicy, ChipWish

_log = logging.getLogger(__name__)

FAILED = "chip.failed"
"""A fault of our own while a chip was read."""
BRIEF_SECONDS = 5.0
"""How long a chip is waited for that is only read where it can be."""
TELL_SECONDS = 0.1
"""From one progress to the next: more often nobody can see."""
_ALWAYS_READ = ("DG1", "DG2", "DG14", "DG15")
_CLOSED = ("DG3", "DG4")
"""Fingers and irises: a chip gives them only to terminals its own state has authorised."""


def read_policy(policy: ChipPolicy, seconds: float) -> ChipReadPolicy:
    """A country's wishes as the reader takes them; `seconds`: how long one reading may take."""
    return ChipReadPolicy(
        files=tuple(file for file in dict.fromkeys(policy.extra_files) if file not in (*_ALWAYS_READ, *_CLOSED)),
        bac_after_pace=policy.bac_after_failed_pace,
        wait=seconds if policy.wanted is ChipWish.ALWAYS else min(seconds, BRIEF_SECONDS),
    )


class ChipWork:
    """One try to read a document's chip. `deliver` is called from the work's own thread."""

    def __init__(
        self,
        number: int,
        reader: ChipReader,
        eyes: Eyes,
        answers: Answers,
        mrz: Mrz,
        policy: ChipReadPolicy,
        seconds: float,
        deliver: Callable[[Item], None],
    ) -> None:
        self.number = number
        self._reader = reader
        self._eyes = eyes
        self._answers = answers
        self._mrz = mrz
        self._policy = policy
        self._seconds = seconds
        self._deliver = deliver
        self._cancelled = threading.Event()
        self._told: tuple[ChipStage, bool, float] | None = None
        self._thread = threading.Thread(target=self._run, name="chip", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Give it up: it ends by itself, at the chip's next answer, and says nothing more that counts."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            self._deliver(self._found())
        except Exception:
            # Like every reading: a defect of ours must not leave the traveller before a screen that waits.
            _log.exception("a chip could not be read")
            self._deliver(ChipArrived(self.number, ChipEvidence(outcome=ChipOutcome.absent, error=FAILED)))

    def _found(self) -> ChipArrived:
        information = mrz_information(self._mrz)
        if information is None:
            return ChipArrived(self.number, ChipEvidence(outcome=ChipOutcome.absent, error=CHIP_NO_KEY))
        reading = self._reader.read(information, self._policy, self._seconds, self._moved, self._cancelled.is_set)
        if self._cancelled.is_set():
            return ChipArrived(self.number, ChipEvidence(outcome=reading.outcome, error=reading.error))
        evidence = weighed_reading(reading, self._mrz, self._answers.authorities(), self._answers.clock().at)
        return self._with_portrait(reading, evidence)

    def _with_portrait(self, reading: ChipReading, evidence: ChipEvidence) -> ChipArrived:
        image, error = portrait_of(reading)
        if image is None:
            return ChipArrived(self.number, structs.replace(evidence, portrait_error=error))
        begun = time.monotonic()
        face: FoundFace | None = None
        jpeg, problem = b"", ""
        try:
            jpeg = self._eyes.portrait_jpeg(image.data)
            face = self._eyes.stored_face(image.data)
            problem = FACE_NO_REFERENCE if face is None else ""
        except DecoderError as failure:
            error = "" if jpeg else failure.code
            problem = failure.code
        evidence = structs.replace(
            evidence,
            portrait_sha256=sha256(image.data).hexdigest(),
            portrait_error=error,
            ms=evidence.ms | {"portrait": round((time.monotonic() - begun) * 1000, 1)},
        )
        return ChipArrived(self.number, evidence, jpeg, face, problem, image.data)

    def _moved(self, progress: ChipProgress) -> None:
        now, told = time.monotonic(), self._told
        same = told is not None and (told[0], told[1]) == (progress.stage, progress.waiting)
        if same and told is not None and now - told[2] < TELL_SECONDS:
            return
        self._told = (progress.stage, progress.waiting, now)
        self._deliver(ChipMoved(self.number, progress))
