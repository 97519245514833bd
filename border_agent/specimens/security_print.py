"""The fine-line background of a specimen page: waves, a rosette, a tint. It protects nothing; it looks the part."""

from __future__ import annotations

import colorsys
import math

import cv2
import numpy as np

from border_agent.specimens.canvas import Pixels
from border_agent.specimens.lettering import Ink


def tint(seed: int, lightness: float, saturation: float, turn: float = 0.0) -> Ink:
    """A colour of the issuer's own family."""
    hue = ((seed * 0.381966) + turn) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return round(blue * 255), round(green * 255), round(red * 255)


def background(width: int, height: int, seed: int) -> Pixels:
    """Paper, tint, waves and rosettes for one issuer."""
    top, bottom = np.array(tint(seed, 0.95, 0.5), np.float32), np.array(tint(seed, 0.92, 0.45, 0.12), np.float32)
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    across = np.linspace(0, 0.3, width, dtype=np.float32)[None, :, None]
    picture = np.asarray(top + (bottom - top) * np.clip(down * 0.7 + across, 0, 1), np.uint8)
    _waves(picture, seed, tint(seed, 0.76, 0.42), 0.0, 24)
    _waves(picture, seed + 3, tint(seed, 0.8, 0.42, 0.12), 1.9, 18)
    _rosette(picture, (round(width * 0.64), round(height * 0.42)), 250, seed, tint(seed, 0.74, 0.4, 0.06))
    _rosette(picture, (round(width * 0.93), round(height * 0.16)), 92, seed + 1, tint(seed, 0.62, 0.45, 0.1))
    return picture


def _waves(picture: Pixels, seed: int, ink: Ink, phase: float, count: int) -> None:
    height, width = picture.shape[:2]
    x = np.linspace(-20, width + 20, 260)
    for i in range(count):
        share = i / count
        swing = 26 * math.sin(share * math.pi * 2 + seed) + 20
        y = height * (share * 1.1 - 0.05) + swing * np.sin(x / 88 + phase + share * 5) + 9 * np.sin(x / 31 + seed)
        _line(picture, np.stack([x, y], 1), ink)
        _line(picture, np.stack([x, y + 5 + 4 * np.sin(x / 60)], 1), ink)


def _rosette(picture: Pixels, centre: tuple[int, int], radius: float, seed: int, ink: Ink) -> None:
    angle = np.linspace(0, 2 * math.pi, 900)
    petals = 7 + seed % 6
    for i in range(17):
        share = 0.3 + 0.7 * i / 16
        r = radius * share * (1 + 0.16 * np.sin(petals * angle + i * 0.39))
        _line(picture, np.stack([centre[0] + r * np.cos(angle), centre[1] + r * np.sin(angle)], 1), ink)


def _line(picture: Pixels, points: np.ndarray[tuple[int, int], np.dtype[np.float64]], ink: Ink) -> None:
    cv2.polylines(picture, [np.round(points * 8).astype(np.int32)], False, ink, 1, cv2.LINE_AA, 3)
