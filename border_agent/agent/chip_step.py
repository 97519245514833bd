"""The chip's part of one inspection's collecting: the try under way, and what is shown of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from border_agent.agent.answers import Answers
from border_agent.agent.chip_reader import ChipReader, NoChipReader
from border_agent.agent.chip_work import ChipWork, read_policy
from border_agent.agent.eyes import Eyes
from border_agent.agent.guidance import Guidance
from border_agent.agent.inbox import ChipArrived, ChipMoved, Item
from border_agent.decoding import FoundFace
from border_agent.documents.chip.reading import ChipOutcome
from border_agent.documents.mrz import Mrz
from border_agent.inspection.evidence import ChipEvidence
from mqtt_schemas.records import ChipPolicy

GRACE_SECONDS = 5.0
"""Beside the reading's own time: its portrait is decoded, its signature checked, on a machine that is busy."""


class ShownStage(StrEnum):
    """What a chip's reading is at, in words for a screen."""

    WAITING = "waiting"
    """No chip answers: the document is to be laid down, or down again."""
    ACCESS = "access"
    FILES = "files"
    AUTHENTICATION = "authentication"
    DONE = "done"
    """It is over, whatever came of it."""


class ChipShown(Struct, frozen=True):
    """How far a chip's reading is. Nothing of what came of it."""

    stage: ShownStage
    fraction: float
    """0 to 1; never falls within one reading."""


class ChipStep:
    """One inspection's chip. Everything here is called from the thread that collects."""

    def __init__(
        self,
        reader: ChipReader | None,
        eyes: Eyes,
        answers: Answers,
        seconds: float,
        deliver: Callable[[Item], None],
    ) -> None:
        self.shown: ChipShown | None = None
        self.guidance = Guidance.CHIP_PUT
        """What the traveller is to do about the chip now."""
        self.running = False
        """Whether a try is under way."""
        self.face: FoundFace | None = None
        """The portrait's, to compare with."""
        self._reader = reader
        self._eyes = eyes
        self._answers = answers
        self._seconds = seconds
        self._deliver = deliver
        self._work: ChipWork | None = None
        self._tries = 0
        self._until = 0.0
        self._answered = False

    @property
    def overdue(self) -> bool:
        """Whether the try under way has had more than its time."""
        return self.running and time.monotonic() > self._until

    def begin(self, mrz: Mrz, policy: ChipPolicy) -> None:
        """Read the chip of this document, in a thread of its own. Harmless while one is being read."""
        if self.running:
            return
        self._tries += 1
        reading = read_policy(policy, self._seconds)
        self._until = time.monotonic() + reading.wait + self._seconds + GRACE_SECONDS
        self.running, self._answered = True, False
        self.guidance = Guidance.CHIP_PUT
        self.shown = ChipShown(ShownStage.WAITING, 0.0)
        if self._reader is None:
            nothing = ChipEvidence(outcome=ChipOutcome.absent, error=NoChipReader.code)
            self._deliver(ChipArrived(self._tries, nothing))
            return
        self._work = ChipWork(
            self._tries, self._reader, self._eyes, self._answers, mrz, reading, self._seconds, self._deliver
        )
        self._work.start()

    def moved(self, item: ChipMoved) -> None:
        """A try goes on; one that was given up is passed over."""
        if item.number != self._tries or not self.running:
            return
        progress = item.progress
        before = self.shown.fraction if self.shown is not None else 0.0
        stage = ShownStage.WAITING if progress.waiting else ShownStage(progress.stage.value)
        self.shown = ChipShown(stage, max(before, min(1.0, progress.fraction)))
        if progress.waiting:
            self.guidance = Guidance.CHIP_PUT_BACK if self._answered else Guidance.CHIP_PUT
        else:
            self._answered = True
            self.guidance = Guidance.CHIP_READING

    def arrived(self, item: ChipArrived) -> ChipEvidence | None:
        """What a try has found; None: it was given up."""
        if item.number != self._tries:
            return None
        self._over()
        if item.face is not None:
            self.face = item.face
        return item.evidence

    def give_up(self) -> None:
        """End the try under way: somebody chose to go on without, or nobody waits any more."""
        if self._work is not None:
            self._work.cancel()
        if self.running:
            self._over()
            self._tries += 1  # what it still has to say comes too late

    def _over(self) -> None:
        self._work, self.running = None, False
        self.shown = ChipShown(ShownStage.DONE, 1.0)
