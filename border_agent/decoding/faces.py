"""Faces in a picture, by dlib: HOG detector, five landmarks, residual network. Runs in the worker only.

The weights are those of the package `face_recognition_models`. Neither it nor `face_recognition` is imported: the
one needs a setuptools that is no longer there, the other loads two models more and ends the process, with status 0,
where something is missing. The 68-point landmark file beside the weights is never touched: its licence forbids it.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any, Final

import cv2
import dlib
import numpy as np

from border_agent.decoding.embeddings import Embedding, rescaled_mean
from border_agent.decoding.headers import PictureRefusedError
from border_agent.decoding.pictures import Pixels
from border_agent.decoding.protocol import MAX_PIXELS, MAX_REACH
from border_agent.decoding.values import EmbeddingMode, FaceModel, FoundFace

CHIP_SIZE: Final = 150
"""Pixels of the square face that the network takes; `CHIP_PADDING` of it is margin, as it was trained."""
CHIP_PADDING: Final = 0.25

_NETWORK: Final = "dlib_face_recognition_resnet_model_v1.dat"
_LANDMARKS: Final = "shape_predictor_5_face_landmarks.dat"


class FaceEngineMissingError(Exception):
    """The weights are not installed."""


def _weights() -> Path:
    """The folder of the weights, found without importing the package."""
    found = importlib.util.find_spec("face_recognition_models")
    for folder in (found and found.submodule_search_locations) or ():
        models = Path(folder) / "models"
        if (models / _NETWORK).is_file() and (models / _LANDMARKS).is_file():
            return models
    raise FaceEngineMissingError("the package face_recognition_models is not installed")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class FaceEngine:
    """The three models, loaded. Raises FaceEngineMissingError where their files are not there."""

    def __init__(self) -> None:
        folder = _weights()
        self._detector: Any = dlib.get_frontal_face_detector()
        self._landmarks: Any = dlib.shape_predictor(str(folder / _LANDMARKS))
        self._network: Any = dlib.face_recognition_model_v1(str(folder / _NETWORK))
        self.model = FaceModel(
            name="dlib-resnet-v1+5-points",
            sha256=_sha256(folder / _NETWORK),
            landmarks_sha256=_sha256(folder / _LANDMARKS),
        )

    def warm_up(self) -> None:
        """Run every model once, on nothing, so that whatever they do only once is done."""
        nothing = np.zeros((160, 160, 3), np.uint8)
        self.find(nothing, upsample=1, embedding=EmbeddingMode.none, most=1)
        self._describe(nothing, dlib.rectangle(30, 30, 130, 130), 0.0, EmbeddingMode.mirrored)

    def find(self, pixels: Pixels, *, upsample: int, embedding: EmbeddingMode, most: int) -> list[FoundFace]:
        """The faces in a picture, by the detector's score, the surest first, `most` at most.

        By score and not by size: the detector now and then sees a face as large as the real one in a background.
        `upsample` doubles the picture so many times: without it faces under about 75 pixels are missed. A picture
        that is large already is doubled less often, which bounds time and memory.
        """
        while upsample > 0 and pixels.shape[0] * pixels.shape[1] * 4**upsample > MAX_PIXELS:
            upsample -= 1
        rgb = np.ascontiguousarray(pixels[:, :, ::-1])
        boxes, scores, _ = self._detector.run(rgb, upsample, 0.0)
        ranked = sorted(zip(scores, boxes, strict=True), key=lambda found: -found[0])
        return [self._describe(rgb, box, score, embedding) for score, box in ranked[:most]]

    def describe(self, pixels: Pixels, box: tuple[int, int, int, int], embedding: EmbeddingMode) -> FoundFace:
        """A face that `find` has found in this picture before, now with its embedding: the detector does not run.

        Its score is 0: nothing was searched for. A box that holds none of the picture raises PictureRefusedError.
        """
        left, top, right, bottom = box
        height, width = pixels.shape[:2]
        inside = left < right and top < bottom and left < width and top < height and right > 0 and bottom > 0
        if not inside or any(abs(edge) > MAX_REACH for edge in box):
            raise PictureRefusedError("no such face in the picture")
        rgb = np.ascontiguousarray(pixels[:, :, ::-1])
        return self._describe(rgb, dlib.rectangle(left, top, right, bottom), 0.0, embedding)

    def _describe(self, rgb: Pixels, box: Any, score: float, embedding: EmbeddingMode) -> FoundFace:
        points = self._landmarks(rgb, box)
        chip: Pixels = dlib.get_face_chip(rgb, points, CHIP_SIZE, CHIP_PADDING)
        grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
        return FoundFace(
            box=(box.left(), box.top(), box.right(), box.bottom()),
            score=float(score),
            embedding=self._embedding(chip, embedding),
            eye_distance=_eye_distance(points),
            sharpness=_sharpness(grey),
            brightness=float(grey.mean()),
            mode=embedding,
        )

    def _embedding(self, chip: Pixels, mode: EmbeddingMode) -> tuple[float, ...]:
        if mode is EmbeddingMode.none:
            return ()
        plain = self._run(chip)
        if mode is EmbeddingMode.plain:
            return tuple(plain.tolist())
        mirrored = self._run(np.ascontiguousarray(chip[:, ::-1]))
        return tuple(rescaled_mean([plain, mirrored]).tolist())

    def _run(self, chip: Pixels) -> Embedding:
        return np.array(self._network.compute_face_descriptor(chip), dtype=np.float64)


def _sharpness(grey: Any) -> float:
    """Fine detail against contrast: a dark face, or one in little light, is not taken for a blurred one."""
    contrast = float(grey.var())
    return float(cv2.Laplacian(grey, cv2.CV_64F).var()) / contrast if contrast else 0.0


def _eye_distance(points: Any) -> float:
    """Points 0 and 1 are the corners of one eye, 2 and 3 of the other."""
    corners = np.array([(points.part(i).x, points.part(i).y) for i in range(4)], dtype=np.float64)
    return float(np.linalg.norm(corners[0:2].mean(axis=0) - corners[2:4].mean(axis=0)))
