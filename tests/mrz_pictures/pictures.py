"""Generated pictures of documents with a zone: every format, many conditions, everything from one seed.

The characters are drawn with a cut of OCR-B that the network was not trained on (OCRBS, "sharp"). Everything else of
the page, its print, portrait and background, is drawn too: no picture of a real document is used.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from border_agent.documents.mrz import MrzFormat, build_mrz

HELD_OUT = Path("/usr/share/fonts/opentype/ocr-b/OCRBS.otf")
OTHER_PRINT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")

PAGE = {
    MrzFormat.TD1: (33.7, 21.3),
    MrzFormat.TD2: (41.3, 29.1),
    MrzFormat.TD3: (49.2, 34.6),
    MrzFormat.MRVA: (47.2, 31.5),
    MrzFormat.MRVB: (41.3, 29.1),
}
"""Width and height in character pitches (2.54 mm): 85.6 x 54, 105 x 74, 125 x 88, 120 x 80 mm."""


@dataclass(frozen=True)
class Condition:
    """How a picture is taken. Lengths in pixels, angles in degrees, shares of 1."""

    pitch: float = 16.0
    rotation: float = 2.0
    """At most, either way."""
    perspective: float = 0.010
    """Corners move by this share of the page at most."""
    blur: float = 0.5
    motion: int = 0
    noise: float = 3.0
    gain: float = 0.9
    shadow: float = 0.0
    glare: bool = False
    jpeg: int = 90
    turn: int = 0
    colour: bool = False
    """Colour and security print behind the zone."""


CONDITIONS = {
    "scan300": Condition(30, 0.7, 0, 0.4, noise=2, turn=0),
    "scan200": Condition(20, 0.7, 0, 0.4, noise=2),
    "cam16": Condition(16),
    "cam12": Condition(12, 3, 0.010),
    "cam9": Condition(9, 3, 0.015),
    "rot8": Condition(16, 8),
    "persp4": Condition(16, 2, 0.04),
    "blur2": Condition(16, blur=2.0),
    "motion5": Condition(16, motion=5),
    "lowlight": Condition(16, gain=0.2, noise=5),
    "noise25": Condition(16, noise=25),
    "glare": Condition(16, glare=True),
    "shadow": Condition(16, shadow=0.55),
    "jpeg25": Condition(16, jpeg=25),
    "turn180": Condition(16, turn=2),
    "turn90": Condition(16, turn=1),
    "turn270": Condition(14, 4, turn=3),
    "security": Condition(16, colour=True),
    "combo": Condition(14, 4, 0.02, 1.0, noise=9, gain=0.6, shadow=0.3, jpeg=70),
}

BEYOND = {
    "worst": Condition(14, 4, 0.02, 1.0, noise=9, gain=0.6, shadow=0.3, jpeg=70, colour=True),
    "cam7": Condition(7, 3, 0.015),
    "noise40": Condition(16, noise=40),
    "blur4": Condition(16, blur=4.0),
}
"""Beyond what the reader must read: measured apart, to see where it ends and that it is honest there."""

_SURNAMES = [
    "ERIKSSON",
    "OKAFOR",
    "DIALLO",
    "NGUYEN",
    "MUELLER",
    "SMITH-JONES",
    "TRAORE",
    "MBARGA",
    "ABDELKADER",
    "QUINN",
    "ZONGO",
    "WAWRZYNIAK",
    "O'BRIEN",
    "KOUYATE",
    "IBRAHIM",
    "LOPEZ",
    "EBODE",
    "FOTSO",
    "XHAFERI",
    "JJUMBA",
]
_GIVEN = [
    "ANNA",
    "MARIA",
    "JEAN-PAUL",
    "AISSATOU",
    "KWAME",
    "FATIMA",
    "ZOE",
    "XAVIER",
    "YVES",
    "OUSMANE",
    "BLANDINE",
    "GODWIN",
    "HASSAN",
    "IVY",
    "QUENTIN",
    "WILFRIED",
    "DJIBRIL",
    "VICTOIRE",
    "NADEGE",
    "LUC",
]
_STATES = [
    "CMR",
    "TCD",
    "NGA",
    "CAF",
    "GAB",
    "GNQ",
    "COG",
    "D",
    "FRA",
    "GBR",
    "USA",
    "IND",
    "CHN",
    "BRA",
    "CHE",
    "UTO",
    "SEN",
    "MLI",
    "NER",
    "CIV",
]


@dataclass(frozen=True)
class Taken:
    """A picture (blue, green, red) and the lines in it."""

    pixels: np.ndarray
    lines: tuple[str, ...]
    format: MrzFormat


def some_lines(format: MrzFormat, random: np.random.Generator) -> tuple[str, ...]:
    """A zone of an invented person."""
    letters, digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"

    def pick(pool: str | list[str], count: int) -> list[str]:
        return [str(item) for item in random.choice(list(pool), count)]

    first = {"TD1": "I", "TD2": "I", "TD3": "P", "MRVA": "V", "MRVB": "V"}[format]
    birth = datetime.date(1935, 1, 1) + datetime.timedelta(days=int(random.integers(0, 31_000)))
    issuer = pick(_STATES, 1)[0]
    optional = "".join(pick(letters + digits, int(random.integers(0, 8)))) if random.random() < 0.5 else ""
    return build_mrz(
        format,
        document_code=first + (pick("DPOM", 1)[0] if random.random() < 0.3 else ""),
        issuer=issuer,
        surname=" ".join(pick(_SURNAMES, int(random.integers(1, 3)))),
        given_names=" ".join(pick(_GIVEN, int(random.integers(1, 4)))),
        number="".join(pick(letters + digits + digits, int(random.integers(7, 10)))),
        nationality=issuer if random.random() < 0.8 else pick(_STATES, 1)[0],
        birth=birth,
        sex=pick("MFX", 1)[0],
        expiry=datetime.date(2027, 1, 1) + datetime.timedelta(days=int(random.integers(0, 3600))),
        optional=optional,
    )


def take(
    lines: tuple[str, ...],
    format: MrzFormat,
    condition: Condition,
    random: np.random.Generator,
    font: Path = HELD_OUT,
) -> Taken:
    """Draw a page with these lines and photograph it."""
    page = _page(lines, format, font, condition.colour, random)
    return Taken(_photograph(page, PAGE[format], condition, random), lines, format)


_DRAWN = 32.0
"""Pitch of the page before it is photographed."""


def _page(
    lines: tuple[str, ...], format: MrzFormat, font: Path, colour: bool, random: np.random.Generator
) -> np.ndarray:
    """The document page, blue, green, red."""
    width, height = (round(side * _DRAWN) for side in PAGE[format])
    paper = np.full((height, width, 3), random.uniform(225, 250), np.float32)
    if colour:
        paper *= random.uniform(0.78, 1.0, 3).astype(np.float32)
        _guilloche(paper, random)
    image = Image.fromarray(paper.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    ink = tuple(int(level) for level in random.integers(5, 45, 3))
    _other_print(draw, width, height, random, ink)
    size = 10
    while ImageFont.truetype(str(font), size).getlength("H") < _DRAWN:
        size += 1
    face = ImageFont.truetype(str(font), size)
    spacing = _DRAWN * (random.uniform(1.85, 2.3) if format is MrzFormat.TD1 else random.uniform(2.1, 2.5))
    left = (width - _DRAWN * len(lines[0])) / 2 + random.uniform(-1, 1) * _DRAWN
    top = height - _DRAWN * random.uniform(1.6, 2.3) - spacing * (len(lines) - 1) - _DRAWN * 0.6
    box_top = face.getbbox("H")[1]
    for row, line in enumerate(lines):
        for place, character in enumerate(line):
            draw.text((left + place * _DRAWN, top + row * spacing - box_top), character, font=face, fill=ink)
    return np.asarray(image)


def _guilloche(paper: np.ndarray, random: np.random.Generator) -> None:
    height, width = paper.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(3):
        wave, swing = random.uniform(9, 40), random.uniform(5, 60)
        angle = random.uniform(0, np.pi)
        phase = (x * np.cos(angle) + y * np.sin(angle)) / wave * 6.28
        phase += swing / wave * np.sin(x / random.uniform(80, 300) + random.uniform(0, 6))
        lines = (np.sin(phase) > random.uniform(0.3, 0.8)).astype(np.float32)[..., None]
        paper *= 1.0 - lines * random.uniform(0.05, 0.30, 3).astype(np.float32)


def _other_print(
    draw: ImageDraw.ImageDraw, width: int, height: int, random: np.random.Generator, ink: tuple[int, ...]
) -> None:
    """Portrait and data above the zone."""
    left, top = int(0.04 * width), int(0.12 * height)
    draw.rectangle((left, top, left + int(0.26 * width), top + int(0.48 * height)), fill=(170, 180, 190))
    draw.ellipse(
        (left + 0.06 * width, top + 0.08 * height, left + 0.20 * width, top + 0.38 * height), fill=(90, 110, 150)
    )
    for row in range(6):
        label = ImageFont.truetype(str(OTHER_PRINT), int(0.5 * _DRAWN))
        value = ImageFont.truetype(str(OTHER_PRINT), int(random.uniform(0.8, 1.1) * _DRAWN))
        y = int(0.10 * height + row * 0.085 * height)
        draw.text((0.36 * width, y), "Nom / Surname / Nationalité", font=label, fill=ink)
        words = " ".join(str(word) for word in random.choice(_SURNAMES, 2))
        draw.text((0.36 * width, y + 0.5 * _DRAWN), words, font=value, fill=ink)


def _photograph(
    page: np.ndarray, size: tuple[float, float], condition: Condition, random: np.random.Generator
) -> np.ndarray:
    height, width = page.shape[:2]
    scale = condition.pitch / _DRAWN
    margin = random.uniform(0.03, 0.12)
    out_width, out_height = round(width * scale * (1 + 2 * margin)), round(height * scale * (1 + 2 * margin))
    reach = np.deg2rad(random.uniform(-condition.rotation, condition.rotation))
    extra = abs(np.sin(reach))
    out_width += round(extra * height * scale)
    out_height += round(extra * width * scale)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    middle = np.array([width, height], np.float32) / 2
    turn = np.array([[np.cos(reach), -np.sin(reach)], [np.sin(reach), np.cos(reach)]], np.float32)
    there = (corners - middle) @ turn.T * scale + np.array([out_width, out_height]) / 2
    there += random.uniform(-1, 1, (4, 2)) * condition.perspective * np.array([width, height]) * scale
    shrunk = cv2.GaussianBlur(page, (0, 0), max(0.1, 0.4 / scale))
    desk = np.full((out_height, out_width, 3), random.uniform(40, 200, 3), np.float32)
    desk += cv2.resize(random.normal(0, 14, (out_height // 8 + 1, out_width // 8 + 1, 1)), (out_width, out_height))[
        ..., None
    ]
    matrix = cv2.getPerspectiveTransform(corners, there.astype(np.float32))
    laid = cv2.warpPerspective(shrunk, matrix, (out_width, out_height), flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.full(page.shape[:2], 1, np.float32), matrix, (out_width, out_height))[..., None]
    scene = laid * mask + desk * (1 - mask)
    y, x = np.mgrid[0:out_height, 0:out_width].astype(np.float32)
    if condition.shadow:
        edge = x * random.uniform(0.3, 1) + y * random.uniform(-1, 1)
        edge = (edge - np.median(edge)) / (0.04 * out_width)
        scene *= (1 - condition.shadow / (1 + np.exp(-edge)))[..., None]
    if condition.glare:
        at = np.array([random.uniform(0.2, 0.8) * out_width, random.uniform(0.7, 0.95) * out_height])
        distance = ((x - at[0]) / (5 * condition.pitch)) ** 2 + ((y - at[1]) / (4 * condition.pitch)) ** 2
        scene += (150 * np.exp(-distance))[..., None]
    if condition.motion:
        kernel = np.zeros((condition.motion, condition.motion), np.float32)
        kernel[condition.motion // 2] = 1 / condition.motion
        scene = cv2.filter2D(scene, -1, kernel)
    if condition.blur:
        scene = cv2.GaussianBlur(scene, (0, 0), condition.blur)
    scene = scene * condition.gain + random.normal(0, condition.noise, (out_height, out_width, 1))
    scene += random.normal(0, condition.noise / 3, scene.shape)
    picture = np.rot90(scene.clip(0, 255).astype(np.uint8), condition.turn).copy()
    if condition.jpeg < 100:
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, condition.jpeg])[1], 1)
    return np.asarray(picture)
