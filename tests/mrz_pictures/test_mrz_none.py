"""No zone, no answer: text, codes, patterns, noise, and pictures of any size and content."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from border_agent.decoding.codes import drawn
from border_agent.decoding.mrz.read import MrzReader
from tests.mrz_pictures.pictures import HELD_OUT, OTHER_PRINT

MONO = OTHER_PRINT.with_name("DejaVuSansMono.ttf")
WORDS = [
    "the",
    "officer",
    "reads",
    "every",
    "PASSPORT",
    "and",
    "12/08/1974",
    "is",
    "a",
    "date",
    "of",
    "birth,",
    "République",
    "of",
    "somewhere;",
    "numbers",
    "2026",
]


def text_page(font: object, size: int, width: int, capitals: bool) -> np.ndarray:
    random = np.random.default_rng(size * width)
    image = Image.new("RGB", (1000, 1200), (240, 240, 235))
    draw = ImageDraw.Draw(image)
    face = ImageFont.truetype(str(font), size)
    for y in range(40, 1150, int(1.8 * size)):
        line = " ".join(str(word) for word in random.choice(WORDS, 30))[:width]
        draw.text((60, y), line.upper() if capitals else line, font=face, fill=(20, 20, 20))
    return np.asarray(image)


def rows_of(character: str) -> np.ndarray:
    image = Image.new("RGB", (1000, 600), "white")
    draw = ImageDraw.Draw(image)
    face = ImageFont.truetype(str(HELD_OUT), 26)
    for row in range(2):
        draw.text((40, 200 + row * 48), character * 44, font=face, fill="black")
    return np.asarray(image)


def waves(across: int, down: int) -> np.ndarray:
    y, x = np.mgrid[0:900, 0:1600]
    return np.repeat(((x // across + y // down) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)


NONE = {
    "white": np.full((1080, 1920, 3), 255, np.uint8),
    "black": np.zeros((600, 800, 3), np.uint8),
    "noise": np.random.default_rng(1).integers(0, 256, (480, 640, 3)).astype(np.uint8),
    "bars": waves(8, 10_000),
    "lines": waves(10_000, 8),
    "chequers": waves(10, 10),
    "code": cv2.cvtColor(cv2.resize(drawn(bytes(range(256))), (900, 900), interpolation=0), cv2.COLOR_GRAY2BGR),
    "fillers": rows_of("<"),
    "letters": rows_of("O"),
    "prose": text_page(OTHER_PRINT, 22, 60, False),
    "capitals": text_page(OTHER_PRINT, 18, 44, True),
    "listing 44": text_page(MONO, 20, 44, False),
    "listing 36": text_page(MONO, 26, 36, True),
    "listing 30": text_page(MONO, 30, 30, True),
    "ocr-b 44": text_page(HELD_OUT, 22, 44, False),
    "ocr-b 36 capitals": text_page(HELD_OUT, 17, 36, True),
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "a row": np.zeros((1, 8000, 3), np.uint8),
    "a column": np.full((8000, 2, 3), 90, np.uint8),
}


@pytest.mark.parametrize("name", NONE)
def test_there_is_no_zone(reader: MrzReader, name: str) -> None:
    assert reader.find(NONE[name]) is None


def test_the_largest_picture_is_bounded_in_time(reader: MrzReader) -> None:
    """16 megapixels of noise, and of text, take about a second at most; the limit leaves room for a busy machine."""
    for pixels in (
        np.random.default_rng(2).integers(0, 256, (4096, 4096, 3)).astype(np.uint8),
        cv2.resize(NONE["listing 44"], (4096, 4096)),
    ):
        begun = time.process_time()
        assert reader.find(pixels) is None
        assert time.process_time() - begun < 5.0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 400), st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 11, 40]))
def test_any_pixels_are_read_or_not(height: int, width: int, seed: int, blot: int) -> None:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // blot + 1, width // blot + 1, 3)).astype(np.uint8)
    reader = MrzReader()
    assert reader.find(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)) is None
