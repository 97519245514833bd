"""What a traveller is told while a step is open: what to do. Codes only; the window has the words and the voice.

A code says nothing but what a mirror would: no list, no rule and no reference has been asked by then.
"""

from __future__ import annotations

import time
from enum import StrEnum

from msgspec import Struct

from border_agent.agent.eyes import Seen
from border_agent.faces import FaceNote, QualityIssue, choose_face, face_note, quality_issues
from border_agent.inspection.evidence import Step

MIDDLE = 0.6
"""Of either side of the frame: a face whose centre lies outside of it stands better in the middle."""


class Guidance(StrEnum):
    """All there is to tell a traveller."""

    DOCUMENT_AGAIN = "document.again"
    DOCUMENT_LOOK = "document.look"
    """The document camera sees no zone."""
    DOCUMENT_HOLD = "document.hold"
    """It sees one, and is not certain of it yet."""
    CHIP_PUT = "chip.put"
    """No chip answers yet."""
    CHIP_READING = "chip.reading"
    """Leave it where it is."""
    CHIP_PUT_BACK = "chip.put_back"
    """Contact is lost."""
    PAGE_LOOK = "page.look"
    VISA_AGAIN = "visa.again"
    FACE_NONE = "face.none"
    FACE_SEVERAL = "face.several"
    FACE_CLOSER = "face.closer"
    FACE_CENTRE = "face.centre"
    FACE_TOO_DARK = "face.too_dark"
    FACE_TOO_BRIGHT = "face.too_bright"
    FACE_HOLD_STILL = "face.hold_still"
    FACE_GOOD = "face.good"
    """A good frame was taken."""


class Told(Struct, frozen=True):
    """One statement to the traveller."""

    code: Guidance
    count: int
    """Rises with every statement of an inspection, so that the same one made again is seen as a new one."""
    captured: int = 0
    wanted: int = 0
    """Good frames taken, of how many; 0 of 0 where it is not about the face."""


SAME_CODE_SECONDS = 2.0
"""For so long an unreadable code that still lies before the camera is the same one, not another try."""


class Statements:
    """What the traveller of one inspection was told: the last one, and how many there were."""

    def __init__(self) -> None:
        self._count = 0
        self._last: tuple[Step, Told] | None = None
        self._bad_code = (b"", 0.0)

    def last(self, step: Step | None) -> Told | None:
        """What was told last, where that was in this step."""
        return self._last[1] if self._last is not None and self._last[0] is step else None

    def make(self, step: Step, code: Guidance, captured: int = 0, wanted: int = 0, *, anew: bool = False) -> bool:
        """Make a statement; the same one twice only where it happened `anew`. False where nothing was made."""
        held = self.last(step)
        if not anew and held is not None and (held.code, held.captured, held.wanted) == (code, captured, wanted):
            return False
        self._count += 1
        self._last = (step, Told(code, self._count, captured, wanted))
        return True

    def bad_code(self, data: bytes) -> bool:
        """Whether this code, which is no visa, is another try, and not what the camera has been looking at."""
        now, (known, at) = time.monotonic(), self._bad_code
        if data == known and now - at <= SAME_CODE_SECONDS:
            return False
        self._bad_code = (data, now)
        return True


_OF_ISSUE = {
    QualityIssue.too_small: Guidance.FACE_CLOSER,
    QualityIssue.too_dark: Guidance.FACE_TOO_DARK,
    QualityIssue.too_bright: Guidance.FACE_TOO_BRIGHT,
    QualityIssue.too_blurred: Guidance.FACE_HOLD_STILL,
}


def face_guidance(seen: Seen) -> Guidance:
    """What to tell of a look at the traveller: where to stand first, then the light, then to keep still."""
    note, face = face_note(seen.faces), choose_face(seen.faces)
    if face is None or note is FaceNote.not_found:
        return Guidance.FACE_NONE
    if note is FaceNote.several:
        return Guidance.FACE_SEVERAL
    issues = quality_issues(face)
    if QualityIssue.too_small not in issues and not _centred(seen, face.box):
        return Guidance.FACE_CENTRE
    return _OF_ISSUE[issues[0]] if issues else Guidance.FACE_GOOD


def _centred(seen: Seen, box: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = box
    return all(
        abs((first + last) / 2 - side / 2) <= MIDDLE * side / 2
        for first, last, side in ((left, right, seen.picture.width), (top, bottom, seen.picture.height))
    )
