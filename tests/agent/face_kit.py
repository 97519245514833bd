"""What a face camera's twin shows: a specimen's live frames, good ones and ones spoilt as a traveller can mend."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from border_agent.specimens.album import build_all
from tests.agent.test_demo import REPOSITORY

Pixels = Any

CAMERA = """
[[devices.cameras]]
name = "{role}"
role = "{role}"
source = "{url}"
"""


def live_frames(traveller: int = 2) -> list[Path]:
    """What a face camera sees of a traveller of the cast."""
    return list(build_all(REPOSITORY / "build" / "specimens", datetime.now(UTC).date()).live_frames(traveller))


def _shifted(picture: Pixels) -> Pixels:
    matrix = np.array([[1, 0, -210], [0, 1, 0]], np.float32)
    return cv2.warpAffine(picture, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)


def _far(picture: Pixels) -> Pixels:
    canvas = np.full_like(picture, 127)
    canvas[168:312, 224:416] = cv2.resize(picture, (192, 144), interpolation=cv2.INTER_AREA)
    return canvas


def _twice(picture: Pixels) -> Pixels:
    canvas = np.full_like(picture, 127)
    canvas[60:420, :320] = canvas[60:420, 320:] = cv2.resize(picture, (480, 360))[:, 80:400]
    return canvas


SPOILT: dict[str, Callable[[Pixels], Pixels]] = {
    "face.none": lambda picture: np.full_like(picture, 127),
    "face.several": _twice,
    "face.closer": _far,
    "face.centre": _shifted,
    "face.too_dark": lambda picture: (picture * 0.15).astype(np.uint8),
    "face.too_bright": lambda picture: np.clip(picture.astype(int) + 150, 0, 255).astype(np.uint8),
    "face.hold_still": lambda picture: cv2.GaussianBlur(picture, (0, 0), 8),
}
"""By the guidance that each asks for."""


def spoilt(code: str, folder: Path, frames: list[Path]) -> list[Path]:
    """The frames, spoilt so that this guidance is due."""
    files = []
    for number, frame in enumerate(frames[:2]):
        picture = cv2.imread(str(frame))
        assert picture is not None
        files.append(folder / f"{code}-{number}.jpg")
        cv2.imwrite(str(files[-1]), SPOILT[code](picture), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return files
