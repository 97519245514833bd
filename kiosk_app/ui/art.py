"""The project's pictures: SVG files in `pictures/`, drawn at the size they are shown in, kept as textures."""

from __future__ import annotations

import io
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import resvg_py
from kivy.graphics.texture import Texture
from PIL import Image

FOLDER: Final = Path(__file__).parent.parent / "pictures"
KEPT: Final = 96
"""Textures kept; the oldest goes first, so that memory stays where it is however long the kiosk runs."""

DIRECTED: Final = frozenset({"icon-back", "icon-next", "icon-sign-out", "icon-purpose-transit"})
"""They point the way of reading, and are turned where that is from right to left."""

_kept: OrderedDict[tuple[str, int, int, str], Any] = OrderedDict()


@cache
def source(name: str) -> str:
    """The SVG of a picture."""
    return (FOLDER / f"{name}.svg").read_text(encoding="utf-8")


@cache
def shape(name: str) -> tuple[float, float]:
    """Width and height of a picture's view box."""
    box = source(name).split('viewBox="', 1)[1].split('"', 1)[0].split()
    return float(box[2]), float(box[3])


def rgba(name: str, width: int, height: int, ink: str = "") -> Any:
    """A picture as pixels, height x width x 4; `ink` (#RRGGBB) is the colour of one-colour pictures."""
    svg = source(name)
    if ink:
        svg = svg.replace("currentColor", ink)
    # No text in our pictures, so no fonts to look for: that alone would take 40 ms.
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA"))


def texture(name: str, width: int, height: int, ink: str = "", *, mirrored: bool = False) -> Any:
    """The picture as a texture that fits into width x height pixels, its own shape kept."""
    across, down = shape(name)
    scale = min(width / across, height / down)
    size = (max(1, round(across * scale)), max(1, round(down * scale)))
    mirrored = mirrored and name in DIRECTED
    key = (name, *size, f"{ink}{mirrored}")
    found = _kept.get(key)
    if found is None:
        pixels = rgba(name, *size, ink)
        found = Texture.create(size=(pixels.shape[1], pixels.shape[0]), colorfmt="rgba")
        found.flip_vertical()
        if mirrored:
            pixels = pixels[:, ::-1]
        found.blit_buffer(pixels.tobytes(), colorfmt="rgba", bufferfmt="ubyte")
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    else:
        _kept.move_to_end(key)
    return found
