"""The face engine against the library it replaces, and what the worker says of real pictures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from border_agent.decoding import DecoderRefused, DecodingWorker, EmbeddingMode, FoundFace, Picture
from border_agent.decoding.faces import FaceEngine, FaceEngineMissingError
from border_agent.faces import (
    FaceNote,
    QualityIssue,
    ReferenceKind,
    Zone,
    choose_face,
    compare_faces,
    face_note,
    load_calibration,
    quality_issues,
)

skimage_data = pytest.importorskip("skimage.data")


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """A public-domain portrait, blue, green, red."""
    return np.ascontiguousarray(skimage_data.astronaut()[:, :, ::-1])


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine()


@pytest.fixture(scope="module")
def worker() -> Iterator[DecodingWorker]:
    with DecodingWorker() as started:
        yield started


@pytest.fixture(scope="module")
def reference_engine() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("face_recognition")


def packed(pixels: np.ndarray) -> Picture:
    return Picture(pixels.shape[1], pixels.shape[0], np.ascontiguousarray(pixels).tobytes())


def damaged(portrait: np.ndarray) -> list[np.ndarray]:
    noise = np.random.default_rng(2).normal(0, 6, portrait.shape)
    return [
        portrait,
        cv2.resize(portrait, None, fx=1.5, fy=1.5),
        (portrait * 0.6).astype(np.uint8),
        np.clip(portrait + noise, 0, 255).astype(np.uint8),
        cv2.cvtColor(cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
    ]


def test_embeddings_are_those_of_face_recognition(
    engine: FaceEngine, portrait: np.ndarray, reference_engine: Any
) -> None:
    for picture in damaged(portrait):
        face = engine.find(picture, upsample=1, embedding=EmbeddingMode.plain, most=1)[0]
        left, top, right, bottom = face.box
        theirs = reference_engine.face_encodings(
            picture[:, :, ::-1].copy(), known_face_locations=[(top, right, bottom, left)], model="small"
        )[0]
        assert np.linalg.norm(np.array(face.embedding) - theirs) < 1e-4
    top_left = [face.box[:2] for face in engine.find(portrait, upsample=1, embedding=EmbeddingMode.none, most=8)]
    theirs = reference_engine.face_locations(portrait[:, :, ::-1].copy(), number_of_times_to_upsample=1)
    assert sorted(top_left) == sorted((left, top) for top, _, _, left in theirs)


def test_a_mirrored_face_has_the_same_embedding(engine: FaceEngine, portrait: np.ndarray) -> None:
    """Not exactly: the mirror image's face is found, and cut, a pixel aside."""

    def embedding(picture: np.ndarray, mode: EmbeddingMode) -> np.ndarray:
        return np.array(engine.find(picture, upsample=0, embedding=mode, most=1)[0].embedding)

    mirror = np.ascontiguousarray(portrait[:, ::-1])
    plain = np.linalg.norm(embedding(portrait, EmbeddingMode.plain) - embedding(mirror, EmbeddingMode.plain))
    both = np.linalg.norm(embedding(portrait, EmbeddingMode.mirrored) - embedding(mirror, EmbeddingMode.mirrored))
    assert both < 0.7 * plain
    lengths = [np.linalg.norm(embedding(portrait, mode)) for mode in (EmbeddingMode.plain, EmbeddingMode.mirrored)]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.03)


def test_the_worker_gives_what_the_engine_gives(
    worker: DecodingWorker, engine: FaceEngine, portrait: np.ndarray
) -> None:
    for mode in EmbeddingMode:
        there = worker.find_faces(packed(portrait), 20.0, upsample=0, embedding=mode, most=2)
        here = engine.find(portrait, upsample=0, embedding=mode, most=2)
        assert there == here
        assert {len(face.embedding) for face in there} == {0 if mode is EmbeddingMode.none else 128}
    assert worker.model == engine.model
    assert len(worker.find_faces(packed(portrait), 20.0, upsample=1, embedding=EmbeddingMode.none, most=1)) == 1


def test_a_face_found_before_is_described_as_if_it_were_found_again(
    worker: DecodingWorker, portrait: np.ndarray
) -> None:
    found = worker.find_faces(packed(portrait), 20.0, upsample=0, embedding=EmbeddingMode.none)
    for mode in EmbeddingMode:
        whole = worker.find_faces(packed(portrait), 20.0, upsample=0, embedding=mode)
        described = [worker.describe_face(packed(portrait), face, 20.0, embedding=mode) for face in found]
        assert described == whole, "the very same embedding"


@pytest.mark.parametrize(
    "box",
    [(0, 0, 0, 0), (50, 50, 40, 60), (10_000, 0, 10_100, 100), (-200, -200, -100, -100), (0, 10**9, 10, 10**9 + 9),
     (-(2**63), -(2**63), 2**63 - 1, 2**63 - 1)],
)  # fmt: skip
def test_a_face_that_cannot_be_in_the_picture_is_refused(
    worker: DecodingWorker, portrait: np.ndarray, box: tuple[int, int, int, int]
) -> None:
    pid = worker.pid
    face = FoundFace(box, 1.0, (), 60.0, 0.1, 100.0)
    with pytest.raises(DecoderRefused):
        worker.describe_face(packed(portrait), face, 20.0)
    assert worker.pid == pid, "the worker lives"


def test_the_surest_face_is_chosen(worker: DecodingWorker, portrait: np.ndarray) -> None:
    found = worker.find_faces(packed(portrait), 20.0, upsample=1, embedding=EmbeddingMode.none)
    assert len(found) == 2, "the detector sees a second face as large as the first in this picture"
    face = choose_face(found)
    assert face is not None
    assert face.box[1] < 150 < 200 < face.box[2]
    assert face_note(found) is None
    twins = np.hstack([portrait, portrait])
    assert face_note(worker.find_faces(packed(twins), 20.0, upsample=0)) is FaceNote.several


def test_quality_is_measured(worker: DecodingWorker, portrait: np.ndarray) -> None:
    def face(pixels: np.ndarray) -> FoundFace:
        found = worker.find_faces(packed(pixels), 20.0, upsample=1, embedding=EmbeddingMode.none, most=1)
        return found[0]

    assert quality_issues(face(portrait)) == ()
    small = cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert quality_issues(face(small)) == (QualityIssue.too_small,)
    assert face(small).eye_distance == pytest.approx(face(portrait).eye_distance / 2, rel=0.1)
    blurred = cv2.GaussianBlur(portrait, (0, 0), 2)
    assert quality_issues(face(blurred)) == (QualityIssue.too_blurred,)
    dark = (portrait * 0.15).astype(np.uint8)
    assert quality_issues(face(dark)) == (QualityIssue.too_dark,)


def test_one_person_matches_through_the_worker(worker: DecodingWorker, portrait: np.ndarray) -> None:
    calibration = load_calibration()
    stored = worker.find_faces(packed(portrait), 20.0, upsample=0)[0]
    frames = [
        face
        for picture in damaged(portrait)[1:4]
        if (face := choose_face(worker.find_faces(packed(picture), 20.0, upsample=0)))
    ]
    result = compare_faces(stored, frames, ReferenceKind.visa_record, calibration, model=worker.model)
    assert result.zone is Zone.match
    assert result.provisional and result.frames == 3 and result.quality is not None
    assert result.calibration_sha256 == calibration.sha256


def test_without_weights_faces_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(FaceEngineMissingError):
        FaceEngine()
    from border_agent.decoding.protocol import FindFaces, PictureShape, Refused
    from border_agent.decoding.values import Confinement
    from border_agent.decoding.worker import Decoders, answer

    decoders = Decoders()
    request = FindFaces(7, 1.0, PictureShape(2, 2), 0, EmbeddingMode.none, 1)
    reply = answer(decoders, request, bytes(12), Confinement.none)
    assert reply == (Refused(7, "faces", "the face engine is not installed"), b"")


def test_refusals_reach_the_caller(worker: DecodingWorker) -> None:
    with pytest.raises(DecoderRefused):
        worker.find_faces(Picture(100, 100, b"short"))
