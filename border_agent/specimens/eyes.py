"""Painting eyes and eyebrows on the skin."""

from __future__ import annotations

import numpy as np

from border_agent.specimens.canvas import Canvas, Colours, Point, blend, curve, linear, mirrored, step
from border_agent.specimens.looks import Look


def paint(look: Look, canvas: Canvas, colour: Colours) -> Colours:
    """Both eyes and both brows; small asymmetries come from the seed."""
    rng = np.random.default_rng(look.seed + 31)
    colour = colour.copy()
    for side in (-1, 1):
        opening = look.eye_open * (1 + rng.normal(0, 0.03))
        part, where = canvas.window(side - 1.0, -0.8, side + 1.0, 0.7)
        colour[where] = _eye(look, part, colour[where], side, opening)
    return _brows(look, canvas, colour, rng)


def _lids(look: Look, side: int, opening: float) -> tuple[list[Point], list[Point]]:
    a, t = look.eye_width, look.eye_tilt
    upper = [
        (-a, t + 0.03),
        (-0.55 * a, -0.66 * opening + 0.5 * t),
        (-0.05 * a, -0.95 * opening),
        (0.5 * a, -0.74 * opening - 0.4 * t),
        (a, -t + 0.0),
    ]
    lower = [
        (-a, t + 0.03),
        (-0.45 * a, 0.68 * opening + 0.4 * t),
        (0.1 * a, 1.02 * opening),
        (0.6 * a, 0.76 * opening - 0.5 * t),
        (a, -t + 0.0),
    ]
    # Written for the eye on the picture's right: x grows from the nose outwards.
    return (
        [(side * (1.0 + x), y) for x, y in curve(upper, 40)],
        [(side * (1.0 + x), y) for x, y in curve(lower, 40)],
    )


def _eye(look: Look, canvas: Canvas, colour: Colours, side: int, opening: float) -> Colours:
    upper, lower = _lids(look, side, opening)
    ball = canvas.area([*upper, *reversed(lower)], 0.012)

    # Lid and crease above the eye.
    crease = [(x, y - (0.12 + 0.05 * look.lid) * (1 - ((x - side) / 0.62) ** 2 * 0.55)) for x, y in upper[3:-1]]
    colour = blend(colour, linear(*look.skin, 0.45), 0.55 * look.lid * canvas.strokes([crease], 0.035, 0.022))
    # Soft shadow and lashes around the eye.
    rim = canvas.blur(ball, 0.07)
    colour = blend(colour, linear(*look.skin, 0.42), 0.55 * rim)

    white = np.asarray(linear(196, 188, 180), np.float32)
    x, y = canvas.x - side, canvas.y
    across = np.abs(x) / look.eye_width
    shadow = 1 - 0.45 * step(-0.55 * opening, -1.0 * opening, y) - 0.3 * across**2.5
    sclera: Colours = white * np.clip(shadow, 0.2, 1)[..., None]
    inner = canvas.bump((side * (1 - 0.93 * look.eye_width), 0.03), (0.06, 0.05))
    sclera = blend(sclera, linear(170, 92, 84), 0.8 * inner)

    radius = 0.195
    distance = np.sqrt(x * x + (y + 0.02) ** 2) / radius
    angle = np.arctan2(y, x)
    rays = 1 + 0.18 * np.sin(angle * 23 + look.seed) * np.sin(angle * 9 + 1.3)
    iris_tone = np.asarray(linear(*look.iris), np.float32)
    iris = (
        iris_tone
        * (rays * (1.25 - 0.75 * step(0.72, 1.0, distance)) * (0.75 + 0.45 * step(-0.2, 0.25, y)))[..., None]
    )
    sclera = blend(sclera, iris, step(1.06, 0.95, distance))
    sclera = blend(sclera, linear(8, 6, 6), step(0.46, 0.38, distance))
    sclera = sclera * (1 - 0.45 * step(-0.25 * opening, -0.95 * opening, y))[..., None]
    sclera = blend(sclera, (0.95, 0.95, 0.95), 0.85 * canvas.ellipse((side - 0.075, -0.085), (0.042, 0.042), 0.02))
    colour = blend(colour, sclera, ball)

    lash = (0.012, 0.009, 0.008)
    heavy = 0.06 if look.beard_colour is None else 0.05
    colour = blend(colour, lash, 0.92 * canvas.strokes([upper], heavy, 0.014))
    outer = upper[len(upper) // 2 :]
    colour = blend(colour, lash, 0.6 * canvas.strokes([[(px, py - 0.02) for px, py in outer]], 0.04, 0.02))
    return blend(colour, linear(*look.skin, 0.3), 0.6 * canvas.strokes([lower], 0.028, 0.016))


def _brows(look: Look, canvas: Canvas, colour: Colours, rng: np.random.Generator) -> Colours:
    h, arch, tilt = look.brow_height, look.brow_arch, look.brow_tilt
    spine = [
        (0.42, -h + 0.03 + tilt),
        (0.75, -h - 0.4 * arch + 0.3 * tilt),
        (1.15, -h - arch - 0.2 * tilt),
        (1.5, -h - 0.45 * arch - 0.5 * tilt),
        (1.72, -h + 0.14 - 0.6 * tilt),
    ]
    tone = linear(*look.hair_colour, 0.6 if look.wear > 0.6 else 1.0)
    for side in (-1, 1):
        line = curve(spine, 40)
        hairs: list[list[Point]] = []
        for i in range(150):
            at = i / 150
            x, y = line[min(len(line) - 1, int(at * len(line)))]
            thick = (
                0.105 * look.brow_weight * (1 - 0.75 * max(0.0, at - 0.45) / 0.55) * (0.75 + 0.25 * min(1, at * 6))
            )
            off = rng.uniform(-thick, thick)
            lean = 1.1 - 1.0 * at + rng.normal(0, 0.15)
            reach = 0.13 + 0.04 * rng.random()
            hairs.append(
                [(x, y + off), (x + reach * np.cos(lean * 0.8), y + off - reach * np.sin(lean * 0.8) * 0.75)]
            )
        if side < 0:
            hairs = [mirrored(hair) for hair in hairs]
            line = mirrored(line)
        soft = canvas.strokes([line[2:-4]], 0.13 * look.brow_weight, 0.06)
        strands = canvas.strokes(hairs, 0.018, 0.012)
        colour = blend(colour, tone, np.clip(0.5 * soft + 0.6 * strands, 0, 0.92))
    return colour
