"""Lettering on specimens: OCR-B cell by cell for machine readable zones, OpenCV's own sans for everything else.

The sans comes inside OpenCV 5 and has the accents of French; OCR-B is Debian's `fonts-ocr-b`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from border_agent.errors import BorneError
from border_agent.specimens.canvas import Pixels

Ink = tuple[int, int, int]
"""BGR, 0-255."""

OCR_B = Path("opentype/ocr-b/OCRB.otf")
_FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")


class FontMissing(BorneError):
    """The OCR-B font is not installed (Debian package `fonts-ocr-b`)."""

    code = "specimens.font_missing"


class Weight(IntEnum):
    """How heavy the sans is drawn."""

    LIGHT = 300
    REGULAR = 400
    MEDIUM = 500
    BOLD = 700


def text(
    picture: Pixels, words: str, at: tuple[int, int], ink: Ink, size: int, weight: Weight = Weight.REGULAR
) -> None:
    """Write on the picture; `at` is the left end of the base line, `size` in px."""
    cv2.putText(picture, words, at, ink, _sans(), size, int(weight))


def width_of(words: str, size: int, weight: Weight = Weight.REGULAR) -> int:
    """How wide the words come out, px."""
    box = cv2.getTextSize((4096, 256), words, (0, 128), _sans(), size, int(weight))
    return int(box[2])


def machine_lines(
    picture: Pixels, lines: Sequence[str], at: tuple[int, int], pitch: float, spacing: float, ink: Ink
) -> None:
    """Lines in OCR-B, every character in the middle of its own cell; `at` is the left end of the first base line."""
    font = _ocr_b(round(pitch * 41 / 29.64))
    page = Image.fromarray(picture)
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            where = (at[0] + (column + 0.5) * pitch, at[1] + row * spacing)
            pen.text(where, character, font=font, fill=ink, anchor="ms")
    picture[:] = np.asarray(page)


@cache
def _sans() -> cv2.FontFace:
    return cv2.FontFace("sans")


@cache
def _ocr_b(size: int) -> ImageFont.FreeTypeFont:
    for folder in _FONT_FOLDERS:
        if (folder / OCR_B).is_file():
            return ImageFont.truetype(str(folder / OCR_B), size)
    raise FontMissing(str(OCR_B), "install the Debian package fonts-ocr-b")
