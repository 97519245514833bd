"""The camera's picture as in a mirror, behind a mask with a large oval; the oval fills as frames are taken."""

from __future__ import annotations

from typing import Any

from kivy.graphics import Color, Ellipse, SmoothLine
from kivy.graphics.texture import Texture
from kivy.properties import BooleanProperty, NumericProperty
from kivy.uix.widget import Widget

from kiosk_app.ui.current import look

OVAL = 0.76
"""Width of the oval over its height: a head's."""


class Mirror(Widget):
    """A face camera's frames, turned left for right, seen through an oval."""

    good = BooleanProperty(False)
    share = NumericProperty(0.0)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._texture: Any = None
        with self.canvas:
            # One ellipse that bears the picture: a stencil would paint every pixel three times.
            self._paint = Color(*look().rgba("tint"))
            self._picture = Ellipse(segments=120)
            self._rim_colour = Color(*look().rgba("line"))
            self._rim = SmoothLine(width=look().mm(1.1))
            self._arc_colour = Color(*look().rgba("good"))
            self._arc = SmoothLine(width=look().mm(1.8))
        for name in ("pos", "size"):
            self.fbind(name, self._place)
        for name in ("good", "share"):
            self.fbind(name, self._mark)

    @property
    def oval(self) -> tuple[float, float, float, float]:
        """x, y, width, height."""
        edge = look().mm(4)
        height = max(1.0, min(self.height - 2 * edge, (self.width - 2 * edge) / OVAL))
        width = height * OVAL
        return self.center_x - width / 2, self.center_y - height / 2, width, height

    def show_frame(self, width: int, height: int, pixels: bytes) -> None:
        """One frame, height x width x 3 bytes, blue-green-red."""
        if self._texture is None or self._texture.size != (width, height):
            self._texture = Texture.create(size=(width, height), colorfmt="bgr")
            self._paint.rgba = (1, 1, 1, 1)
            self._picture.texture = self._texture
            self._place()
        self._texture.blit_buffer(pixels, colorfmt="bgr", bufferfmt="ubyte")
        self.canvas.ask_update()

    def _place(self, *_: Any) -> None:
        x, y, width, height = self.oval
        self._picture.pos, self._picture.size = (x, y), (width, height)
        if self._texture is not None:
            # The frame covers the oval, its middle in the oval's; turned left for right, as in a mirror.
            scale = max(width / self._texture.width, height / self._texture.height)
            across, down = (
                part / scale / side / 2 for part, side in zip((width, height), self._texture.size, strict=True)
            )
            most_u, most_v = self._texture.uvsize
            left, right = (0.5 + across) * most_u, (0.5 - across) * most_u
            low, high = (0.5 + down) * most_v, (0.5 - down) * most_v
            self._picture.tex_coords = (left, low, right, low, right, high, left, high)
        self._mark()

    def _mark(self, *_: Any) -> None:
        x, y, width, height = self.oval
        self._rim_colour.rgba = look().rgba("good" if self.good else "line")
        self._rim.ellipse = (x, y, width, height, 0, 360, 120)
        self._arc_colour.a = 1.0 if self.share else 0.0
        self._arc.ellipse = (x, y, width, height, 0, max(1.0, 360 * self.share), 120)
