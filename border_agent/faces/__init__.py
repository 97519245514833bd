"""Is this the face of that document?

Pure: embeddings come from the decoding worker, a calibration says what their distance means. There are three
zones, because the installed network is measurably worse on some groups than on average, and those are our
travellers: the match zone is set from the worst-served group's false matches, and doubt goes to an officer. Nothing
is compared without a calibration, nor with one that was made for another model.

    values       zones, kinds of reference, the comparison
    calibration  thresholds, with the model, probe mode and figures they belong to; `calibrations/` holds the
                 provisional one
    compare      the comparison itself
    choose       which face of several; is it good enough
    templates    a stored face as 128 bytes
"""

from __future__ import annotations

from border_agent.faces.calibration import Calibration, ProbeMode, load_calibration, read_calibration
from border_agent.faces.choose import (
    FaceNote,
    QualityIssue,
    QualityLimits,
    choose_face,
    face_note,
    quality_issues,
)
from border_agent.faces.compare import compare, compare_faces, probe_quality
from border_agent.faces.errors import (
    CalibrationMalformed,
    CalibrationMismatch,
    CalibrationMissing,
    EmbeddingMalformed,
    FaceError,
)
from border_agent.faces.values import FaceComparison, ProbeQuality, ReferenceKind, Zone

__all__ = [
    "Calibration",
    "CalibrationMalformed",
    "CalibrationMismatch",
    "CalibrationMissing",
    "EmbeddingMalformed",
    "FaceComparison",
    "FaceError",
    "FaceNote",
    "ProbeMode",
    "ProbeQuality",
    "QualityIssue",
    "QualityLimits",
    "ReferenceKind",
    "Zone",
    "choose_face",
    "compare",
    "compare_faces",
    "face_note",
    "load_calibration",
    "probe_quality",
    "quality_issues",
    "read_calibration",
]
