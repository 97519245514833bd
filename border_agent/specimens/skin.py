"""Painting skin and lips: tone, where it is redder or darker, its grain, and the lips."""

from __future__ import annotations

import numpy as np

from border_agent.specimens.canvas import Canvas, Colours, Plane, blend, curve, linear, mirrored, step
from border_agent.specimens.head import Surface, lip_lines
from border_agent.specimens.looks import Look


def base(look: Look, canvas: Canvas) -> Colours:
    """Plain skin over the whole canvas (face, ears and neck share it), with the grain of the skin."""
    tone = np.asarray(linear(*look.skin), np.float32)
    grain = 0.035 * canvas.noise(look.seed + 1, 0.6) + 0.022 * canvas.noise(look.seed + 2, 0.16)
    grain += (0.018 + 0.02 * look.wear) * canvas.noise(look.seed + 3, 0.045)
    skin: Colours = tone * (1 + grain[..., None])
    return skin


def face(look: Look, canvas: Canvas, surface: Surface) -> Colours:
    """Skin of the face with lips, before eyes and hair."""
    colour = base(look, canvas)
    lightness = sum(linear(*look.skin)) / 3
    # Blood shows where the skin is thin: cheeks, nose, ears; more on light skin.
    red = np.array([1.10, 0.93, 0.90], np.float32)
    flush = 0.55 * canvas.pair((1.25, 1.0), (0.5, 0.4)) + 0.7 * canvas.bump((0, 1.25), (0.42, 0.35))
    flush += 0.35 * canvas.bump((0, look.mouth_y + 0.9), (0.5, 0.35))
    colour = colour * (1 + (red - 1) * np.clip(flush, 0, 1)[..., None] * (0.6 + 1.2 * lightness))
    # Around the eyes, at the temples and at the edge of the jaw most skins are darker.
    shade = 0.22 * canvas.pair((0.98, 0.06), (0.62, 0.42)) + 0.1 * canvas.bump((0, -2.0), (2.0, 0.4))
    shade += 0.14 * step(0.75, 1.0, surface.rim) + 0.12 * canvas.pair(
        (look.mouth_width + 0.25, look.mouth_y + 0.1), (0.3, 0.35)
    )
    shade += look.wear * 0.14 * canvas.pair((0.85, 0.38), (0.42, 0.13))
    colour = colour * (1 - shade[..., None] * np.array([0.85, 1.0, 1.05], np.float32))
    light = 0.1 * canvas.bump((0, 0.7), (0.22, 0.7)) + 0.08 * canvas.bump((0, -1.25), (0.9, 0.5))
    colour = colour * (1 + light[..., None])
    nostril = canvas.flat()
    end = 1.58 * look.nose_length
    for side in (-1, 1):
        nostril = np.maximum(nostril, canvas.ellipse((side * look.nose_width * 0.42, end - 0.03), (0.15, 0.06), 0.08))
    colour = blend(colour, linear(*look.skin, 0.14), 0.85 * nostril)
    w = look.nose_width
    groove = curve([(w * 0.98, end - 0.5), (w * 1.13, end - 0.28), (w * 1.02, end - 0.06), (w * 0.72, end - 0.02)])
    creases = canvas.strokes([groove, mirrored(groove)], 0.05, 0.04)
    colour = blend(colour, linear(*look.skin, 0.4), 0.5 * creases)
    part, where = canvas.window(-1.5, look.mouth_y - 1.0, 1.5, look.mouth_y + 1.0)
    colour[where] = _lips(look, part, colour[where])
    return colour


def gloss(look: Look, canvas: Canvas) -> Plane:
    """Where the skin shines: forehead, nose, cheekbones, lips."""
    out = 0.6 + 0.5 * canvas.bump((0, -1.3), (0.9, 0.5)) + 0.6 * canvas.bump((0, 1.0), (0.25, 0.5))
    out += 0.45 * canvas.pair((1.35, 0.6), (0.4, 0.3)) + 0.3 * canvas.bump((0, 3.1), (0.3, 0.25))
    out += 0.6 * canvas.bump((0, look.mouth_y + 0.18), (0.5, 0.12))
    # Eyes and brows have no skin on them: the light in the eye is painted.
    out *= 1 - canvas.pair((1.0, 0.02), (look.eye_width * 0.75, 0.2)) ** 0.4 * 0.97
    out *= 1 - 0.9 * canvas.pair((1.05, -look.brow_height - 0.05), (0.55, 0.13))
    shine: Plane = out * (1 + 0.1 * canvas.noise(look.seed + 4, 0.06))
    return shine


def _lips(look: Look, canvas: Canvas, colour: Colours) -> Colours:
    upper, between, lower = lip_lines(look)
    tone = np.asarray(linear(*look.lips), np.float32)
    skin = np.asarray(linear(*look.skin), np.float32)
    lines = 1 + 0.07 * canvas.noise(look.seed + 5, 0.05, stretch=(1.0, 4.0))
    top = canvas.area([*upper, *reversed(between)], 0.035)
    bottom = canvas.area([*between, *reversed(lower)], 0.04)
    # The upper lip looks down and is painted darker; the middle of the lower one is the reddest place.
    colour = blend(colour, (0.62 * tone + 0.2 * skin) * lines[..., None], 0.9 * top)
    middle = (0.75 + 0.35 * canvas.bump((0, look.mouth_y + 0.15), (0.45, 0.2)))[..., None]
    colour = blend(colour, tone * middle * lines[..., None], 0.88 * bottom)
    seam = canvas.strokes([between[2:-2]], 0.04, 0.02)
    corners = canvas.pair((look.mouth_width, look.mouth_y - 0.6 * look.smile), (0.07, 0.05))
    return blend(colour, linear(*look.lips, 0.16), np.clip(0.85 * seam + 0.4 * corners, 0, 1))
