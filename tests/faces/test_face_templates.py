"""Faces as templates: what rounding to a byte moves, and which are no faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.decoding import EmbeddingMode, FaceModel, FoundFace
from border_agent.decoding.values import EMBEDDING_SIZE
from border_agent.faces import ReferenceKind, Zone, compare_faces, load_calibration
from border_agent.faces.templates import face_of, template_of

CALIBRATION = load_calibration()
MODEL = FaceModel(CALIBRATION.model, CALIBRATION.model_sha256, CALIBRATION.landmarks_sha256)
MODE = EmbeddingMode.mirrored if CALIBRATION.probe_mode.mirror else EmbeddingMode.plain


def embedding(seed: int) -> tuple[float, ...]:
    """As long as the network's are."""
    numbers = np.random.default_rng(seed).normal(size=EMBEDDING_SIZE)
    return tuple((numbers * 1.45 / np.linalg.norm(numbers)).tolist())


def live(numbers: tuple[float, ...]) -> FoundFace:
    return FoundFace((0, 0, 100, 100), 1.5, numbers, 60.0, 1.0, 120.0, MODE)


def test_a_template_is_the_face_it_was_made_from() -> None:
    template, scale = template_of(embedding(1))
    assert len(template) == EMBEDDING_SIZE
    stored = face_of(template, scale, MODEL.sha256, MODEL, MODE)
    assert stored is not None
    same = compare_faces(stored, (live(embedding(1)),), ReferenceKind.visa_record, CALIBRATION, model=MODEL)
    other = compare_faces(stored, (live(embedding(2)),), ReferenceKind.visa_record, CALIBRATION, model=MODEL)
    assert (same.zone, other.zone) == (Zone.match, Zone.no_match)


@given(one=st.integers(0, 2**32), other=st.integers(0, 2**32))
def test_rounding_moves_a_distance_by_little(one: int, other: int) -> None:
    template, scale = template_of(embedding(one))
    stored = face_of(template, scale, MODEL.sha256, MODEL, MODE)
    assert stored is not None
    true = np.linalg.norm(np.array(embedding(one)) - np.array(embedding(other)))
    rounded = np.linalg.norm(np.array(stored.embedding) - np.array(embedding(other)))
    # Half a step in each of 128 directions, at worst.
    assert abs(true - rounded) <= scale / 2 * EMBEDDING_SIZE**0.5 + 1e-9
    assert scale < 0.01


@pytest.mark.parametrize(
    ("template", "scale", "made_by", "model"),
    [
        (b"\x01" * 128, 0.01, MODEL.sha256, None),
        (b"\x01" * 128, 0.01, "0" * 64, MODEL),
        (b"\x01" * 127, 0.01, MODEL.sha256, MODEL),
        (b"", 0.0, "", MODEL),
        (b"\x01" * 128, 0.0, MODEL.sha256, MODEL),
    ],
)
def test_what_this_network_did_not_make_is_no_face(
    template: bytes, scale: float, made_by: str, model: FaceModel | None
) -> None:
    assert face_of(template, scale, made_by, model, MODE) is None
