"""Live frames: what a counter's camera sees of a person, some seconds long, 640 x 480 px.

The light is another one than the portrait's, the head turns a little, the sensor adds noise. Two lit and turned
renders a person are enough; the frames differ by where the person stands, by gain and by noise, as a burst does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from border_agent.specimens.canvas import Colours, Pixels, Plane, linear
from border_agent.specimens.light import expose
from border_agent.specimens.sitting import EYES

FRAME_WIDTH, FRAME_HEIGHT = 640, 480


@dataclass(frozen=True)
class _Pose:
    """Where a person stands in a frame: shift (px), size factor, lean (degrees), the camera's gain."""

    dx: float
    dy: float
    size: float
    lean: float
    gain: float


def burst(people: Sequence[tuple[Colours, Plane]], seed: int, count: int) -> list[Pixels]:
    """`count` frames of one burst, 480 x 640 x 3 BGR, of lit persons (linear light and coverage, see `sitting`)."""
    rng = np.random.default_rng(seed)
    frames = []
    for i in range(count):
        person, cover = people[i * len(people) // count]
        pose = _pose(rng)
        frames.append(_sensor(_place(person, cover, pose), rng, pose.gain))
    return frames


def _pose(rng: np.random.Generator) -> _Pose:
    """A place to stand, drawn."""
    return _Pose(
        dx=float(rng.uniform(-26, 26)),
        dy=float(rng.uniform(0, 14)),
        size=float(rng.uniform(0.98, 1.06)),
        lean=float(rng.uniform(-2.2, 2.2)),
        gain=float(rng.uniform(0.98, 1.12)),
    )


def _place(person: Colours, cover: Plane, pose: _Pose) -> Colours:
    """The person moved into the frame, before the wall (linear light)."""
    matrix = cv2.getRotationMatrix2D(EYES, pose.lean, pose.size)
    matrix[0, 2] += FRAME_WIDTH / 2 + pose.dx - EYES[0]
    matrix[1, 2] += FRAME_HEIGHT * 0.43 + pose.dy - EYES[1]
    size = (FRAME_WIDTH, FRAME_HEIGHT)
    # Edges repeat, so that shoulders cut by the portrait's border go on to the frame's.
    moved = cv2.warpAffine(person, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(cover, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    wall = _hall()
    scene: Colours = wall + (moved - wall) * alpha[..., None]
    return scene


@cache
def _hall() -> Colours:
    """A plain arrivals hall out of focus: wall, floor line, two pillars, a lit panel (linear light)."""
    rng = np.random.default_rng(7)
    small = np.empty((FRAME_HEIGHT // 8, FRAME_WIDTH // 8, 3), np.float32)
    small[:] = linear(150, 152, 148)
    small[: rng.integers(6, 12)] = linear(188, 190, 186)
    small[rng.integers(46, 52) :] = linear(104, 100, 94)
    for left in (rng.integers(2, 16), rng.integers(60, 74)):
        small[:, left : left + 5] = linear(124, 126, 126)
    panel = int(rng.integers(16, 44))
    small[10:20, panel : panel + 16] = linear(176, 190, 198)
    small = cv2.GaussianBlur(small, (0, 0), 2.2)
    return np.asarray(cv2.resize(small, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_CUBIC), np.float32)


def _sensor(scene: Colours, rng: np.random.Generator, gain: float) -> Pixels:
    """What a small colour camera makes of the light: a little blur, shot noise, falling off to the corners."""
    picture = expose(scene * _VIGNETTE, gain)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)
    grain = rng.standard_normal((FRAME_HEIGHT // 2, FRAME_WIDTH // 2, 3), dtype=np.float32)
    noise = cv2.resize(grain * 4.0, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def _corners() -> Plane:
    x = np.linspace(-1, 1, FRAME_WIDTH, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, FRAME_HEIGHT, dtype=np.float32)[:, None]
    return 1 - 0.14 * (x * x + y * y)[..., None] ** 1.5


_VIGNETTE = _corners()
