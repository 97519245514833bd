"""The one face that is not rendered: the public-domain NASA portrait that scikit-image ships as its test picture.

It stands for a fictional traveller. Its live frames are the same photograph in another light, moved, scaled and with
noise; like the rendered faces it proves wiring, never accuracy.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from border_agent.errors import BorneError
from border_agent.specimens.canvas import Colours, Plane
from border_agent.specimens.sitting import EYES, HEIGHT, WIDTH

_EYES_IN_FILE = (225.0, 103.0)
_ZOOM = 2.0
_OUTLINE = (
    (155, 75), (160, 55), (180, 42), (193, 27), (215, 17), (238, 15), (265, 22), (286, 38), (300, 64), (303, 90),
    (296, 115), (279, 134), (271, 138), (262, 160), (257, 172), (280, 187), (298, 210), (305, 238), (325, 245),
    (347, 266), (356, 300), (45, 300), (64, 252), (95, 225), (112, 206), (116, 188), (128, 165), (148, 152),
    (176, 148), (180, 140), (176, 132), (166, 122), (156, 100),
)  # fmt: skip
"""The person's outline in the file, px, for a plain background."""


class AstronautMissing(BorneError):
    """scikit-image, which ships the portrait, is not installed."""

    code = "specimens.astronaut_missing"


def person(side: float = 0.0) -> tuple[Colours, Plane]:
    """The person in linear light on the canvas of a sitting, and the coverage.

    `side` is how much lighter the picture's right and how much darker its left is (a lamp that has moved).
    """
    picture, cover = _cut_out()
    if side:
        across = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :, None]
        warmth = np.array([1 + 0.25 * side, 1.0, 1 - 0.35 * side], np.float32)
        picture = np.asarray(picture * (1 + side * across) * warmth * 0.9, np.float32)
    return picture, cover


@cache
def _cut_out() -> tuple[Colours, Plane]:
    picture = cv2.imread(str(_file()), cv2.IMREAD_COLOR)
    if picture is None:
        raise AstronautMissing("skimage/data/astronaut.png", "not a picture")
    matrix = np.array(
        [
            [_ZOOM, 0, EYES[0] - _ZOOM * _EYES_IN_FILE[0]],
            [0, _ZOOM, EYES[1] - _ZOOM * _EYES_IN_FILE[1]],
        ],
        np.float32,
    )
    size = (WIDTH, HEIGHT)
    large = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    colours = (large[..., ::-1].astype(np.float32) / 255) ** 2.2
    outline = np.asarray(_OUTLINE, np.float32) @ matrix[:, :2].T + matrix[:, 2]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    mask = cv2.erode(mask, np.ones((7, 7), np.uint8))
    return colours, np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.5), np.float32) / 255


def _file() -> Path:
    found = importlib.util.find_spec("skimage")
    for folder in (found and found.submodule_search_locations) or ():
        file = Path(folder) / "data" / "astronaut.png"
        if file.is_file():
            return file
    raise AstronautMissing("skimage/data/astronaut.png", "install scikit-image")
