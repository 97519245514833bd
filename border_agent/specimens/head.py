"""The shape of a head as a height field: how far every point stands towards the camera.

A face seen from the front is a surface with one height a pixel; turning by a few degrees and light from any side
follow from it (see `light`). The proportions are those of anthropometric tables, in face units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from border_agent.specimens.canvas import Canvas, Plane, Point, curve, mirrored, step
from border_agent.specimens.looks import Look

_CENTRE_Y = 0.15
_DEPTH = 2.7
_SQUARE = 2.45
"""How flat the front of the head is: 2 is a sphere."""


@dataclass(frozen=True)
class Surface:
    """The head's height (face units), its coverage 0..1 and the distance from its middle (1 at the outline)."""

    z: Plane
    cover: Plane
    rim: Plane


def outline(look: Look, grow: float = 1.0) -> NDArray[np.float64]:
    """Radius of the head's outline (face units) at 720 angles from -180 to 180 degrees, 90 being up."""
    w, j, c, n, f = look.width, look.jaw, look.chin, look.length, look.forehead
    full = 1 + 0.05 * look.fullness
    points = {
        90: 3.55 * f,
        60: 3.28 * f,
        30: 2.66 * (w + f) / 2,
        10: 2.36 * w,
        -10: 2.26 * w * (0.97 + 0.03 * look.cheekbones),
        -25: 2.32 * w * full,
        -40: 2.5 * (0.5 * w + 0.5 * j) * full,
        -53: 2.78 * (0.2 * w + 0.8 * j) * full,
        -66: 3.1 * (0.35 + 0.3 * j + 0.35 * c) * (0.5 + 0.5 * n),
        -78: 3.38 * (0.7 + 0.3 * c) * n,
        -90: 3.46 * n,
    }
    right = sorted(points.items())
    angles = [a for a, _ in right] + [180 - a for a, _ in reversed(right[1:-1])]
    radii = [r for _, r in right] + [r for _, r in reversed(right[1:-1])]
    dense = np.arange(-180, 180, 0.5)
    turned = (dense + 90) % 360 - 90
    value = np.interp(turned, [*angles, 270], [*radii, radii[0]])
    kernel = np.exp(-0.5 * (np.arange(-40, 41) / 13.0) ** 2)
    wrapped = np.concatenate([value[-40:], value, value[:40]])
    return np.convolve(wrapped, kernel / kernel.sum(), "valid") * grow


def rim_distance(look: Look, canvas: Canvas, grow: float = 1.0) -> Plane:
    """Distance from the middle of the head, 1.0 on its outline."""
    y = canvas.y - _CENTRE_Y
    radius = np.sqrt(canvas.x**2 + y**2)
    angle = np.degrees(np.arctan2(-y, canvas.x))
    table = outline(look, grow)
    at = np.interp(angle, np.arange(-180, 180, 0.5), table).astype(np.float32)
    rim: Plane = radius / at
    return rim


def head(look: Look, canvas: Canvas) -> Surface:
    """The head without hair, eyes open."""
    rim = rim_distance(look, canvas)
    inside = np.clip(rim, 0.0, 0.9995)
    z = _DEPTH * (1.0 - inside**_SQUARE) ** (1.0 / _SQUARE)
    edge = 0.8 * canvas.pixel / 2.3
    z = z + (_bones(look, canvas) + _nose(look, canvas) + _mouth(look, canvas) + _folds(look, canvas)) * step(
        1.0, 0.8, rim
    )
    return Surface(z=z, cover=step(1 + edge, 1 - edge, rim), rim=rim)


def _bones(look: Look, canvas: Canvas) -> Plane:
    wear, child = look.wear, max(0.0, (14 - look.age) / 10)
    z = 0.05 * canvas.bump((0, -1.5), (1.3, 0.5))
    z += (0.05 + 0.13 * look.brow_ridge) * canvas.pair((0.82, -0.56), (0.55, 0.2))
    z -= 0.30 * look.eye_depth * canvas.pair((0.98, -0.02), (0.55, 0.36))
    z -= 0.16 * canvas.pair((0.42, -0.1), (0.15, 0.24))
    z += 0.15 * canvas.pair((1.0, 0.03), (0.34, 0.26))
    z += (0.08 + 0.1 * look.cheekbones - 0.1 * child) * canvas.pair((1.42, 0.72), (0.5, 0.32))
    z += (0.12 * look.fullness + 0.1 * child) * canvas.pair((1.25, 1.6), (0.55, 0.5))
    z -= (0.07 + 0.05 * wear) * max(0.0, 1 - look.fullness) * canvas.pair((1.5, 1.75), (0.35, 0.5))
    z += 0.17 * canvas.bump((0, look.mouth_y - 0.05), (0.85, 0.5))
    z += 0.2 * canvas.bump((0, 3.12 * look.length), (0.52 * look.chin, 0.3))
    z -= 0.12 * canvas.bump((0, look.mouth_y + 0.58), (0.5, 0.14))
    z -= 0.05 * canvas.pair((2.05, -0.75), (0.3, 0.5))
    return z


def _nose(look: Look, canvas: Canvas) -> Plane:
    end = 1.58 * look.nose_length
    along = np.clip((canvas.y + 0.35) / (end + 0.35), 0.0, 1.0)
    aside = np.clip(np.abs(canvas.x) / look.nose_width, 0.0, 1.6)
    # The underside rises from the septum to the wings.
    below = end + 0.05 - 0.2 * aside**2
    half = 0.2 + 0.16 * along * look.nose_width / 0.62
    ridge = (0.10 + 0.62 * along**1.25) * look.nose_height
    start = step(-0.75, 0.2, canvas.y)
    under = step(0.07, -0.15, canvas.y - below) * start
    z = ridge * np.exp(-0.5 * (np.abs(canvas.x) / half) ** 2.2) * under
    # The base of the nose widens into the cheeks.
    z += 0.16 * along**2 * np.exp(-0.5 * (canvas.x / (half * 1.9)) ** 2) * step(0.35, -0.3, canvas.y - end) * start
    tip = end - 0.3
    z += 0.2 * look.nose_tip * canvas.bump((0, tip), (0.25 * (0.6 + 0.4 * look.nose_tip), 0.22))
    wing = look.nose_width * 0.74
    z += 0.26 * canvas.pair((wing, end - 0.24), (0.16, 0.16))
    z -= 0.09 * canvas.pair((wing + 0.24, end - 0.26), (0.06, 0.18))
    z -= 0.16 * canvas.pair((look.nose_width * 0.4, end - 0.02), (0.13, 0.05))
    out: Plane = z - 0.05 * canvas.bump((0, (end + look.mouth_y) / 2 - 0.12), (0.09, 0.18))
    return out


def lip_lines(look: Look) -> tuple[list[Point], list[Point], list[Point]]:
    """The upper edge, the line between and the lower edge of the lips, from left to right."""
    m, y, s = look.mouth_width, look.mouth_y, look.smile
    up, low = look.upper_lip, look.lower_lip
    corner = y - 0.6 * s
    upper = [
        (-m, corner),
        (-0.62 * m, y - 0.55 * up - 0.2 * s),
        (-0.2 * m, y - 1.02 * up),
        (0.0, y - 0.86 * up),
        (0.2 * m, y - 1.02 * up),
        (0.62 * m, y - 0.55 * up - 0.2 * s),
        (m, corner),
    ]
    between = [
        (-m, corner),
        (-0.55 * m, y + 0.02 + 0.15 * s),
        (-0.2 * m, y - 0.015 + 0.3 * s),
        (0.0, y + 0.025 + 0.3 * s),
        (0.2 * m, y - 0.015 + 0.3 * s),
        (0.55 * m, y + 0.02 + 0.15 * s),
        (m, corner),
    ]
    lower = [
        (-m, corner),
        (-0.62 * m, y + 0.62 * low + 0.1 * s),
        (-0.25 * m, y + low + 0.1 * s),
        (0.0, y + 1.03 * low + 0.1 * s),
        (0.25 * m, y + low + 0.1 * s),
        (0.62 * m, y + 0.62 * low + 0.1 * s),
        (m, corner),
    ]
    return curve(upper, 48), curve(between, 48), curve(lower, 48)


def _mouth(look: Look, canvas: Canvas) -> Plane:
    upper, between, lower = lip_lines(look)
    top = canvas.area([*upper, *reversed(between)], 0.05)
    bottom = canvas.area([*between, *reversed(lower)], 0.06)
    line = canvas.strokes([between], 0.04, 0.025)
    corners = canvas.pair((look.mouth_width + 0.03, look.mouth_y - 0.5 * look.smile), (0.09, 0.1))
    z: Plane = (0.1 + 0.3 * look.upper_lip) * canvas.blur(top, 0.04)
    z = z + (0.13 + 0.3 * look.lower_lip) * canvas.blur(bottom, 0.05)
    out: Plane = z - 0.1 * line - 0.07 * corners
    return out


def _folds(look: Look, canvas: Canvas) -> Plane:
    """Lines that age and smiling draw: nose to mouth, under the eyes, forehead."""
    wear = look.wear
    wing = look.nose_width
    cheek = curve([(wing + 0.2, 1.28), (wing + 0.45, 1.72), (look.mouth_width + 0.25, 2.25)])
    z = -(0.035 + 0.11 * wear) * canvas.strokes([cheek, mirrored(cheek)], 0.1, 0.07)
    bag = curve([(0.52, 0.28), (0.85, 0.46), (1.3, 0.4)])
    z -= (0.02 + 0.07 * wear) * canvas.strokes([bag, mirrored(bag)], 0.05, 0.05)
    if wear > 0.25:
        rng = np.random.default_rng(look.seed + 11)
        rows = [-1.15, -1.42, -1.68][: 1 + int(wear * 3)]
        lines = [
            curve([(-1.15, y + 0.08), (-0.4, y + rng.normal(0, 0.02)), (0.4, y), (1.15, y + 0.09)]) for y in rows
        ]
        z -= 0.05 * wear * canvas.strokes(lines, 0.05, 0.05)
        frown = curve([(0.16, -0.75), (0.2, -0.5)])
        z -= 0.05 * wear * canvas.strokes([frown, mirrored(frown)], 0.05, 0.05)
        feet = [curve([(1.62, dy * 0.4), (1.85, dy)], 6) for dy in (-0.16, 0.02, 0.2)]
        z -= 0.035 * wear * canvas.strokes([*feet, *(mirrored(f) for f in feet)], 0.03, 0.03)
    return z
