"""The drawing board of the rendered faces: a grid in face units, bumps, strokes and noise.

One unit is half the distance between the pupils (about 31 mm on an adult); the origin is the point between the
eyes, x grows to the right of the picture, y downwards. Nothing here knows what a face is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]
"""H x W, one number a pixel."""
Colours = NDArray[np.floating[Any]]
"""H x W x 3, linear light, RGB."""
Pixels = NDArray[np.uint8]
"""H x W x 3, BGR, as cameras give it."""

Point = tuple[float, float]
Colour = tuple[float, float, float]
"""Linear light, RGB, 0 to 1."""


@dataclass(frozen=True)
class Canvas:
    """A grid of `width` x `height` pixels, `unit` pixels a face unit, the origin at `centre` (pixels)."""

    width: int
    height: int
    unit: float
    centre: Point
    x: Plane = field(init=False, repr=False)
    y: Plane = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns = (np.arange(self.width, dtype=np.float32) - self.centre[0]) / self.unit
        rows = (np.arange(self.height, dtype=np.float32) - self.centre[1]) / self.unit
        object.__setattr__(self, "x", columns[None, :])
        object.__setattr__(self, "y", rows[:, None])

    @property
    def pixel(self) -> float:
        """One pixel in face units: the width of a clean edge."""
        return 1.0 / self.unit

    def window(self, left: float, top: float, right: float, bottom: float) -> tuple[Canvas, tuple[slice, slice]]:
        """The part of the canvas between these face units, and where it lies in the whole."""
        x0 = max(0, round(left * self.unit + self.centre[0]))
        y0 = max(0, round(top * self.unit + self.centre[1]))
        x1 = min(self.width, round(right * self.unit + self.centre[0]))
        y1 = min(self.height, round(bottom * self.unit + self.centre[1]))
        part = Canvas(x1 - x0, y1 - y0, self.unit, (self.centre[0] - x0, self.centre[1] - y0))
        return part, (slice(y0, y1), slice(x0, x1))

    def flat(self, value: float = 0.0) -> Plane:
        """A plane of one value."""
        return np.full((self.height, self.width), value, np.float32)

    def bump(self, centre: Point, spread: Point) -> Plane:
        """A Gaussian hill of height 1 (separable, so it costs two exponentials a row and column)."""
        across = np.exp(-0.5 * ((self.x - centre[0]) / spread[0]) ** 2)
        down = np.exp(-0.5 * ((self.y - centre[1]) / spread[1]) ** 2)
        return np.asarray(across * down, np.float32)

    def pair(self, centre: Point, spread: Point) -> Plane:
        """The same hill on both sides of the face."""
        across = np.exp(-0.5 * ((np.abs(self.x) - centre[0]) / spread[0]) ** 2)
        down = np.exp(-0.5 * ((self.y - centre[1]) / spread[1]) ** 2)
        return np.asarray(across * down, np.float32)

    def ellipse(self, centre: Point, radii: Point, soft: float = 0.0) -> Plane:
        """Coverage 0 to 1 of an ellipse; `soft` widens its edge (face units)."""
        distance = np.sqrt(((self.x - centre[0]) / radii[0]) ** 2 + ((self.y - centre[1]) / radii[1]) ** 2)
        edge = max(soft, self.pixel) / min(radii)
        return step(1.0 + edge, 1.0 - edge, distance)

    def strokes(self, lines: Sequence[Sequence[Point]], thickness: float, soft: float = 0.0) -> Plane:
        """Coverage of open lines, `thickness` face units wide, their edges blurred by `soft`."""
        picture = np.zeros((self.height, self.width), np.uint8)
        width = max(1, round(thickness * self.unit))
        for line in lines:
            cv2.polylines(picture, [self._fixed(line)], False, 255, width, cv2.LINE_AA, 4)
        return self.blur(picture.astype(np.float32) / 255.0, soft)

    def area(self, outline: Sequence[Point], soft: float = 0.0) -> Plane:
        """Coverage of a closed outline."""
        picture = np.zeros((self.height, self.width), np.uint8)
        cv2.fillPoly(picture, [self._fixed(outline)], 255, cv2.LINE_AA, 4)
        return self.blur(picture.astype(np.float32) / 255.0, soft)

    def blur(self, plane: Plane, spread: float) -> Plane:
        """Gaussian blur by `spread` face units (wide ones on a smaller grid: the result is smooth anyway)."""
        sigma = spread * self.unit
        if sigma < 0.3:
            return plane
        if sigma < 6:
            return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)
        small = cv2.resize(plane, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
        return np.asarray(cv2.resize(small, (self.width, self.height), interpolation=cv2.INTER_LINEAR), np.float32)

    def noise(self, seed: int, cell: float, *, stretch: Point = (1.0, 1.0)) -> Plane:
        """Smooth noise of mean 0 and deviation about 1; `cell` is its grain in face units."""
        columns = max(2, round(self.width / (cell * self.unit * stretch[0])) + 2)
        rows = max(2, round(self.height / (cell * self.unit * stretch[1])) + 2)
        grain = np.random.default_rng(seed).standard_normal((rows, columns), dtype=np.float32)
        wide = cv2.resize(grain, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(wide * 1.35, np.float32)

    def shifted(self, plane: Plane, dx: float, dy: float) -> Plane:
        """The plane moved by (dx, dy) face units; what comes in from outside repeats the edge."""
        matrix = np.array([[1, 0, dx * self.unit], [0, 1, dy * self.unit]], np.float32)
        return np.asarray(
            cv2.warpAffine(plane, matrix, (self.width, self.height), borderMode=cv2.BORDER_REPLICATE),
            np.float32,
        )

    def _fixed(self, line: Sequence[Point]) -> NDArray[np.int32]:
        points = np.asarray(line, np.float64) * self.unit + np.asarray(self.centre)
        fixed: NDArray[np.int32] = np.round(points * 16).astype(np.int32)
        return fixed.reshape(-1, 1, 2)


def step(start: float, end: float, value: Plane) -> Plane:
    """Smooth step: 0 at `start`, 1 at `end` (which may be the smaller), flat outside."""
    t = np.clip((value - np.float32(start)) / np.float32(end - start), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def blend(under: Colours, over: Colours | Colour, coverage: Plane) -> Colours:
    """`over` laid on `under` where `coverage` says so (only the covered rectangle is worked on)."""
    rows, columns = _covered(coverage)
    out = under.copy()
    colour = np.asarray(over, np.float32)
    if colour.ndim == 3:
        colour = colour[rows, columns]
    part = out[rows, columns]
    part += (colour - part) * coverage[rows, columns, None]
    return out


def lay(under: Colours, under_cover: Plane, over: Colours, over_cover: Plane) -> tuple[Colours, Plane]:
    """One sheet on another, both with edges: the colour does not mix in what lies outside both."""
    rest = under_cover * (1 - over_cover)
    total = over_cover + rest
    share = np.asarray(over_cover / np.maximum(total, 1e-4), np.float32)
    return blend(under, over, share), np.asarray(total, np.float32)


def _covered(coverage: Plane) -> tuple[slice, slice]:
    rows = np.flatnonzero(coverage.max(axis=1) > 0.002)
    columns = np.flatnonzero(coverage.max(axis=0) > 0.002)
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def linear(red: int, green: int, blue: int, factor: float = 1.0) -> Colour:
    """A screen colour (sRGB, 0-255) as linear light, times `factor`."""
    r, g, b = (((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else c / 255 / 12.92 for c in (red, green, blue))
    return (r * factor, g * factor, b * factor)


def curve(points: Sequence[Point], count: int = 24) -> list[Point]:
    """A smooth line through `points` (Catmull-Rom)."""
    ends = [points[0], *points, points[-1]]
    control = np.asarray(ends, np.float64)
    out: list[Point] = []
    pieces = len(points) - 1
    for i in range(pieces):
        p0, p1, p2, p3 = control[i : i + 4]
        for t in np.linspace(0, 1, max(2, count // pieces), endpoint=i == pieces - 1):
            q = 0.5 * (
                2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
            out.append((float(q[0]), float(q[1])))
    return out


def mirrored(line: Sequence[Point]) -> list[Point]:
    """The same line on the other side of the face."""
    return [(-x, y) for x, y in line]
