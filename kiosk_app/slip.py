"""The traveller's slip as the rows a printer burns: 72 mm wide at 203 dots an inch, black or not.

Whatever the texts are, the slip stays shorter than MAX_ROWS: each place has so many lines at most, and what does not
fit there ends in an ellipsis. Nothing is cut off at the edge of the paper.
"""

from __future__ import annotations

from typing import Final

import msgspec
import segno
from PIL import Image, ImageDraw

from kiosk_app.ui.fonts import Face, font, ruler, runs
from kiosk_app.ui.shaping import clean, display, is_right_to_left, lines, marks_first

WIDTH: Final = 576
MAX_ROWS: Final = 1400
MAX_STEPS: Final = 3

_MARGIN = 24
_RIGHT = WIDTH - _MARGIN - 1
_INSIDE = WIDTH - 2 * _MARGIN
_MAX_TEXT = 1000  # characters of a text that are looked at; the lines hold less
_MAX_QR = 120  # so that a dot of the code stays at least as large as scanners of damaged paper want
_QR_SIDE = 264
_BLACK = 150  # grey below this is burnt; lower is thinner


class SlipContent(msgspec.Struct, frozen=True):
    """Ready texts in the traveller's language. Empty ones leave their place out."""

    title: str
    where: str
    code: str
    qr: str
    """What the QR code says; one that is too long is left out."""
    moment: str
    lines: tuple[str, ...] = ()
    """What to do, at most MAX_STEPS."""
    contact_title: str = ""
    contact: str = ""


class SlipRows(msgspec.Struct, frozen=True):
    """Rows from the top, `width / 8` octets each, most significant bit first, 1 = black."""

    width: int
    height: int
    data: bytes


def render_slip(content: SlipContent, language: str) -> SlipRows:
    """Draw a slip. Raises `kiosk_app.ui.fonts.FontsMissing`."""
    paper = _Paper(language)
    paper.head(content.title)
    paper.centred(content.where, (76, 64, 54, 46), most=2)
    paper.code(content.code)
    paper.qr(content.qr)
    paper.centred(content.moment, (32, 28), bold=False, most=1)
    paper.steps(content.lines[:MAX_STEPS])
    paper.contact(content.contact_title, content.contact)
    return paper.rows()


class _Paper:
    """An endless strip, filled from the top."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._mirrored = is_right_to_left(language)
        self._image = Image.new("L", (WIDTH, MAX_ROWS), 255)
        self._draw = ImageDraw.Draw(self._image)
        self._y = 16

    def head(self, title: str) -> None:
        size, side = 36, 76
        texts = self._fitted(title, size, True, _INSIDE - side, 2)
        height = max(72, round(1.4 * size) * len(texts))
        self._stone(WIDTH - _MARGIN - 52 if self._mirrored else _MARGIN, self._y + (height - 72) // 2)
        top = self._y
        self._y += (height - round(1.4 * size) * len(texts)) // 2
        self._lines(texts, size, True, side)
        self._y = top + height + 14
        self._rule(5)

    def centred(self, text: str, sizes: tuple[int, ...], *, bold: bool = True, most: int) -> None:
        """In the largest size that fits on one line; in the smallest on `most` lines."""
        for size in sizes:
            texts = self._fitted(text, size, bold, _INSIDE, most if size == sizes[-1] else 2)
            if len(texts) <= 1:
                break
        for line in texts:
            self._line(line, (WIDTH - ruler(size, bold)(line)) / 2, size, bold)
        self._y += 10 if texts else 0

    def code(self, code: str) -> None:
        """In a frame, as large as the paper allows, and from left to right in every language."""
        text = display(code[:_MAX_TEXT], "en").strip()
        if not text:
            return
        room = _INSIDE - 48
        size = next((size for size in range(128, 56, -4) if ruler(size, True)(text) <= room), 56)
        (text,) = lines(text, "en", room, ruler(size, True), most=1)
        height = round(1.2 * size)
        self._draw.rounded_rectangle((_MARGIN, self._y, _RIGHT, self._y + height), 22, outline=0, width=5)
        # Centred by the height of capitals and figures, not by a line with room for accents.
        base = self._y + (height + round(0.714 * size)) // 2
        self._write(text, (WIDTH - ruler(size, True)(text)) / 2, base, size, True)
        self._y += height + 36  # a code needs its quiet zone

    def qr(self, said: str) -> None:
        if not said or len(said.encode(errors="replace")) > _MAX_QR:
            return
        symbol = segno.make(said.encode(errors="replace"), error="m", micro=False, boost_error=True)
        modules = len(symbol.matrix)
        scale = _QR_SIDE // modules
        side = scale * modules
        left = (WIDTH - side) // 2
        for row, across in enumerate(symbol.matrix):
            for column, dark in enumerate(across):
                if dark:
                    x, y = left + scale * column, self._y + scale * row
                    self._draw.rectangle((x, y, x + scale - 1, y + scale - 1), fill=0)
        self._y += side + 20

    def steps(self, texts: tuple[str, ...]) -> None:
        texts = tuple(text for text in texts if clean(text[:_MAX_TEXT]).strip())
        if not texts:
            return
        self._y += 6
        self._rule(2)
        size, indent = 34, 60 if len(texts) > 1 else 0
        for number, text in enumerate(texts, 1):
            if indent:
                self._disc(str(number), self._y + 3)
            self._lines(self._fitted(text, size, False, _INSIDE - indent, 2), size, False, indent)
            self._y += 10

    def contact(self, title: str, text: str) -> None:
        heading, body = self._fitted(title, 25, True, _INSIDE, 1), self._fitted(text, 25, False, _INSIDE, 3)
        if not heading and not body:
            return
        self._y += 6
        self._rule(2)
        self._lines(heading, 25, True)
        self._lines(body, 25, False)

    def rows(self) -> SlipRows:
        height = min(MAX_ROWS, self._y + 20)
        burnt = [255 if grey < _BLACK else 0 for grey in range(256)]
        return SlipRows(WIDTH, height, self._image.crop((0, 0, WIDTH, height)).point(burnt, "1").tobytes())

    def _fitted(self, text: str, size: int, bold: bool, width: float, most: int) -> list[str]:
        return lines(text[:_MAX_TEXT], self._language, width, ruler(size, bold), most)

    def _lines(self, texts: list[str], size: int, bold: bool, indent: int = 0) -> None:
        """At the side where reading begins."""
        for line in texts:
            left = WIDTH - _MARGIN - indent - ruler(size, bold)(line) if self._mirrored else _MARGIN + indent
            self._line(line, left, size, bold)

    def _line(self, line: str, x: float, size: int, bold: bool) -> None:
        self._write(line, x, self._y + round(1.02 * size), size, bold)
        self._y += round(1.4 * size)

    def _write(self, line: str, x: float, base: int, size: int, bold: bool) -> None:
        for face, part in runs(marks_first(line)):
            letters = font(face, size, bold)
            self._draw.text((x, base), part, font=letters, fill=0, anchor="ls")
            x += letters.getlength(part)

    def _rule(self, thickness: int) -> None:
        self._draw.rectangle((_MARGIN, self._y, _RIGHT, self._y + thickness - 1), fill=0)
        self._y += thickness + 12

    def _disc(self, figure: str, top: int) -> None:
        left = WIDTH - _MARGIN - 44 if self._mirrored else _MARGIN
        self._draw.ellipse((left, top, left + 43, top + 43), fill=0)
        self._draw.text((left + 22, top + 32), figure, font=font(Face.latin, 29, True), fill=255, anchor="ms")

    def _stone(self, left: int, top: int) -> None:
        """The mark: a boundary stone in the ground."""
        self._draw.ellipse((left + 6, top, left + 45, top + 39), fill=0)
        self._draw.rectangle((left + 6, top + 20, left + 45, top + 63), fill=0)
        self._draw.rectangle((left + 14, top + 24, left + 37, top + 29), fill=255)
        self._draw.rectangle((left, top + 64, left + 51, top + 70), fill=0)
