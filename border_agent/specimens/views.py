"""How cameras see flat things: perspective, uneven light, shadow, noise."""

from __future__ import annotations

import cv2
import numpy as np

from border_agent.specimens.canvas import Pixels, Plane

FRAME_WIDTH, FRAME_HEIGHT = 1280, 720


def lay_on_desk(
    sheet: Pixels,
    seed: int,
    *,
    tilt: float,
    perspective: float,
    shadow: float,
    noise: float,
    desk: tuple[int, int, int] = (58, 56, 52),
) -> Pixels:
    """A sheet in the middle of a 1280 x 720 frame.

    `tilt` is the largest rotation (degrees), `perspective` how far corners move (share of the width), `shadow` how
    much light the hand or the hood takes from one side (0-1), `noise` the deviation of the sensor's noise (levels).
    """
    rng = np.random.default_rng(seed)
    height, width = sheet.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    angle = np.radians(rng.uniform(-tilt, tilt))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([width / 2, height / 2])
    centre = np.array([FRAME_WIDTH / 2, FRAME_HEIGHT / 2]) + rng.uniform(-8, 8, 2)
    moved = (corners - middle) @ turn.T + centre + rng.uniform(-perspective, perspective, (4, 2)) * width
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    frame = np.empty((FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
    frame[:] = desk
    # A soft edge of shadow under the sheet lifts it off the desk.
    covered = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, (FRAME_WIDTH, FRAME_HEIGHT))
    under = cv2.GaussianBlur(cv2.resize(covered, None, fx=0.25, fy=0.25), (0, 0), 3)
    under = cv2.resize(under, (FRAME_WIDTH, FRAME_HEIGHT)).astype(np.float32) / 255
    under = cv2.warpAffine(under, np.array([[1, 0, 9], [0, 1, 12]], np.float32), (FRAME_WIDTH, FRAME_HEIGHT))
    frame = (frame * (1 - 0.5 * under[..., None])).astype(np.uint8)
    cv2.warpPerspective(sheet, matrix, (FRAME_WIDTH, FRAME_HEIGHT), frame, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    return noisy(frame * _light(rng, shadow)[..., None], rng, noise)


def noisy(frame: Plane, rng: np.random.Generator, noise: float) -> Pixels:
    """A little blur and the sensor's noise."""
    soft = cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 0.6)
    grain = rng.standard_normal((FRAME_HEIGHT // 2, FRAME_WIDTH // 2), dtype=np.float32) * (noise * 1.6)
    grain = cv2.resize(grain, (FRAME_WIDTH, FRAME_HEIGHT))
    return np.asarray(np.clip(soft + grain[..., None], 0, 255), np.uint8)


def _light(rng: np.random.Generator, shadow: float) -> Plane:
    """Brightness over the frame: a gradient, and a soft shadow coming in from one corner."""
    x = np.linspace(-1, 1, FRAME_WIDTH // 4, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, FRAME_HEIGHT // 4, dtype=np.float32)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    edge = 1 / (1 + np.exp(-(along - rng.uniform(0.1, 0.4)) * 7))
    return np.asarray(
        cv2.resize((1.0 - 0.05 * along - shadow * edge).astype(np.float32), (FRAME_WIDTH, FRAME_HEIGHT)), np.float32
    )
