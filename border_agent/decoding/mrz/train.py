"""Train the network anew: `python -m border_agent.decoding.mrz.train [--check] [FILE]`, or `make ocrb`.

Draws its own windows (`train_pictures`), learns with Adam, then sets the temperature on windows it has not seen, so
that a confidence of 0.99 means 99 of 100. Seeds are fixed and one core computes: the same machine writes the same
file, byte for byte, and `--check` compares with the one that is there instead of writing it.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from border_agent.decoding.mrz.glyphs import (
    CLASSES,
    DEPTH1,
    DEPTH2,
    HIDDEN,
    PLACES1,
    PLACES2,
    WEIGHTS,
    Floats,
    Network,
    first_squares,
    normalised,
    second_squares,
)
from border_agent.decoding.mrz.train_pictures import Face, FontMissingError, load_faces, windows_of_line

SEED: Final = 9303
ROUNDS: Final = 44
LINES_A_ROUND: Final = 2000
PASSES: Final = 2
BATCH: Final = 200
FASTEST: Final = 0.0022
"""Learning rate after the first round; it falls to nothing along a cosine."""

Weights = dict[str, Floats]
Sample = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def sample(faces: list[tuple[Face, float]], random: np.random.Generator, lines: int) -> Sample:
    """The windows and classes of so many lines."""
    drawn = [windows_of_line(faces, random) for _ in range(lines)]
    return np.concatenate([windows for windows, _ in drawn]), np.concatenate([classes for _, classes in drawn])


def fresh_weights(random: np.random.Generator) -> Weights:
    """Random weights of the right shapes (He's deviation)."""

    def matrix(rows: int, columns: int) -> Floats:
        return random.normal(0.0, np.sqrt(2.0 / rows), (rows, columns)).astype(np.float32)

    return {
        "conv1": matrix(PLACES1.shape[1], DEPTH1),
        "bias1": np.zeros(DEPTH1, np.float32),
        "conv2": matrix(PLACES2.shape[1] * DEPTH1, DEPTH2),
        "bias2": np.zeros(DEPTH2, np.float32),
        "full3": matrix(len(PLACES2) * DEPTH2, HIDDEN),
        "bias3": np.zeros(HIDDEN, np.float32),
        "full4": matrix(HIDDEN, CLASSES),
        "bias4": np.zeros(CLASSES, np.float32),
    }


def gradients(weights: Weights, windows: npt.NDArray[Any], classes: npt.NDArray[np.int64]) -> tuple[float, Weights]:
    """Mean loss (cross entropy) of a batch, and its slope for every weight."""
    count = len(windows)
    squares1 = first_squares(normalised(windows))
    first = np.maximum(squares1 @ weights["conv1"] + weights["bias1"], 0.0)
    squares2 = second_squares(first)
    second = np.maximum(squares2 @ weights["conv2"] + weights["bias2"], 0.0)
    flat = second.reshape(count, -1)
    hidden = np.maximum(flat @ weights["full3"] + weights["bias3"], 0.0)
    scores = hidden @ weights["full4"] + weights["bias4"]
    scores -= scores.max(axis=1, keepdims=True)
    shares = np.exp(scores)
    shares /= shares.sum(axis=1, keepdims=True)
    loss = -float(np.log(shares[np.arange(count), classes] + 1e-12).mean())

    slope4 = shares
    slope4[np.arange(count), classes] -= 1.0
    slope4 /= count
    slope3 = (slope4 @ weights["full4"].T) * (hidden > 0)
    slope2 = (slope3 @ weights["full3"].T).reshape(second.shape) * (second > 0)
    slope1 = _spread(slope2 @ weights["conv2"].T, count) * (first > 0)
    return loss, {
        "conv1": squares1.T @ slope1,
        "bias1": slope1.sum(axis=0),
        "conv2": squares2.T @ slope2,
        "bias2": slope2.sum(axis=0),
        "full3": flat.T @ slope3,
        "bias3": slope3.sum(axis=0),
        "full4": hidden.T @ slope4,
        "bias4": slope4.sum(axis=0),
    }


def _spread(squares: Floats, count: int) -> Floats:
    """The opposite of `second_squares`: every square's slopes added where it was cut from."""
    cut = squares.reshape(count, len(PLACES2), -1, DEPTH1)
    total = np.zeros((count, len(PLACES1), DEPTH1), np.float32)
    for inside in range(PLACES2.shape[1]):
        # One pixel of every square: no place comes twice, so plain indexing adds all of them.
        total[:, PLACES2[:, inside]] += cut[:, :, inside]
    return total.reshape(-1, DEPTH1)


class Adam:
    """Kingma and Ba's method, with its usual constants."""

    def __init__(self, weights: Weights) -> None:
        self._means = {name: np.zeros_like(value) for name, value in weights.items()}
        self._squares = {name: np.zeros_like(value) for name, value in weights.items()}
        self._steps = 0

    def step(self, weights: Weights, slopes: Weights, rate: float) -> None:
        self._steps += 1
        for name, slope in slopes.items():
            mean, square = self._means[name], self._squares[name]
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope * slope - square)
            fair_mean = mean / (1.0 - 0.9**self._steps)
            fair_square = square / (1.0 - 0.999**self._steps)
            weights[name] -= (rate * fair_mean / (np.sqrt(fair_square) + 1e-8)).astype(np.float32)


def train(rounds: int = ROUNDS, lines: int = LINES_A_ROUND) -> dict[str, npt.NDArray[np.float16]]:
    """The trained weights, with their temperature, as they are stored. Raises FontMissingError."""
    cv2.setNumThreads(1)
    faces = load_faces()
    random = np.random.default_rng(SEED)
    weights = fresh_weights(random)
    adam = Adam(weights)
    steps_a_round = PASSES * (lines * 24 // BATCH)
    done, begun = 0, time.monotonic()
    for number in range(rounds):
        windows, classes = sample(faces, random, lines)
        losses = []
        for _ in range(PASSES):
            order = random.permutation(len(windows))
            for start in range(0, len(order) - BATCH + 1, BATCH):
                chosen = order[start : start + BATCH]
                warm = min(1.0, (done + 1) / steps_a_round)
                rate = FASTEST * warm * 0.5 * (1.0 + np.cos(np.pi * done / (rounds * steps_a_round)))
                loss, slopes = gradients(weights, windows[chosen], classes[chosen])
                adam.step(weights, slopes, rate)
                losses.append(loss)
                done += 1
        seconds = time.monotonic() - begun
        sys.stdout.write(f"{number + 1}/{rounds}  loss {np.mean(losses):.3f}  {seconds:.0f} s\n")
        sys.stdout.flush()
    stored = {name: value.astype(np.float16) for name, value in weights.items()}
    stored["temperature"] = np.array(1.0, np.float16)
    stored["temperature"] = np.array(best_temperature(Network(stored), sample(faces, random, lines)), np.float16)
    return stored


def best_temperature(network: Network, unseen: Sample) -> float:
    """By how much scores are to be divided so that the probabilities fit what is right (least cross entropy)."""
    windows, classes = unseen
    logs = network.log_probabilities(windows)
    right = np.argmax(logs, axis=1) == classes
    sys.stdout.write(f"{100 * right.mean():.2f} % of unseen windows right\n")
    tried = np.arange(0.6, 2.5, 0.02)
    return float(min(tried, key=lambda temperature: _loss(logs / temperature, classes)))


def _loss(scores: Floats, classes: npt.NDArray[np.int64]) -> float:
    scores = scores - scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -float(logs[np.arange(len(classes)), classes].mean())


def main(arguments: list[str]) -> int:
    """Train, and write the weights or compare them. 1 where they differ, 2 where a font is missing."""
    files = [argument for argument in arguments if argument != "--check"]
    target = Path(files[0]) if files else WEIGHTS
    try:
        stored = train()
    except FontMissingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    written = io.BytesIO()
    # Stored, not compressed: the same weights are the same bytes, whatever zlib is installed.
    save: Callable[..., None] = np.savez
    save(written, **stored)
    if "--check" in arguments:
        same = target.is_file() and target.read_bytes() == written.getvalue()
        sys.stdout.write(f"{target}: {'the same' if same else 'differs'}\n")
        return 0 if same else 1
    target.write_bytes(written.getvalue())
    sys.stdout.write(f"{target}: {len(written.getvalue())} bytes\n")
    return 0


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        # Sums in another order are other sums: it must be one thread, and numpy asks for that when it is loaded.
        command = [sys.executable, "-m", "border_agent.decoding.mrz.train", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | {"OPENBLAS_NUM_THREADS": "1"})  # noqa: S606
    sys.exit(main(sys.argv[1:]))
