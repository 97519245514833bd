"""The comparison: one stored face against the mean of the live ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from border_agent.decoding.embeddings import Embedding, rescaled_mean
from border_agent.decoding.values import EMBEDDING_SIZE, EmbeddingMode, FaceModel, FoundFace
from border_agent.faces.calibration import Calibration
from border_agent.faces.errors import CalibrationMismatch, CalibrationMissing, EmbeddingMalformed
from border_agent.faces.values import FaceComparison, ProbeQuality, ReferenceKind, Zone

_SHORTEST: Final = 0.7
_LONGEST: Final = 2.5
"""Length of an embedding: 1.2 to 1.7 in 2,400 pictures. Two that are all zeros would "match"."""

_MIDDLE_GREY: Final = 127.5


def compare(
    reference_embedding: Sequence[float],
    probe_embeddings: Sequence[Sequence[float]],
    kind: ReferenceKind,
    calibration: Calibration | None,
    *,
    model: FaceModel | None,
    quality: ProbeQuality | None = None,
) -> FaceComparison:
    """Compare the stored face with the live ones; `model` is the one that made the embeddings.

    Raises CalibrationMissing, CalibrationMismatch (another model, or more frames than calibrated for) and
    EmbeddingMalformed.
    """
    if calibration is None:
        raise CalibrationMissing("faces", "none loaded")
    calibration.require(model)
    if len(probe_embeddings) > calibration.probe_mode.frames:
        raise CalibrationMismatch(calibration.name, f"{len(probe_embeddings)} frames")
    reference = _checked(reference_embedding, "reference")
    probes = [_checked(probe, f"probe {number}") for number, probe in enumerate(probe_embeddings, 1)]
    if not probes:
        raise EmbeddingMalformed("probes", "none")
    probe = rescaled_mean(probes) if calibration.probe_mode.rescaled else np.mean(probes, axis=0)
    distance = float(np.linalg.norm(reference - probe))
    return FaceComparison(
        zone=zone_of(distance, calibration),
        distance=distance,
        reference=kind,
        match_threshold=calibration.match_threshold,
        doubt_threshold=calibration.doubt_threshold,
        calibration=calibration.name,
        calibration_sha256=calibration.sha256,
        provisional=calibration.provisional,
        model=calibration.model,
        model_sha256=calibration.model_sha256,
        frames=len(probes),
        quality=quality,
    )


def compare_faces(
    reference: FoundFace,
    probes: Sequence[FoundFace],
    kind: ReferenceKind,
    calibration: Calibration | None,
    *,
    model: FaceModel | None,
) -> FaceComparison:
    """`compare` for faces as the worker found them, with the live frames' quality.

    Raises as `compare` does; CalibrationMismatch, too, where an embedding was made in another mode.
    """
    if calibration is not None:
        mode = EmbeddingMode.mirrored if calibration.probe_mode.mirror else EmbeddingMode.plain
        if any(face.mode is not mode for face in (reference, *probes)):
            raise CalibrationMismatch(calibration.name, f"embeddings not made in mode {mode}")
    return compare(
        reference.embedding,
        [probe.embedding for probe in probes],
        kind,
        calibration,
        model=model,
        quality=probe_quality(probes) if probes else None,
    )


def zone_of(distance: float, calibration: Calibration) -> Zone:
    """Where a distance falls. A distance that is no number is no match."""
    if distance <= calibration.match_threshold:
        return Zone.match
    if distance <= calibration.doubt_threshold:
        return Zone.doubt
    return Zone.no_match


def probe_quality(faces: Sequence[FoundFace]) -> ProbeQuality:
    """Worst and mean quality of one or more live faces."""
    eyes = [face.eye_distance for face in faces]
    sharpness = [face.sharpness for face in faces]
    brightness = [face.brightness for face in faces]
    return ProbeQuality(
        eye_distance_worst=min(eyes),
        eye_distance_mean=sum(eyes) / len(eyes),
        sharpness_worst=min(sharpness),
        sharpness_mean=sum(sharpness) / len(sharpness),
        brightness_worst=max(brightness, key=lambda value: abs(value - _MIDDLE_GREY)),
        brightness_mean=sum(brightness) / len(brightness),
    )


def _checked(numbers: Sequence[float], which: str) -> Embedding:
    if len(numbers) != EMBEDDING_SIZE:
        raise EmbeddingMalformed(which, f"{len(numbers)} numbers")
    try:
        embedding = np.array(numbers, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise EmbeddingMalformed(which, "not numbers") from error
    if embedding.shape != (EMBEDDING_SIZE,) or not np.isfinite(embedding).all():
        raise EmbeddingMalformed(which, "not finite")
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(embedding))
    if not _SHORTEST <= length <= _LONGEST:
        raise EmbeddingMalformed(which, f"length {length:.3g}")
    return embedding
