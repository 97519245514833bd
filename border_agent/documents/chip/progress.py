"""How far a reading is, and how long each part of it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from border_agent.documents.chip.files import FileId
from border_agent.documents.chip.reading import ChipProgress, ChipReadPolicy, ChipStage

ACCESS: Final = "access"
AUTHENTICATION: Final = "authentication"
BEFORE: Final = (FileId.COM, FileId.SOD, FileId.DG1, FileId.DG14, FileId.DG15)
"""Read before the chip proves itself."""

_SHARES: Final = {
    ACCESS: 15,
    FileId.CARD_SECURITY: 2,
    FileId.COM: 2,
    FileId.SOD: 6,
    FileId.DG1: 2,
    FileId.DG14: 3,
    FileId.DG15: 3,
    AUTHENTICATION: 12,
    FileId.DG2: 45,
    FileId.DG7: 6,
}
_OTHER_SHARE: Final = 3


def after(policy: ChipReadPolicy) -> tuple[FileId, ...]:
    """What is read when the chip has proved itself, in order."""
    portrait = (FileId.DG2,) if policy.portrait else ()
    chosen = tuple(FileId(name) for name in policy.files)
    return portrait + tuple(file for file in chosen if file not in (*BEFORE, FileId.DG2))


class Course:
    """The steps of a reading and where it stands among them. Tells whoever listens; never goes back."""

    def __init__(self, policy: ChipReadPolicy, listener: Callable[[ChipProgress], None] | None) -> None:
        steps = (ACCESS, FileId.CARD_SECURITY, *BEFORE, AUTHENTICATION, *after(policy))
        total = sum(_share(step) for step in steps)
        self._starts: dict[str, float] = {}
        begun = 0
        for step in steps:
            self._starts[step] = begun / total
            begun += _share(step)
        self._total = total
        self._listener = listener
        self._fraction = 0.0
        self._stage = ChipStage.access
        self._last = (ChipStage.access, "", 0, 0)
        self.step: str = ACCESS
        self.seconds: dict[str, float] = {}

    @contextmanager
    def at(self, stage: ChipStage, step: str) -> Iterator[None]:
        """In this step; its time is counted for the stage, whatever ends it."""
        began = time.monotonic()
        self.step, self._stage = step, stage
        self.tell(0, 0)
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began

    def tell(self, done: int, total: int) -> None:
        """Bytes of the file that is being read."""
        part = min(1.0, done / total) if total else 0.0
        self._rise(self._starts.get(self.step, 0.0) + part * _share(self.step) / self._total)
        self._last = (self._stage, self.step if self._stage is ChipStage.files else "", done, total)
        self._say(waiting=False)

    def wait(self) -> None:
        """No card lies there: not yet, or contact is lost."""
        self._say(waiting=True)

    def end(self) -> None:
        """All has been read."""
        self._rise(1.0)
        self._last = (ChipStage.done, "", 0, 0)
        self._say(waiting=False)

    def _rise(self, fraction: float) -> None:
        self._fraction = max(self._fraction, min(1.0, fraction))

    def _say(self, *, waiting: bool) -> None:
        if self._listener is not None:
            stage, file, done, total = self._last
            self._listener(ChipProgress(stage, file, done, total, self._fraction, waiting))


def _share(step: str) -> int:
    return _SHARES.get(step, _OTHER_SHARE)
