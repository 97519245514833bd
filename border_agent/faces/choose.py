"""Which of the faces in a picture is the traveller's, and is it good enough to compare?"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from border_agent.decoding.values import FoundFace

_SURE: Final = 0.5
"""Detector score of a face that is certainly one; what the detector sees in backgrounds stays below about 0.3."""
_NEAR: Final = 0.5
"""Of the traveller's eye distance: whoever is so near stands at the same camera, not behind in the queue."""


class FaceNote(StrEnum):
    """What is to be said of the faces in a picture."""

    not_found = "face.not_found"
    several = "face.several"


class QualityIssue(StrEnum):
    """Why a face is better taken again, in the order in which it should be said."""

    too_small = "face.too_small"
    too_dark = "face.too_dark"
    too_bright = "face.too_bright"
    too_blurred = "face.too_blurred"


class QualityLimits(msgspec.Struct, frozen=True):
    """Where a live face is worth comparing; units as in `FoundFace`.

    Measured on one portrait, by the distance between its embedding and that of its damaged self: each limit is where
    that reaches about 0.2, a third of the doubt threshold. 95 of 100 press photographs pass them.
    """

    eye_distance: float = 32.0
    """The network's own picture has 48 pixels between the eyes; the detector misses much smaller faces anyway."""
    darkest: float = 35.0
    """Far below a dark face in good light: it is the light that is judged here, not the skin."""
    brightest: float = 200.0
    sharpness: float = 0.006


def choose_face(found: Sequence[FoundFace]) -> FoundFace | None:
    """The surest face by the detector's score, or None. Not the largest: backgrounds hold false ones."""
    return max(found, key=lambda face: face.score, default=None)


def face_note(found: Sequence[FoundFace]) -> FaceNote | None:
    """`not_found`, `several` (a second sure face, about as near), or None where there is one face."""
    chosen = choose_face(found)
    if chosen is None:
        return FaceNote.not_found
    others = (face for face in found if face is not chosen)
    if any(face.score >= _SURE and face.eye_distance >= _NEAR * chosen.eye_distance for face in others):
        return FaceNote.several
    return None


def quality_issues(face: FoundFace, limits: QualityLimits | None = None) -> tuple[QualityIssue, ...]:
    """What stands against comparing this face; empty where nothing does.

    A hint for guidance, never a refusal: a traveller whom no light suits is compared as well as can be, and it is
    the officer who sees that the frames were poor.
    """
    limits = limits or QualityLimits()
    checks = (
        (QualityIssue.too_small, face.eye_distance < limits.eye_distance),
        (QualityIssue.too_dark, face.brightness < limits.darkest),
        (QualityIssue.too_bright, face.brightness > limits.brightest),
        (QualityIssue.too_blurred, face.sharpness < limits.sharpness),
    )
    return tuple(issue for issue, holds in checks if holds)
