"""Hair, beards and headwear, laid over the head or behind the shoulders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from border_agent.specimens.canvas import Canvas, Colours, Plane, Point, blend, curve, linear, mirrored, step
from border_agent.specimens.head import Surface, rim_distance
from border_agent.specimens.light import Layer
from border_agent.specimens.looks import Beard, Hair, Look


@dataclass(frozen=True)
class Sheet:
    """Something laid on the head: colour, how far it covers, its own height."""

    colour: Colours
    cover: Plane
    z: Plane


def on_head(look: Look, canvas: Canvas, surface: Surface) -> list[Sheet]:
    """What lies on the head, from below: hair, then cloth."""
    sheets = [] if look.hair is Hair.SCARF else [_crown(look, canvas, surface)]
    if look.hair in (Hair.SCARF, Hair.VEIL):
        sheets.append(_cloth(look, canvas))
    return sheets


def _line(look: Look, canvas: Canvas) -> Plane:
    """Height of the hairline at every x, down to the sideburns."""
    ax = np.abs(canvas.x)
    drop = 2.3 if look.beard is not Beard.NONE else 1.75
    y = -look.hairline * look.forehead + 0.1 * ax**2 + drop * step(1.4, 2.2, ax)
    if look.hair is Hair.RECEDING:
        y = y - 0.75 * np.exp(-0.5 * ((ax - 1.05) / 0.45) ** 2) - 0.25
    if look.hair is Hair.LONG:
        y = y + 0.32 * ax**1.5 - 0.35
    return y


def _strands(look: Look, canvas: Canvas) -> Plane:
    """Texture of the hair, about -1 to 1."""
    s = look.seed + 41
    if look.hair is Hair.BRAIDS:
        angle = np.arctan2(-(canvas.y - 0.6), canvas.x)
        rows = np.abs(np.sin(angle * 15))
        radius = np.sqrt(canvas.x**2 + (canvas.y - 0.6) ** 2)
        knots = 0.25 * np.sin(radius * 30 + 3 * np.sin(angle * 15))
        plaits: Plane = 2.2 * (rows - 0.6) + knots
        return plaits
    if look.hair is Hair.LONG:
        return 0.6 * canvas.noise(s, 0.05, stretch=(1, 22)) + 0.5 * canvas.noise(s + 1, 0.16, stretch=(1, 10))
    fine = 0.55 * canvas.noise(s, 0.045) + 0.5 * canvas.noise(s + 1, 0.1)
    if look.hair in (Hair.ROUND, Hair.PUFFS):
        fine = 0.5 * fine + 0.6 * canvas.noise(s + 2, 0.2)
    return fine


def _crown(look: Look, canvas: Canvas, surface: Surface) -> Sheet:
    grow = {Hair.SHAVED: 1.0, Hair.CROPPED: 1.035, Hair.ROUND: 1.3, Hair.RECEDING: 1.02, Hair.LONG: 1.09}.get(
        look.hair, 1.05
    )
    texture = _strands(look, canvas)
    rim = rim_distance(look, canvas, grow)
    rough = {Hair.ROUND: 0.014, Hair.BRAIDS: 0.003, Hair.LONG: 0.002}.get(look.hair, 0.006)
    ragged = canvas.noise(look.seed + 44, 0.16) + 0.2 * canvas.noise(look.seed + 45, 0.06)
    edge = step(1.0 + 0.008, 1.0 - 0.012, rim + rough * ragged)
    soft = {Hair.SHAVED: 0.35, Hair.CROPPED: 0.16, Hair.RECEDING: 0.3}.get(look.hair, 0.1)
    above = step(soft, -soft, canvas.y - _line(look, canvas) + 0.045 * canvas.noise(look.seed + 43, 0.06))
    if look.hair is Hair.LONG:
        beside = step(0.0, 0.1, np.abs(canvas.x) - _curtain(look, canvas)) * step(-2.6, -2.2, canvas.y)
        above = np.maximum(above, beside * step(4.6, 4.0, canvas.y))
        width = 2.5 * look.width + 0.06 * np.clip(canvas.y + 0.8, 0, 5)
        widened = step(0.03, -0.03, np.abs(canvas.x) - width) * step(-1.2, -0.5, canvas.y)
        edge = np.maximum(edge, widened)
    elif look.hair is Hair.ROUND:
        above = above * step(1.5, 0.9, canvas.y + 0.15 * texture)
    else:
        above = above * step(0.75, 0.35, canvas.y)
    dense = {Hair.SHAVED: 0.3, Hair.RECEDING: 0.8}.get(look.hair, 1.0)
    thin: Plane = canvas.flat(1.0)
    if look.hair in (Hair.SHAVED, Hair.CROPPED, Hair.RECEDING):
        thin = np.maximum(np.clip(0.94 + 0.1 * texture, 0, 1), 1 - surface.cover)
    shine = 1 + (0.4 if sum(look.hair_colour) < 180 else 0.22) * texture
    if look.hair is Hair.LONG:
        shine = shine * (1 - 0.5 * canvas.bump((0.0, -2.9), (0.03, 0.7)))
    colour = np.asarray(linear(*look.hair_colour), np.float32) * shine[..., None]
    inside = np.clip(rim, 0, 0.9995)
    z = 2.75 * (1 - inside**2.3) ** (1 / 2.3) + 0.035 * texture
    if look.hair not in (Hair.ROUND, Hair.LONG):
        z = surface.z + 0.08 * canvas.blur(above, 0.08) + 0.03 * texture
    return Sheet(
        colour=np.clip(colour, 0, 1),
        cover=edge * above * dense * thin,
        z=z,
    )


def _curtain(look: Look, canvas: Canvas) -> Plane:
    """Half the width of the face that long hair leaves free."""
    y = canvas.y
    return 1.62 * look.width + 0.32 * step(-2.0, 0.6, y) - 0.28 * step(1.6, 3.6, y)


def _cloth(look: Look, canvas: Canvas) -> Sheet:
    """A scarf that frames the face, or a veil that leaves the front of the hair free."""
    veil = look.hair is Hair.VEIL
    s = look.seed + 61
    ax, y = np.abs(canvas.x), canvas.y
    top, low = (-2.5, 2.5) if veil else (-1.85 * look.forehead, 3.22 * look.length)
    middle = (top + low) / 2
    across = (2.3 if veil else 1.9) * look.width
    opening = np.sqrt((canvas.x / across) ** 2 + ((y - middle) / ((low - top) / 2)) ** 2)
    if veil:
        opening = np.where(y > 0, ax / (across - 0.03 * y * y), opening)
    rim = rim_distance(look, canvas, 1.1 if veil else 1.075)
    drape = 2.42 * look.width + 0.34 * np.clip(y - 0.2, 0, None) ** 1.25 + (0.12 if veil else 0.0)
    shape = np.maximum(step(1.0, 0.985, rim), step(0.0, -0.05, ax - drape) * step(-0.4, 0.3, y))
    cover = shape * step(0.985, 1.015, opening)
    angle = np.arctan2(y - 2.2, canvas.x)
    radius = np.sqrt(canvas.x**2 + (y - 2.2) ** 2)
    waves = np.sin(angle * 9 + 2.2 * radius + 0.6 * canvas.noise(s, 0.9)) * step(0.2, 2.6, y)
    waves += 0.55 * np.sin(opening * 13 + 0.8 * canvas.noise(s + 1, 0.8)) * step(2.4, -1.0, y)
    hem = step(1.16, 1.0, opening)
    inside = np.clip(rim, 0, 0.9995)
    z = np.where(rim < 1, 2.85 * (1 - inside**2.45) ** (1 / 2.45), 0.0)
    z = np.maximum(z, 1.25 * step(0.2, 2.0, y) * np.sqrt(np.clip(1 - (ax / (drape + 0.4)) ** 2, 0, 1)))
    z = canvas.blur(z, 0.12) + 0.055 * waves + 0.07 * hem * cover
    tone = np.asarray(linear(*look.cloth), np.float32) * (1 + 0.03 * canvas.noise(s + 2, 0.04)[..., None])
    band = np.exp(-0.5 * ((opening - 1.12) / 0.018) ** 2) + 0.7 * np.exp(-0.5 * ((opening - 1.19) / 0.01) ** 2)
    tone = blend(tone, linear(*look.trim), 0.8 * band)
    return Sheet(colour=tone, cover=cover, z=z)


def beard(look: Look, canvas: Canvas, surface: Surface, colour: Colours) -> tuple[Colours, Plane]:
    """The face with its beard, and how far the beard takes the skin's gloss away."""
    if look.beard is Beard.NONE:
        return colour, canvas.flat()
    ax, y, m = np.abs(canvas.x), canvas.y, look.mouth_y
    lip_top = m - look.upper_lip
    cheek = 1.25 + 0.75 * step(1.9, 0.7, ax)
    jaw = step(-0.12, 0.2, y - cheek - 0.35) * step(0.9, 1.35, ax + 0.55 * np.clip(y - m, 0, None))
    side = step(1.62, 1.9, ax * (1 / look.width)) * step(0.0, 0.5, y)
    chin = step(m + 0.42, m + 0.62, y) * step(1.25, 0.85, ax)
    arch = np.exp(-0.5 * ((y - (lip_top - 0.12 + 0.24 * ax**2)) / 0.115) ** 2) * step(1.08, 0.8, ax)
    frame = np.exp(-0.5 * ((ax - 1.06) / 0.14) ** 2) * step(m - 0.25, m + 0.05, y) * step(m + 0.9, m + 0.5, y)
    soul = canvas.bump((0, m + look.lower_lip + 0.17), (0.16, 0.1))
    place = {
        Beard.MOUSTACHE: arch,
        Beard.GOATEE: np.maximum.reduce([arch * 0.9, chin * step(0.9, 0.6, ax), frame, soul]),
        Beard.FULL: np.maximum.reduce([jaw, chin, arch, side, frame, soul]),
    }[look.beard]
    grain = canvas.noise(look.seed + 51, 0.05) + 0.7 * canvas.noise(look.seed + 52, 0.11)
    cover = canvas.blur(place, 0.06) * np.clip(0.9 + 0.1 * grain, 0, 1)
    cover = cover * step(1.03, 0.99, surface.rim)
    tone = np.asarray(linear(*(look.beard_colour or look.hair_colour)), np.float32)
    return blend(colour, tone * (1 + 0.2 * grain[..., None]), 0.93 * cover), cover


def behind(look: Look, canvas: Canvas) -> Layer | None:
    """Hair that falls or stands behind the head: puffs, braids, long hair."""
    if look.hair not in (Hair.PUFFS, Hair.BRAIDS, Hair.LONG, Hair.VEIL):
        return None
    if look.hair is Hair.VEIL:
        return _lining(look, canvas)
    s = look.seed + 71
    grain = 0.6 * canvas.noise(s, 0.05) + 0.6 * canvas.noise(s + 1, 0.18)
    if look.hair is Hair.PUFFS:
        distance = np.sqrt(((np.abs(canvas.x) - 2.25) / 1.12) ** 2 + ((canvas.y + 2.35) / 1.1) ** 2)
        cover = step(1.03, 0.96, distance + 0.035 * grain)
        z = 1.1 * np.sqrt(np.clip(1 - np.clip(distance, 0, 1) ** 2, 0, 1)) + 0.05 * grain
    elif look.hair is Hair.BRAIDS:
        cover, z = _braids(look, canvas)
    else:
        ax = np.abs(canvas.x)
        width = 2.5 * look.width + 0.06 * np.clip(canvas.y + 0.8, 0, 5) + 0.04
        grain = canvas.noise(s, 0.06, stretch=(1, 20))
        cover = step(0.06, -0.06, ax - width + 0.03 * grain) * step(-1.0, -0.5, canvas.y)
        cover = cover * step(5.9, 5.3, canvas.y + 0.2 * grain)
        z = 0.8 * np.sqrt(np.clip(1 - (ax / (width + 0.1)) ** 2, 0, 1)) + 0.04 * grain
    tone = np.asarray(linear(*look.hair_colour), np.float32) * (1 + 0.35 * grain[..., None])
    return Layer(
        colour=np.clip(tone, 0, 1),
        z=z,
        cover=cover,
        gloss=canvas.flat(0.35),
    )


def _lining(look: Look, canvas: Canvas) -> Layer:
    """The inside of a veil beside the neck, in its own shadow."""
    ax, y = np.abs(canvas.x), canvas.y
    cover = step(0.05, -0.05, ax - 2.5 * look.width) * step(-0.6, -0.2, y)
    tone = np.asarray(linear(*look.cloth, 0.3), np.float32) * (
        1 + 0.06 * canvas.noise(look.seed + 75, 0.3)[..., None]
    )
    return Layer(colour=tone, z=canvas.flat(), cover=cover, gloss=canvas.flat())


def _braids(look: Look, canvas: Canvas) -> tuple[Plane, Plane]:
    rng = np.random.default_rng(look.seed + 73)
    cover, z = canvas.flat(), canvas.flat()
    for i in range(9):
        start = 1.5 + 0.15 * i
        lines: list[list[Point]] = []
        end = start + 0.12 + rng.uniform(-0.1, 0.16)
        for side in (-1, 1):
            path: list[Point] = [
                (min(start, 2.2), -1.1),
                (start + 0.08, 0.8),
                (start + 0.1, 2.4),
                (end + 0.06, 4.4),
                (end, 6.2),
            ]
            lines.append(curve(path if side > 0 else mirrored(path), 30))
        braid = canvas.strokes(lines, 0.2)
        cover = np.maximum(cover, braid)
        twist = 0.05 * np.sin(canvas.y * 26 + i * 2.1 + 6 * (np.abs(canvas.x) - start))
        z = np.where(braid > 0.5, 0.4 + 0.35 * canvas.blur(braid, 0.05) + twist, z)
    return cover, z
