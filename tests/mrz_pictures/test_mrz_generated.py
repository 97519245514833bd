"""Pictures of every format in every condition, drawn with a font the network was not trained on.

A small set, for seconds; `tests/bench/mrz.py` measures a large one.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from border_agent.decoding.mrz.read import MrzReader
from border_agent.documents.mrz import MrzFormat
from tests.mrz_pictures.pictures import CONDITIONS, PAGE, Condition, some_lines, take

HARD = {"combo", "motion5", "security"}
"""Where one picture of this small set may be missed; none may be wrong and sure of it."""


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition(reader: MrzReader, name: str) -> None:
    number = list(CONDITIONS).index(name)
    wrong = []
    for place, format in enumerate(PAGE):
        random = np.random.default_rng([303, number, place])
        taken = take(some_lines(format, random), format, CONDITIONS[name], random)
        found = reader.find(taken.pixels)
        if found is None or found.lines != taken.lines:
            wrong.append((format, taken.lines, found))
            continue
        assert found.format == format
        assert [len(line) for line in found.confidence] == [len(line) for line in taken.lines]
        assert all(rival != best for rival, best in zip("".join(found.runner_up), "".join(found.lines), strict=True))
    assert len(wrong) <= (1 if name in HARD else 0), wrong
    for _, lines, found in wrong:
        if found is not None and found.format == taken.format and len(found.lines) == len(lines):
            sure = [
                (best, right)
                for row, line in enumerate(found.lines)
                for best, right, share in zip(line, lines[row], found.confidence[row], strict=True)
                if best != right and share > 0.995
            ]
            assert not sure


def turned(pixels: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture turned on a larger one, and how (2 x 3)."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    side = int(np.hypot(height, width))
    matrix[:, 2] += ((side - width) / 2, (side - height) / 2)
    return cv2.warpAffine(pixels, matrix, (side, side), borderValue=(120, 110, 100)), matrix


@pytest.mark.parametrize("degrees", [-100, -45, -20, 12, 33, 60, 75, 135, 180, 200])
def test_any_direction(reader: MrzReader, degrees: int) -> None:
    random = np.random.default_rng(abs(degrees))
    format = MrzFormat.TD3
    lines = some_lines(format, random)
    pixels, matrix = turned(take(lines, format, Condition(16, 0, 0.0), random).pixels, degrees)
    found = reader.find(pixels)
    assert found is not None and found.lines == lines
    corners = np.array(found.corners)
    along, down = corners[1] - corners[0], corners[3] - corners[0]
    right = matrix[:, :2] @ np.array([1.0, 0.0])
    assert np.allclose(along / np.linalg.norm(along), right, atol=0.03)
    assert 40 * 16 < np.linalg.norm(along) < 46 * 16
    assert 2.2 * 16 < np.linalg.norm(down) < 4.5 * 16
    assert along[0] * down[1] - along[1] * down[0] > 0  # clockwise, as it is read


def test_a_large_picture(reader: MrzReader) -> None:
    """16 megapixels; corners are in its own pixels."""
    random = np.random.default_rng(9)
    lines = some_lines(MrzFormat.TD3, random)
    small = take(lines, MrzFormat.TD3, Condition(16, 1), random).pixels
    found = reader.find(small)
    large = reader.find(cv2.resize(small, None, fx=4.8, fy=4.8, interpolation=cv2.INTER_CUBIC))
    assert found is not None and large is not None
    assert found.lines == large.lines == lines
    assert np.allclose(np.array(large.corners) / 4.8, np.array(found.corners), atol=4)


def test_it_is_the_same_every_time(reader: MrzReader) -> None:
    random = np.random.default_rng(4)
    pixels = take(some_lines(MrzFormat.TD1, random), MrzFormat.TD1, CONDITIONS["cam12"], random).pixels
    assert reader.find(pixels) == reader.find(pixels.copy())
