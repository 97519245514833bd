"""Zones, calibrations, and everything that may not be compared."""

from __future__ import annotations

import hashlib
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.decoding import EmbeddingMode, FaceModel, FoundFace
from border_agent.faces import (
    Calibration,
    CalibrationMalformed,
    CalibrationMismatch,
    CalibrationMissing,
    EmbeddingMalformed,
    FaceComparison,
    FaceNote,
    ProbeMode,
    QualityIssue,
    QualityLimits,
    ReferenceKind,
    Zone,
    choose_face,
    compare,
    compare_faces,
    face_note,
    load_calibration,
    probe_quality,
    quality_issues,
    read_calibration,
)
from border_agent.faces.compare import zone_of

CALIBRATION = load_calibration()
MODEL = FaceModel(CALIBRATION.model, CALIBRATION.model_sha256, CALIBRATION.landmarks_sha256)
NORTH = (1.4, *[0.0] * 127)
SEVERITY = {Zone.match: 0, Zone.doubt: 1, Zone.no_match: 2}


def at(distance: float) -> tuple[float, ...]:
    """An embedding as long as NORTH, at this distance from it (0 to 2.8)."""
    angle = 2 * math.asin(distance / 2.8)
    return (1.4 * math.cos(angle), 1.4 * math.sin(angle), *[0.0] * 126)


def result(
    reference: Any, *probes: Any, model: FaceModel | None = MODEL, calibration: Any = CALIBRATION
) -> FaceComparison:
    return compare(reference, probes, ReferenceKind.visa_record, calibration, model=model)


def face(score: float = 1.5, eye_distance: float = 60.0, **more: Any) -> FoundFace:
    fields = {"sharpness": 0.02, "brightness": 120.0, "embedding": NORTH} | more
    return FoundFace(box=(0, 0, 100, 100), score=score, eye_distance=eye_distance, **fields)


def test_the_shipped_calibration() -> None:
    raw = (resources.files("border_agent.faces") / "calibrations" / "dlib_provisional.json").read_bytes()
    assert (CALIBRATION.match_threshold, CALIBRATION.doubt_threshold) == (0.437, 0.60)
    assert CALIBRATION.provisional
    assert CALIBRATION.probe_mode == ProbeMode(frames=3, mirror=True, rescaled=True)
    assert CALIBRATION.sha256 == hashlib.sha256(raw).hexdigest()
    worst = [figure for figure in CALIBRATION.figures if figure.group == "worst-served"]
    assert min(figure.threshold for figure in worst) == CALIBRATION.match_threshold


@pytest.mark.parametrize(
    ("distance", "zone"),
    [(0.0, Zone.match), (0.4369, Zone.match), (0.4371, Zone.doubt), (0.5999, Zone.doubt), (0.6001, Zone.no_match)],
)
def test_zones(distance: float, zone: Zone) -> None:
    found = result(NORTH, at(distance))
    assert found.zone is zone
    assert found.distance == pytest.approx(distance, abs=1e-9)


def test_thresholds_belong_to_the_better_zone() -> None:
    assert zone_of(0.437, CALIBRATION) is Zone.match
    assert zone_of(0.60, CALIBRATION) is Zone.doubt
    assert zone_of(math.nan, CALIBRATION) is Zone.no_match
    assert zone_of(math.inf, CALIBRATION) is Zone.no_match


@given(st.floats(0, 2.8), st.floats(0, 2.8))
def test_a_larger_distance_never_improves_the_zone(one: float, other: float) -> None:
    nearer, farther = sorted((one, other))
    assert SEVERITY[result(NORTH, at(nearer)).zone] <= SEVERITY[result(NORTH, at(farther)).zone]


@given(st.lists(st.lists(st.floats(-0.3, 0.3), min_size=128, max_size=128), min_size=2, max_size=4))
def test_a_mean_is_as_long_as_what_went_in(embeddings: list[list[float]]) -> None:
    vectors = [np.array(embedding) + np.array(NORTH) for embedding in embeddings]
    if any(not 0.75 < np.linalg.norm(vector) < 2.4 for vector in vectors):
        return
    reference, *probes = [vector.tolist() for vector in vectors]
    found = result(reference, *probes)
    usual = np.mean([np.linalg.norm(probe) for probe in probes])
    mean = np.mean(probes, axis=0)
    expected = np.linalg.norm(vectors[0] - mean * usual / np.linalg.norm(mean))
    assert found.distance == pytest.approx(expected, abs=1e-9)
    assert found.frames == len(probes)


@given(
    st.lists(st.one_of(st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, 1e308])), max_size=140),
    st.booleans(),
)
def test_any_numbers_are_compared_or_refused(numbers: list[float], as_reference: bool) -> None:
    try:
        found = result(numbers, NORTH) if as_reference else result(NORTH, numbers)
    except EmbeddingMalformed:
        return
    assert math.isfinite(found.distance)


@pytest.mark.parametrize(
    "bad",
    [
        (),
        NORTH[:-1],
        (*NORTH, 0.0),
        (math.nan, *NORTH[1:]),
        (math.inf, *NORTH[1:]),
        (0.0,) * 128,
        (1.0,) * 128,
        ("x",) * 128,
        ((1.0,),) * 128,
        (1e200,) * 128,
    ],
    ids=["empty", "short", "long", "nan", "infinite", "zero", "huge", "text", "nested", "overflow"],
)
def test_what_is_no_embedding_is_refused(bad: Any) -> None:
    with pytest.raises(EmbeddingMalformed):
        result(bad, NORTH)
    with pytest.raises(EmbeddingMalformed):
        result(NORTH, NORTH, bad)


def test_without_probes_nothing_is_compared() -> None:
    with pytest.raises(EmbeddingMalformed):
        result(NORTH)
    with pytest.raises(EmbeddingMalformed):
        compare_faces(face(), [], ReferenceKind.chip, CALIBRATION, model=MODEL)


def test_without_a_calibration_nothing_is_compared(tmp_path: Path) -> None:
    with pytest.raises(CalibrationMissing):
        result(NORTH, NORTH, calibration=None)
    with pytest.raises(CalibrationMissing):
        load_calibration(tmp_path / "none.json")
    with pytest.raises(CalibrationMissing):
        load_calibration(tmp_path)


def test_a_calibration_for_another_model_is_refused() -> None:
    for other in (
        None,
        msgspec.structs.replace(MODEL, sha256="0" * 64),
        msgspec.structs.replace(MODEL, landmarks_sha256="0" * 64),
    ):
        with pytest.raises(CalibrationMismatch):
            result(NORTH, NORTH, model=other)


def test_more_frames_or_another_mode_than_calibrated_are_refused() -> None:
    assert result(NORTH, NORTH, NORTH, NORTH).frames == 3
    with pytest.raises(CalibrationMismatch):
        result(NORTH, NORTH, NORTH, NORTH, NORTH)
    plain = face(mode=EmbeddingMode.plain)
    with pytest.raises(CalibrationMismatch):
        compare_faces(face(), [plain], ReferenceKind.chip, CALIBRATION, model=MODEL)
    with pytest.raises(CalibrationMismatch):
        compare_faces(plain, [face()], ReferenceKind.chip, CALIBRATION, model=MODEL)


def altered(**changes: Any) -> bytes:
    raw = (resources.files("border_agent.faces") / "calibrations" / "dlib_provisional.json").read_bytes()
    return json.dumps(json.loads(raw) | changes).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * 300_000,
        altered(match_threshold=0.6),
        altered(match_threshold=0.7),
        altered(match_threshold=-1),
        altered(doubt_threshold=5),
        altered(model_sha256="ABC"),
        altered(sha256="0" * 64),
        altered(surprise=1),
        altered(probe_mode={"frames": 0, "mirror": True, "rescaled": True}),
        altered(provisional="no"),
    ],
)
def test_a_malformed_calibration_is_refused(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(CalibrationMalformed):
        read_calibration(raw, "test")
    file = tmp_path / "calibration.json"
    file.write_bytes(raw)
    with pytest.raises(CalibrationMalformed):
        load_calibration(file)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_calibration_or_refused(raw: bytes) -> None:
    with pytest.raises(CalibrationMalformed):
        read_calibration(raw, "test")


def test_an_operator_s_own_calibration(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_bytes(altered(name="own", provisional=False, match_threshold=0.5))
    own: Calibration = load_calibration(file)
    found = result(NORTH, at(0.48), calibration=own)
    assert (found.zone, found.provisional, found.calibration) == (Zone.match, False, "own")
    assert found.calibration_sha256 != CALIBRATION.sha256


def test_a_comparison_travels(tmp_path: Path) -> None:
    found = compare_faces(face(), [face(), face(brightness=20.0)], ReferenceKind.chip, CALIBRATION, model=MODEL)
    assert msgspec.json.decode(msgspec.json.encode(found), type=FaceComparison) == found


def test_quality_of_several_frames() -> None:
    frames = [
        face(eye_distance=60, sharpness=0.02, brightness=120),
        face(eye_distance=40, sharpness=0.01, brightness=30),
    ]
    quality = probe_quality(frames)
    assert (quality.eye_distance_worst, quality.eye_distance_mean) == (40, 50)
    assert (quality.sharpness_worst, quality.sharpness_mean) == (0.01, 0.015)
    assert (quality.brightness_worst, quality.brightness_mean) == (30, 75)


def test_choice_and_notes() -> None:
    assert choose_face([]) is None
    assert face_note([]) is FaceNote.not_found
    sure, false, far = face(1.5), face(0.12, 80.0), face(1.2, 20.0)
    assert choose_face([false, sure, far]) is sure
    assert face_note([false, sure, far]) is None
    assert face_note([sure, face(0.9, 50.0)]) is FaceNote.several


def test_quality_issues() -> None:
    assert quality_issues(face()) == ()
    assert quality_issues(face(eye_distance=10.0, brightness=5.0, sharpness=0.0)) == (
        QualityIssue.too_small,
        QualityIssue.too_dark,
        QualityIssue.too_blurred,
    )
    assert quality_issues(face(brightness=240.0)) == (QualityIssue.too_bright,)
    assert quality_issues(face(eye_distance=50.0), QualityLimits(eye_distance=60.0)) == (QualityIssue.too_small,)
