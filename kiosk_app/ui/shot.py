"""What the window shows, as a picture: read from the frame itself, so it is what a person sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from kivy.core.window import Window
from kivy.graphics.opengl import GL_RGBA, GL_UNSIGNED_BYTE, glReadPixels
from PIL import Image


def pixels() -> Any:
    """Height x width x 3, from above. Draws a frame first."""
    Window.dispatch("on_draw")
    width, height = Window.system_size
    raw = glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE)
    return np.frombuffer(raw, np.uint8).reshape(height, width, 4)[::-1, :, :3]


def save(file: Path) -> None:
    """Write it as PNG."""
    Image.fromarray(np.ascontiguousarray(pixels())).save(file, compress_level=1)
