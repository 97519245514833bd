"""The network that reads one character: windows of grey levels in, a probability for each class out.

Two convolutions and two full layers, 24 x 28 pixels of input, in numpy. A window holds one cell of the zone's grid
(20 pixels are one character pitch) and a little of what is around it. Besides the 37 characters there is a class for
"no character in its place here": between two of them, beside the line, or no MRZ at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from border_agent.decoding.values import MRZ_ALPHABET

PITCH: Final = 20
"""Pixels from one character to the next, in a window."""
WIDTH: Final = 24
HEIGHT: Final = 28

NOTHING: Final = len(MRZ_ALPHABET)
"""The last class: no character in its place."""
CLASSES: Final = NOTHING + 1

WEIGHTS: Final = Path(__file__).with_name("ocrb.npz")

_BATCH: Final = 512
"""Windows at a time: bounds the memory of the patches."""

Floats = npt.NDArray[np.float32]


def normalised(windows: npt.NDArray[Any]) -> Floats:
    """Each window by its own mean and deviation, ink positive: light, contrast and shadow go. Shape is kept."""
    levels = windows.reshape(len(windows), -1).astype(np.float32)
    mean = levels.mean(axis=1, keepdims=True)
    # A deviation of some levels is noise of the paper: it must not be blown up into ink.
    scaled: Floats = (mean - levels) / (levels.std(axis=1, keepdims=True) + 4.0)
    return scaled.reshape(windows.shape)


def _places(height: int, width: int, side: int, step: int) -> npt.NDArray[np.intp]:
    """Of every `side` x `side` square, `step` apart, its pixels' places in a flat picture: squares x side²."""
    rows = np.arange(0, height - side + 1, step)
    columns = np.arange(0, width - side + 1, step)
    starts = (rows[:, np.newaxis] * width + columns).reshape(-1, 1)
    inside = (np.arange(side)[:, np.newaxis] * width + np.arange(side)).reshape(1, -1)
    return starts + inside


DEPTH1: Final = 16
DEPTH2: Final = 40
HIDDEN: Final = 160

PLACES1: Final = _places(HEIGHT, WIDTH, 5, 2)
"""The first convolution: 5 x 5, every second place, which gives 12 x 10."""
PLACES2: Final = _places(12, 10, 3, 2)
"""The second: 3 x 3, every second place, which gives 5 x 4."""


def first_squares(windows: npt.NDArray[Any]) -> Floats:
    """What the first convolution sees of n windows: 120 n x 25."""
    levels = windows.reshape(len(windows), -1)
    squares: Floats = np.take(levels, PLACES1, axis=1)
    return squares.reshape(-1, PLACES1.shape[1])


def second_squares(first: Floats) -> Floats:
    """What the second sees of the first's 120 n x DEPTH1: 20 n x (9 DEPTH1)."""
    planes = first.reshape(-1, len(PLACES1), DEPTH1)
    squares: Floats = np.take(planes, PLACES2, axis=1)
    return squares.reshape(-1, PLACES2.shape[1] * DEPTH1)


class Network:
    """The trained network. Raises OSError or ValueError where the weights are missing or not ours."""

    def __init__(self, weights: Mapping[str, npt.NDArray[Any]] | None = None) -> None:
        if weights is None:
            with np.load(WEIGHTS, allow_pickle=False) as stored:
                weights = dict(stored)
        self._weights: dict[str, Floats] = {name: value.astype(np.float32) for name, value in weights.items()}
        self._temperature = float(self._weights["temperature"])

    def log_probabilities(self, windows: npt.NDArray[Any]) -> Floats:
        """n x HEIGHT x WIDTH grey levels (dark ink) to n x CLASSES natural logarithms of probabilities."""
        parts = [self._run(windows[start : start + _BATCH]) for start in range(0, len(windows), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, CLASSES), np.float32)

    def _run(self, windows: npt.NDArray[Any]) -> Floats:
        weights = self._weights
        first = np.maximum(first_squares(normalised(windows)) @ weights["conv1"] + weights["bias1"], 0.0)
        second = np.maximum(second_squares(first) @ weights["conv2"] + weights["bias2"], 0.0)
        hidden = np.maximum(second.reshape(len(windows), -1) @ weights["full3"] + weights["bias3"], 0.0)
        scores = (hidden @ weights["full4"] + weights["bias4"]) / self._temperature
        scores -= scores.max(axis=1, keepdims=True)
        result: Floats = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return result
