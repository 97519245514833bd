"""Windows to train on: lines drawn from fonts, degraded as cameras and scanners do it, and cut as the reader cuts.

Used by `train` only. Everything is drawn from one random generator, so the same seed gives the same windows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from border_agent.decoding.mrz.glyphs import HEIGHT, NOTHING, PITCH, WIDTH
from border_agent.decoding.values import MRZ_ALPHABET

FONTS: Final[tuple[tuple[str, str, float], ...]] = (
    ("fonts-ocr-b", "opentype/ocr-b/OCRB.otf", 0.66),
    ("fonts-ocr-b", "opentype/ocr-b/OCRBL.otf", 0.03),
    ("fonts-dejavu-core", "truetype/dejavu/DejaVuSansMono.ttf", 0.06),
    ("fonts-liberation2", "truetype/liberation2/LiberationMono-Regular.ttf", 0.05),
    ("fonts-liberation2", "truetype/liberation2/LiberationMono-Bold.ttf", 0.04),
    ("fonts-freefont-ttf", "truetype/freefont/FreeMonoBold.ttf", 0.06),
    ("fonts-freefont-ttf", "truetype/freefont/FreeMono.ttf", 0.03),
    ("fonts-noto-mono", "truetype/noto/NotoMono-Regular.ttf", 0.07),
)
"""Debian package, file, and the share of lines drawn with it. OCR-B is what Doc 9303-3 wants; some prints differ."""
FONT_ROOT: Final = Path("/usr/share/fonts")

_DRAWN: Final = 40
"""Pitch at which lines are drawn before they are made smaller, in pixels."""
_ROWS: Final = 72
_LINE: Final = 24
"""Characters in one line drawn."""
_LOOKALIKES: Final = "O0QDGCI1LZ2S5B86R<KX3EFMNHWUVY"
_OTHER: Final = "abcdefghkmnopqrstuxyz.,:-/()'+=#&%"
"""What is no MRZ: drawn now and then and called nothing."""

Grey = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]


class FontMissingError(Exception):
    """A font to train on is not installed; the text names the Debian package."""


class Face:
    """One font's characters as tiles of ink (0 to 1), `_ROWS` x 2 `_DRAWN`, the character in the middle."""

    def __init__(self, file: Path) -> None:
        size = 10
        while ImageFont.truetype(str(file), size).getlength("H") < _DRAWN:
            size += 1
        font = ImageFont.truetype(str(file), size)
        _, top, _, bottom = font.getbbox("H")
        self.tiles: dict[str, _Floats] = {}
        for character in MRZ_ALPHABET + _OTHER:
            image = Image.new("L", (2 * _DRAWN, _ROWS), 0)
            left = _DRAWN - font.getlength(character) / 2
            ImageDraw.Draw(image).text((left, _ROWS / 2 - (top + bottom) / 2), character, font=font, fill=255)
            self.tiles[character] = np.asarray(image, np.float32) / 255.0


def load_faces(root: Path = FONT_ROOT) -> list[tuple[Face, float]]:
    """The fonts with their shares. Raises FontMissingError."""
    faces = []
    for package, name, share in FONTS:
        if not (root / name).is_file():
            raise FontMissingError(f"{name}: install the Debian package {package}")
        faces.append((Face(root / name), share))
    return faces


def windows_of_line(
    faces: list[tuple[Face, float]], random: np.random.Generator
) -> tuple[Grey, npt.NDArray[np.int64]]:
    """One line's windows and their classes: n x HEIGHT x WIDTH and n."""
    face = faces[random.choice(len(faces), p=[share for _, share in faces])][0]
    text = _text(random)
    ink = _drawn(face, text, random)
    picture, pitch, place = _photographed(ink, random)
    return _cut(picture, pitch, place, text, random)


def _text(random: np.random.Generator) -> str:
    kind = random.random()
    if kind < 0.25:
        return "".join(random.choice(list(_LOOKALIKES), _LINE))
    if kind < 0.30:
        return "".join(random.choice(list(_OTHER), _LINE))
    characters = random.choice(list(MRZ_ALPHABET), _LINE)
    start = int(random.integers(0, _LINE + 12))
    characters[start : start + int(random.integers(1, 12))] = "<"
    return "".join(characters)


def _drawn(face: Face, text: str, random: np.random.Generator) -> _Floats:
    """Ink of the whole line, the first character's middle at 2 `_DRAWN`. Size, weight and shape vary."""
    ink = np.zeros((_ROWS, (_LINE + 3) * _DRAWN), np.float32)
    wide, tall = random.uniform(0.80, 1.10), random.uniform(0.84, 1.12)
    shear = random.normal(0.0, 0.025)
    shape = np.array([[wide, shear * wide, 0], [0, tall, 0]], np.float64)
    middle = np.array([_DRAWN, _ROWS / 2])
    shape[:, 2] = middle - shape[:, :2] @ middle
    for place, character in enumerate(text):
        tile = cv2.warpAffine(face.tiles[character], shape, (2 * _DRAWN, _ROWS), flags=cv2.INTER_LINEAR)
        left = (place + 1) * _DRAWN
        part = ink[:, left : left + 2 * _DRAWN]
        np.maximum(part, tile, out=part)
    # Heavier or lighter strokes: blurred, and cut at another level than the half.
    spread = random.uniform(1.0, 3.2)
    level = random.uniform(0.22, 0.62)
    soft = cv2.GaussianBlur(ink, (0, 0), spread)
    ink = np.clip((soft - level) * 4.0 + 0.5, 0.0, 1.0)
    if random.random() < 0.15:  # worn print: ink missing in specks
        specks = cv2.resize(random.random((_ROWS // 3, ink.shape[1] // 3), np.float32), ink.shape[::-1])
        ink *= np.clip((specks - random.uniform(0.1, 0.35)) * 8.0, 0.0, 1.0)
    return np.asarray(ink, np.float32)


def _photographed(ink: _Floats, random: np.random.Generator) -> tuple[Grey, float, npt.NDArray[np.float64]]:
    """The line as a camera sees it: picture, pitch in it, and the map from drawn to pictured pixels (2 x 3)."""
    pitch = float(np.exp(random.uniform(np.log(5.0), np.log(28.0))))
    scale = pitch / _DRAWN
    angle = np.deg2rad(random.normal(0.0, 1.0))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.array([[1.0, random.normal(0.0, 0.02)], [0.0, random.uniform(0.94, 1.06)]])
    rows, columns = ink.shape
    size = (int(columns * scale) + 4, int(rows * scale) + 8)
    shift = np.array(size) / 2 - linear @ np.array([columns, rows]) / 2 + random.uniform(-0.5, 0.5, 2)
    place = np.column_stack([linear, shift])
    soft = cv2.GaussianBlur(ink, (0, 0), max(0.3, 0.45 / scale))
    small = cv2.warpAffine(soft, place, size, flags=cv2.INTER_LINEAR)
    sigma = float(random.choice([0.0, random.uniform(0.0, 0.05), random.uniform(0.03, 0.11)])) * pitch
    if sigma > 0.2:
        small = cv2.GaussianBlur(small, (0, 0), sigma)
    if random.random() < 0.15:
        small = _moved(small, random.uniform(0.1, 0.35) * pitch, random.uniform(0.0, np.pi))
    paper = _paper(small.shape, pitch, random)
    contrast = random.uniform(0.25, 0.95)
    light = paper * (1.0 - contrast * np.asarray(small))
    gain = random.uniform(0.25, 1.05)
    levels = 245.0 * gain * light
    levels += random.normal(0.0, random.uniform(0.0, 0.16) ** 1.5 * 245.0 * gain * contrast, small.shape)
    if random.random() < 0.2:
        levels += random.uniform(0.0, 60.0)  # haze
    picture = np.clip(levels, 0, 255).astype(np.uint8)
    if random.random() < 0.5:
        quality = int(random.integers(15, 90))
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        picture = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
    elif random.random() < 0.3:
        picture = np.asarray(cv2.filter2D(picture, -1, _SHARPEN), np.uint8)
    return np.asarray(picture, np.uint8), pitch, place


_SHARPEN: Final = np.array([[0, -0.5, 0], [-0.5, 3.0, -0.5], [0, -0.5, 0]])


def _moved(picture: Any, length: float, angle: float) -> Any:
    side = 2 * int(np.ceil(length)) + 1
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    start, end = (middle - reach).round().astype(int), (middle + reach).round().astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def _paper(shape: tuple[int, ...], pitch: float, random: np.random.Generator) -> _Floats:
    """Reflection of the paper, about 1: shadow, and now and then security print behind the line."""
    rows, columns = shape[:2]
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    paper = np.ones((rows, columns), np.float32)
    if random.random() < 0.3:
        paper *= 1.0 - random.uniform(0.1, 0.6) / (1.0 + np.exp((x - random.uniform(0, columns)) / (2 * pitch)))
    if random.random() < 0.45:
        depth = random.uniform(0.03, 0.22)
        for _ in range(int(random.integers(1, 4))):
            angle = random.uniform(0, np.pi)
            wave = random.uniform(0.12, 1.5) * pitch
            bend = random.uniform(0, 0.5) * np.sin(x / (random.uniform(1, 5) * pitch) + random.uniform(0, 6))
            phase = (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / max(wave, 2.5) + 6 * bend
            lines = np.sin(phase)
            paper *= (
                1.0 - depth * (lines > random.uniform(0.2, 0.8)) if random.random() < 0.5 else 1.0 - depth * lines / 2
            )
    if random.random() < 0.12:  # a thick stroke of other print across the line
        angle, offset = random.uniform(0, np.pi), random.uniform(0, columns)
        distance = np.abs((x - offset) * np.cos(angle) + (y - rows / 2) * np.sin(angle))
        paper *= 1.0 - random.uniform(0.05, 0.35) * (distance < random.uniform(0.1, 0.6) * pitch)
    return paper


def _cut(
    picture: Grey, pitch: float, place: npt.NDArray[np.float64], text: str, random: np.random.Generator
) -> tuple[Grey, npt.NDArray[np.int64]]:
    """Windows as the reader cuts them, a little off their places; some far off, which hold nothing."""
    count = len(text)
    other = text[0] in _OTHER
    away = random.normal(0.0, 0.06, (count, 2)).clip(-0.16, 0.16)
    wrong = random.random(count) < (1.0 if other else 0.12)
    if not other:
        sideways = random.random(count) < 0.7
        far = random.uniform(0.36, 0.64, count) * random.choice([-1.0, 1.0], count)
        high = random.uniform(0.42, 1.2, count) * random.choice([-1.0, 1.0], count)
        away[:, 0] = np.where(wrong & sideways, far, away[:, 0])
        away[:, 1] = np.where(wrong & ~sideways, high, away[:, 1])
    stretch = 1.0 + random.normal(0.0, 0.03, (count, 2)).clip(-0.07, 0.07)
    rows = (np.arange(HEIGHT, dtype=np.float64) - (HEIGHT - 1) / 2) / PITCH
    columns = (np.arange(WIDTH, dtype=np.float64) - (WIDTH - 1) / 2) / PITCH
    x = (np.arange(count)[:, None] + 2 + away[:, :1] + columns[None, :] * stretch[:, :1]) * _DRAWN
    y = (away[:, 1:] + rows[None, :] * stretch[:, 1:]) * _DRAWN + _ROWS / 2
    drawn_x = np.broadcast_to(x[:, None, :], (count, HEIGHT, WIDTH))
    drawn_y = np.broadcast_to(y[:, :, None], (count, HEIGHT, WIDTH))
    map_x = place[0, 0] * drawn_x + place[0, 1] * drawn_y + place[0, 2]
    map_y = place[1, 0] * drawn_x + place[1, 1] * drawn_y + place[1, 2]
    if pitch > 1.3 * PITCH:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.35 * pitch / PITCH), np.uint8)
    flat = cv2.remap(
        picture,
        map_x.reshape(-1, WIDTH).astype(np.float32),
        map_y.reshape(-1, WIDTH).astype(np.float32),
        cv2.INTER_LINEAR if pitch > PITCH else cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    classes = np.array([NOTHING if other else MRZ_ALPHABET.index(character) for character in text])
    return np.asarray(flat, np.uint8).reshape(count, HEIGHT, WIDTH), np.where(wrong, NOTHING, classes)
