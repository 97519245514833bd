"""A picture of the project in a place on the screen, as large as fits."""

from __future__ import annotations

from typing import Any

from kivy.graphics import Color, Rectangle
from kivy.properties import NumericProperty, StringProperty
from kivy.uix.widget import Widget

from kiosk_app.ui import art
from kiosk_app.ui.current import look


class Picture(Widget):
    """`source` names a file of `pictures/`; `ink` colours those of one colour, by its name in the palette."""

    source = StringProperty("")
    ink = StringProperty("")
    shown = NumericProperty(1.0)
    """Opacity: two layers fade into each other by it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.canvas:
            self._colour = Color(1, 1, 1, 1)
            self._area = Rectangle(size=(0, 0))
        for name in ("source", "ink", "pos", "size"):
            self.fbind(name, self._draw)
        self.fbind("shown", self._fade)
        self._draw()

    def _fade(self, *_: Any) -> None:
        self._colour.a = self.shown

    def _draw(self, *_: Any) -> None:
        width, height = int(self.width), int(self.height)
        if not self.source or width < 2 or height < 2:
            self._area.size = (0, 0)
            return
        ink = getattr(look().palette, self.ink) if self.ink else ""
        drawn = art.texture(self.source, width, height, ink, mirrored=look().right_to_left)
        self._area.texture = drawn
        self._area.size = drawn.size
        self._area.pos = (
            round(self.x + (self.width - drawn.width) / 2),
            round(self.y + (self.height - drawn.height) / 2),
        )
