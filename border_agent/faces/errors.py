"""Why two faces could not be compared."""

from __future__ import annotations

from typing import ClassVar

from border_agent.errors import BorneError


class FaceError(BorneError):
    """Base of what this room raises."""

    code: ClassVar[str] = "face"


class CalibrationMissing(FaceError):
    """There is no calibration: without one a distance means nothing."""

    code: ClassVar[str] = "face.calibration_missing"


class CalibrationMalformed(FaceError):
    """The calibration file is damaged, or its thresholds cannot be right."""

    code: ClassVar[str] = "face.calibration_malformed"


class CalibrationMismatch(FaceError):
    """The calibration was made for another model, or for fewer frames, than are in use."""

    code: ClassVar[str] = "face.calibration_mismatch"


class EmbeddingMalformed(FaceError):
    """An embedding of the wrong dimension, of impossible length, or not of numbers; or no probe at all."""

    code: ClassVar[str] = "face.embedding_malformed"
