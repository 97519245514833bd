"""The search for good frames of the live face: many cheap looks, few embeddings.

A look only finds faces; what it finds is embedded where it is worth comparing. Poor frames are kept as pictures, the
sharpest few, and embedded when patience or time has run out: a traveller whom no light suits is compared as well as
can be, rather than not at all.
"""

from __future__ import annotations

import time

from border_agent.agent.eyes import Eyes
from border_agent.agent.guidance import Guidance, face_guidance
from border_agent.config import CameraRole
from border_agent.decoding import FoundFace, Picture
from border_agent.faces import choose_face

PATIENCE_SECONDS = 5.0
"""So long a traveller is told what to do about poor frames before they are compared all the same."""
_LOOK_COUNTS = 0.5
"""Seconds; a longer pause between two looks is not the traveller's."""


class FaceSearch:
    """One face step's frames. Calls raise DecoderError."""

    def __init__(self, eyes: Eyes, wanted: int) -> None:
        """`wanted`: how many good frames."""
        self.wanted = wanted
        self.crowded = False
        """More than one person stood before the camera."""
        self._eyes = eyes
        self._good: list[FoundFace] = []
        self._poor: list[tuple[Picture, FoundFace]] = []
        self._poor_seconds = 0.0
        self._shown: tuple[float, Picture] | None = None
        self._looked_at = time.monotonic()

    @property
    def captured(self) -> int:
        """Good frames taken."""
        return len(self._good)

    @property
    def enough(self) -> bool:
        """There are the frames that are wanted, or poor ones have been looked at for long enough."""
        return self.captured >= self.wanted or self._poor_seconds >= PATIENCE_SECONDS

    def look(self) -> Guidance | None:
        """Look once: what to tell the traveller; None where the camera gave no frame."""
        seen = self._eyes.look(CameraRole.FACE)
        now = time.monotonic()
        since, self._looked_at = min(now - self._looked_at, _LOOK_COUNTS), now
        if seen is None:
            return None
        guidance = face_guidance(seen)
        face = choose_face(seen.faces)
        if guidance is Guidance.FACE_SEVERAL:
            self.crowded = True  # which of them is the traveller? not the one that fits the photo: look again
        elif guidance is Guidance.FACE_GOOD and face is not None:
            self._good.append(self._eyes.embedded(seen.picture, face))
            if self._shown is None or face.sharpness > self._shown[0]:
                self._shown = (face.sharpness, seen.picture)
        elif face is not None:
            self._poor_seconds += since
            self._poor = sorted([*self._poor, (seen.picture, face)], key=_sharpness)[-self.wanted :]
        return guidance

    @property
    def picture(self) -> Picture | None:
        """The sharpest good frame, or the sharpest poor one where there is none."""
        if self._shown is not None:
            return self._shown[1]
        return self._poor[-1][0] if self._poor else None

    def good(self) -> list[FoundFace]:
        """The good frames, as many as are compared."""
        return self._good[-self.wanted :]

    def best(self) -> list[FoundFace]:
        """The good frames, and the sharpest of the poor ones in the place of those that are missing."""
        missing = self.wanted - self.captured
        poor = self._poor[-missing:] if missing > 0 else []
        return [*self.good(), *(self._eyes.embedded(picture, face) for picture, face in poor)]


def _sharpness(frame: tuple[Picture, FoundFace]) -> float:
    return frame[1].sharpness
