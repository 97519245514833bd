"""Light on a height field: normals, soft shadows, gloss, a small turn of the head, and what a sensor makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from border_agent.specimens.canvas import Canvas, Colours, Pixels, Plane, step


@dataclass(frozen=True)
class Layer:
    """One sheet of the picture: own colour (linear), height, coverage and gloss."""

    colour: Colours
    z: Plane
    cover: Plane
    gloss: Plane


@dataclass(frozen=True, kw_only=True)
class Light:
    """A key light from a direction (x right, y down, z towards the camera) over light from everywhere."""

    direction: tuple[float, float, float] = (-0.35, -0.55, 0.8)
    key: float = 0.95
    warmth: float = 0.0
    """Above 0 the key is yellowish and the rest bluish; below 0 the reverse."""
    ambient: float = 0.42
    hardness: float = 0.6
    """How dark shadows are, 0 to 1."""


STUDIO = Light()


def shade(layer: Layer, canvas: Canvas, light: Light) -> Colours:
    """The layer's colour under the light (linear, not yet composed)."""
    z = layer.z
    dx = cv2.Sobel(z, cv2.CV_32F, 1, 0, ksize=3, scale=canvas.unit / 8)
    dy = cv2.Sobel(z, cv2.CV_32F, 0, 1, ksize=3, scale=canvas.unit / 8)
    length = np.sqrt(dx * dx + dy * dy + 1.0)
    nx, ny, nz = -dx / length, -dy / length, 1.0 / length

    lx, ly, lz = _unit(light.direction)
    facing = nx * lx + ny * ly + nz * lz
    dark = 1.0 - light.hardness * _shadow(z, canvas, (lx, ly, lz))
    key = np.empty((canvas.height, canvas.width, 3), np.float32)
    # Light enters skin and leaves it redder a little further on: red wraps further round the form.
    for channel, wrap in enumerate((0.34, 0.24, 0.2)):
        key[..., channel] = np.clip((facing + wrap) / (1 + wrap), 0, 1)
    key *= dark[..., None]

    sky = 0.72 - 0.28 * ny
    closeness = _hollows(z, canvas)
    ambient = (sky * closeness)[..., None]

    w = light.warmth
    key_colour = np.array([1 + 0.1 * w, 1.0, 1 - 0.16 * w], np.float32) * light.key
    ambient_colour = np.array([1 - 0.06 * w, 1.0, 1 + 0.08 * w], np.float32) * light.ambient
    out = layer.colour * (key * key_colour + ambient * ambient_colour)

    half = _unit((lx, ly, lz + 1.0))
    towards = np.clip(nx * half[0] + ny * half[1] + nz * half[2], 0, 1)
    shine = (0.055 * towards**9 + 0.13 * towards**38) * layer.gloss * dark * light.key
    # A little of the surroundings mirrors at grazing angles: it draws the edge of dark faces.
    rim = 0.035 * (1 - nz) ** 2 * layer.gloss * closeness * light.ambient
    lit: Colours = out + (shine + rim)[..., None]
    return lit


def turn(layer: Layer, canvas: Canvas, yaw: float, pitch: float = 0.0) -> Layer:
    """The layer turned about a vertical axis (radians, positive to the picture's right) and nodded.

    Honest for small angles only (about 0.25): nothing that was hidden comes into sight.
    """
    if abs(yaw) < 1e-4 and abs(pitch) < 1e-4:
        return layer
    smooth = canvas.blur(layer.z, 0.07)
    pivot = 1.6
    x = np.repeat(np.arange(canvas.width, dtype=np.float32)[None, :], canvas.height, 0)
    y = np.repeat(np.arange(canvas.height, dtype=np.float32)[:, None], canvas.width, 1)
    cx, cy = canvas.centre
    sin_a, cos_a, sin_b, cos_b = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
    map_x, map_y = x.copy(), y.copy()
    for _ in range(4):
        height = (cv2.remap(smooth, map_x, map_y, cv2.INTER_LINEAR) - pivot) * canvas.unit
        map_x = (x - cx - height * sin_a) / cos_a + cx
        map_y = (y - cy - height * sin_b) / cos_b + cy

    def moved(plane: Plane | Colours) -> Plane:
        return np.asarray(cv2.remap(plane, map_x, map_y, cv2.INTER_LINEAR), np.float32)

    z = moved(layer.z)
    tilted = z - canvas.x * sin_a - canvas.y * sin_b
    return replace(
        layer,
        colour=moved(layer.colour),
        z=tilted,
        cover=moved(layer.cover),
        gloss=moved(layer.gloss),
    )


def compose(layers: list[tuple[Colours, Plane]], background: Colours) -> Colours:
    """Shaded layers over a background, from back to front."""
    out = background
    for colour, cover in layers:
        out = out + (colour - out) * cover[..., None]
    return out


def expose(scene: Colours, gain: float = 1.0) -> Pixels:
    """Linear light to the 8-bit BGR a camera gives: a soft shoulder, then the sRGB curve."""
    light = np.clip(scene * gain, 0, None)
    light = np.where(light > 0.7, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.3), light)
    encoded = _CURVE[np.clip(light * 4095, 0, 4095).astype(np.uint16)]
    return np.ascontiguousarray(encoded[..., ::-1])


def _curve_table() -> Pixels:
    v = np.linspace(0, 1, 4096)
    encoded = np.where(v <= 0.0031308, 12.92 * v, 1.055 * np.power(v, 1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


_CURVE = _curve_table()


def _unit(v: tuple[float, float, float]) -> tuple[float, float, float]:
    n = math.sqrt(v[0] ** 2 + v[1] ** 2 + v[2] ** 2)
    return v[0] / n, v[1] / n, v[2] / n


def _shadow(z: Plane, canvas: Canvas, towards: tuple[float, float, float]) -> Plane:
    """How much of the key light the form itself takes away, 0 to 1; searched on a quarter of the pixels."""
    small = cv2.resize(z, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    flat = math.hypot(towards[0], towards[1])
    if flat < 0.05:
        return canvas.flat()
    ux, uy, rise = towards[0] / flat, towards[1] / flat, towards[2] / flat
    worst = np.zeros_like(small)
    for distance in (0.1, 0.2, 0.32, 0.46, 0.62, 0.82, 1.1, 1.5):
        move = distance * canvas.unit / 2
        matrix = np.array([[1, 0, -ux * move], [0, 1, -uy * move]], np.float32)
        ahead = cv2.warpAffine(small, matrix, (small.shape[1], small.shape[0]), borderMode=cv2.BORDER_REPLICATE)
        worst = np.maximum(worst, ahead - small - rise * distance)
    soft = cv2.GaussianBlur(step(0.0, 0.22, worst), (0, 0), 0.045 * canvas.unit)
    return np.asarray(cv2.resize(soft, (canvas.width, canvas.height)), np.float32)


def _hollows(z: Plane, canvas: Canvas) -> Plane:
    """How open each place lies to light from everywhere, about 0.4 to 1.1."""
    near = z - canvas.blur(z, 0.14)
    far = z - canvas.blur(z, 0.55)
    return np.asarray(np.clip(1 + 1.5 * np.clip(near, -0.3, 0.06) + 0.55 * np.clip(far, -0.8, 0.2), 0.3, 1.12))
