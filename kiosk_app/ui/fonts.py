"""The fonts of window and slip: Debian's Noto Sans and Noto Sans Arabic, and which of the two draws what.

Neither Kivy nor Pillow looks for a missing letter in another font, and Noto Sans Arabic has no Latin letters, no
brackets and no slash. So text is divided into runs, each drawn with a face that has all of it.
"""

from __future__ import annotations

import enum
import re
import struct
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from PIL import ImageFont

PACKAGE = "fonts-noto-core"
FOLDER = Path("/usr/share/fonts/truetype/noto")

LINE_ASCENT, LINE_DESCENT = 1069, 470
"""Of a line with the copies of `install`, in thousandths of the size: what the letters of both faces need."""

_ARABIC = re.compile(r"[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
_BOTH = frozenset(" !,-.:0123456789\u00a0«»\u200c\u2010\u2011")  # what Noto Sans Arabic has besides
_UNITS = re.compile(r"[0-9]+(?:[.,:/\-][0-9]+)*|.", re.DOTALL)  # a date in two faces would look torn


class FontsMissing(Exception):
    """A font is not there or not usable. `where` is the Debian package to install, `detail` the file."""

    code: ClassVar[str] = "kiosk.fonts_missing"

    def __init__(self, where: str, detail: str = "") -> None:
        self.where = where
        self.detail = detail
        super().__init__(f"{self.code}: {where}" + (f": {detail}" if detail else ""))


class Face(enum.Enum):
    """A typeface; the value is the name to register it under with Kivy, and begins its files' names."""

    latin = "NotoSans"
    arabic = "NotoSansArabic"

    def file(self, bold: bool = False, folder: Path = FOLDER) -> Path:
        """Raises FontsMissing."""
        path = folder / f"{self.value}-{'Bold' if bold else 'Regular'}.ttf"
        if not path.is_file():
            raise FontsMissing(PACKAGE, str(path))
        return path


def face_for(char: str) -> Face:
    """The face of one character that stands alone."""
    return Face.arabic if _ARABIC.match(char) else Face.latin


def runs(text: str) -> list[tuple[Face, str]]:
    """Divide a line. What both faces have goes with what stands before it, at the beginning with what follows."""
    divided: list[tuple[Face, str]] = []
    undecided = ""
    for unit in _UNITS.findall(text):
        face: Face | None = face_for(unit[0])
        if face is Face.latin and _BOTH.issuperset(unit):
            face = divided[-1][0] if divided else None
        if face is None:
            undecided += unit
        elif divided and divided[-1][0] is face:
            divided[-1] = (face, divided[-1][1] + unit)
        else:
            divided.append((face, undecided + unit))
            undecided = ""
    return divided or ([(Face.latin, undecided)] if undecided else [])


@lru_cache(maxsize=64)
def font(face: Face, size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """For Pillow; size in pixels. Raises FontsMissing."""
    path = face.file(bold)
    try:
        # Text comes shaped already, and Raqm would depend on what else the machine has.
        return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise FontsMissing(PACKAGE, f"{path}: {error}") from error


def ruler(size: int, bold: bool = False) -> Callable[[str], float]:
    """A function that measures a display line, in pixels. Raises FontsMissing, as does the function."""
    font(Face.latin, size, bold)

    def width(text: str) -> float:
        return sum(font(face, size, bold).getlength(part) for face, part in runs(text))

    return width


def install(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Write the faces to `folder`, all with one line height; the answer is name -> (regular, bold), to register.

    Kivy sets the runs of a line by their fonts' heights, not by their base lines: with the fonts as they are, Latin
    words in an Arabic line stand a third of a letter too low. Raises FontsMissing, or OSError where nothing can be
    written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    installed = {}
    for face in Face:
        regular, bold = (_levelled(face.file(weight), folder) for weight in (False, True))
        installed[face.value] = (regular, bold)
    return installed


def _levelled(source: Path, folder: Path) -> Path:
    """A copy that says other heights of itself (tables hhea and OS/2); its letters stay as they are."""
    try:
        data = bytearray(source.read_bytes())
        (count,) = struct.unpack_from(">H", data, 4)
        for entry in range(count):
            tag, _, offset, _ = struct.unpack_from(">4s3I", data, 12 + 16 * entry)
            if tag == b"hhea":
                struct.pack_into(">3h", data, offset + 4, LINE_ASCENT, -LINE_DESCENT, 0)
            elif tag == b"OS/2":
                struct.pack_into(">3h2H", data, offset + 68, LINE_ASCENT, -LINE_DESCENT, 0, LINE_ASCENT, LINE_DESCENT)
    except struct.error as error:
        raise FontsMissing(PACKAGE, f"{source}: not a font") from error
    target = folder / source.name
    target.write_bytes(data)
    return target
