"""Neck, ears, shoulders and what is worn on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from border_agent.specimens.canvas import Canvas, Colours, Plane, blend, curve, linear, mirrored, step
from border_agent.specimens.head import Surface
from border_agent.specimens.light import Layer
from border_agent.specimens.looks import Clothes, Look
from border_agent.specimens.skin import base

_RAISED = 0.5
"""The shoulders' measures below are written for a longer neck than is usual."""


def ears(look: Look, canvas: Canvas) -> Layer:
    """Both ears, behind the cheeks."""
    ax = np.abs(canvas.x)
    x0, y0 = 2.3 * look.width, 0.5
    lean = (ax - x0) - 0.22 * (y0 - canvas.y) * 0.4
    distance = np.sqrt((lean / 0.27) ** 2 + ((canvas.y - y0) / 0.66) ** 2)
    inner = np.sqrt(((lean + 0.02) / 0.15) ** 2 + ((canvas.y - y0 + 0.05) / 0.4) ** 2)
    z = 0.55 * np.sqrt(np.clip(1.02 - distance**2, 0, 1)) - 0.3 * np.exp(-0.5 * (inner / 0.8) ** 2)
    colour = base(look, canvas) * np.array([1.06, 0.94, 0.92], np.float32)
    colour = blend(
        colour,
        linear(*look.skin, 0.3),
        0.6 * np.exp(-0.5 * (inner / 0.7) ** 2),
    )
    cover = step(1.03, 0.97, distance)
    gloss = canvas.flat(0.5)
    if look.earrings:
        ring = canvas.ellipse((x0 + 0.08, y0 + 0.82), (0.11, 0.11)) + canvas.ellipse(
            (-x0 - 0.08, y0 + 0.82), (0.11, 0.11)
        )
        colour = blend(colour, linear(214, 170, 74), ring)
        cover = np.maximum(cover, ring)
        z = z + 0.1 * ring
        gloss = gloss + 3 * ring
    return Layer(colour=colour, z=z, cover=cover, gloss=gloss)


def torso(look: Look, canvas: Canvas) -> Layer:
    """Neck and clothed shoulders."""
    canvas = replace(canvas, centre=(canvas.centre[0], canvas.centre[1] - _RAISED * canvas.unit))
    ax, y = np.abs(canvas.x), canvas.y
    half = 1.48 * look.neck + 0.07 * np.clip(3.4 - y, 0, None) + 1.5 * np.clip((y - 4.0) / 1.6, 0, 1) ** 2
    neck = step(0.03, -0.03, ax - half) * step(1.2, 1.6, y)
    z = 1.15 * np.sqrt(np.clip(1 - (ax / (half + 0.02)) ** 2, 0, 1)) - 0.6
    # The two long muscles and the hollow of the throat.
    cord = curve([(1.15 * look.neck, 2.9), (0.85 * look.neck, 4.0), (0.28, 5.0)])
    z = z + 0.09 * canvas.strokes([cord, mirrored(cord)], 0.2, 0.14)
    z = z - 0.16 * canvas.bump((0, 5.15), (0.22, 0.2))
    skin = base(look, canvas)
    slope = 4.35 + 0.3 * (ax - 1.6) / look.shoulders + 0.05 * (ax / look.shoulders) ** 2
    slope = np.where(ax > 4.9 * look.shoulders, slope + 1.6 * (ax - 4.9 * look.shoulders), slope)
    trunk = step(-0.04, 0.04, y - slope)
    z_cloth = 0.6 + 0.5 * np.clip(y - slope, 0, 2.5) ** 0.6 - 0.05 * ax**2
    folds = canvas.noise(look.seed + 81, 0.9, stretch=(0.5, 2.2)) * 0.07 + canvas.noise(look.seed + 82, 0.35) * 0.015
    cloth, edge, bump = _garment(look, canvas)
    cover_cloth = trunk * edge
    colour = blend(skin, cloth, cover_cloth)
    z = z * (1 - cover_cloth) + (z_cloth + folds + bump) * cover_cloth
    return Layer(
        colour=colour,
        z=z,
        cover=1 - (1 - neck) * (1 - trunk),
        gloss=0.55 * (1 - cover_cloth) + 0.04,
    )


def under_chin(canvas: Canvas, surface: Surface, light_x: float) -> Plane:
    """The shadow the head throws on the neck, 0 to 1."""
    return canvas.blur(canvas.shifted(surface.cover, -0.35 * light_x, 0.62), 0.22)


def _garment(look: Look, canvas: Canvas) -> tuple[Colours, Plane, Plane]:
    """Colour of the cloth, where it lies below its neckline, and the height of seams and collars."""
    ax, y = np.abs(canvas.x), canvas.y
    tone, trim = np.asarray(linear(*look.cloth), np.float32), linear(*look.trim)
    weave = 1 + 0.05 * canvas.noise(look.seed + 83, 0.04) + 0.04 * canvas.noise(look.seed + 84, 0.5)
    cloth: Colours = tone * weave[..., None]
    bump = canvas.flat()
    if look.clothes in (Clothes.SHIRT, Clothes.JACKET):
        opening = 4.05 + 1.25 * np.clip(1 - ax / 1.62, 0, 1) ** 0.9 + 0.2 * np.clip(ax - 1.6, 0, None)
        edge = step(-0.03, 0.03, y - opening)
        flap = [(1.66, 3.95), (0.12, 5.35), (0.7, 6.1), (2.0, 4.75)]
        collar = np.maximum(canvas.area(flap), canvas.area(mirrored(flap)))
        shirt = trim if look.clothes is Clothes.JACKET else None
        if shirt is not None:
            lapel = curve([(2.15, 4.3), (1.6, 5.6), (0.75, 7.4)])
            front = canvas.area([*lapel, *reversed(mirrored(lapel))])
            cloth = blend(cloth, shirt, front)
            tie = canvas.area([(-0.24, 5.3), (0.24, 5.3), (0.36, 7.6), (-0.36, 7.6)])
            cloth = blend(cloth, linear(120, 34, 40, 0.5), tie)
            line = canvas.strokes([lapel, mirrored(lapel)], 0.06, 0.03)
            cloth = blend(cloth, linear(*look.cloth, 0.35), 0.6 * line)
            bump = bump + 0.1 * canvas.blur(tie, 0.05) + 0.1 * canvas.blur(1 - front, 0.05)
            cloth = blend(cloth, shirt, collar)
        else:
            button = canvas.strokes([[(0.0, 5.4), (0.0, 7.5)]], 0.03, 0.02)
            cloth = blend(cloth, linear(*look.cloth, 0.5), 0.7 * button)
        rim = canvas.strokes([flap, mirrored(flap)], 0.03, 0.02)
        cloth = blend(cloth, linear(*look.cloth, 0.45), 0.5 * rim)
        return cloth, np.maximum(edge, collar), bump + 0.16 * collar
    depth = {Clothes.BOUBOU: 1.5, Clothes.PRINT: 1.15}.get(look.clothes, 0.75)
    opening = 4.2 + depth * np.sqrt(np.clip(1 - (ax / 1.9) ** 2, 0, 1)) + 0.15 * np.clip(ax - 1.9, 0, None)
    distance = y - opening
    edge = step(-0.03, 0.03, distance)
    if look.clothes is Clothes.PRINT:
        u, v = canvas.x * 1.35, y * 1.35
        cell = np.sin(u * 2.4 + 0.8 * np.sin(v * 2.1)) * np.sin(v * 2.4 + 0.8 * np.sin(u * 2.1))
        rings = np.sin(9 * np.sqrt((np.mod(u, 2.6) - 1.3) ** 2 + (np.mod(v, 2.6) - 1.3) ** 2))
        cloth = blend(cloth, trim, step(0.25, 0.4, cell))
        cloth = blend(cloth, linear(*look.cloth, 0.2), 0.8 * step(0.55, 0.7, rings))
    if look.clothes is Clothes.BOUBOU:
        thread = np.sin(canvas.x * 14) * np.sin(y * 14)
        panel = step(0.5, 0.42, np.abs(distance - 0.2) * 1.6) * (0.55 + 0.45 * step(-0.1, 0.2, thread))
        cloth = blend(cloth, trim, 0.85 * panel)
        bump = bump + 0.03 * panel
    seam = np.exp(-0.5 * ((distance - 0.1) / 0.03) ** 2)
    cloth = blend(cloth, linear(*look.cloth, 0.5), 0.5 * seam)
    return cloth, edge, bump + 0.05 * step(0.16, 0.05, distance)
