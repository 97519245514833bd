"""Words on the screen: broken into lines in reading order, shaped for their script, held to their room."""

from __future__ import annotations

from typing import Any, Final

from kivy.properties import BooleanProperty, ListProperty, NumericProperty, StringProperty
from kivy.uix.label import Label

from kiosk_app.ui.current import look
from kiosk_app.ui.fonts import LINE_ASCENT, LINE_DESCENT, Face, ruler
from kiosk_app.ui.shaping import is_right_to_left, kivy_markup, lines

SHARES: Final = (1.0, 0.93, 0.86, 0.8, 0.74)
"""A text that does not fit shrinks by these steps; one that fits by none of them is a defect that the tests find."""
LEADING: Final = (LINE_ASCENT + LINE_DESCENT) / 1000 * 0.9


class Words(Label):
    """A text in the language of the look. `words` is what is meant, `text` what is drawn; as high as it needs."""

    words = StringProperty("")
    role = StringProperty("body")
    ink = StringProperty("text")
    heavy = BooleanProperty(False)
    align = StringProperty("start")
    """`start` is the side where reading begins; `centre`."""
    room = NumericProperty(0)
    """Greatest height in pixels; 0: as high as it needs to be."""
    most_lines = NumericProperty(0)
    """Greatest number of lines; 0: any."""
    squeeze = NumericProperty(1.0)
    """Share of the size that a crowded body leaves to its words."""
    language = StringProperty("")
    """Where it is not the look's."""
    overflow = BooleanProperty(False)
    """Even the smallest size does not fit: a defect."""
    drawn = ListProperty([])
    """The lines as they are drawn, for the tests."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(markup=True, line_height=0.9, size_hint_y=None, height=0, **kwargs)
        self.font_name = Face.latin.value
        for name in ("words", "role", "ink", "heavy", "align", "width", "room", "most_lines", "language", "squeeze"):
            self.fbind(name, self._draw)
        self._draw()

    def _draw(self, *_: Any) -> None:
        if self.width <= 1:
            return
        now = look()
        language = self.language or now.language
        self.overflow = False
        if not self.words:
            self.text, self.height, self.drawn = "", 0, []
            return
        size, broken = self._fitted(now.type_size(self.role) * self.squeeze, language)
        self.drawn = broken
        self.font_size = size
        self.bold = self.heavy
        self.color = self.disabled_color = now.rgba(self.ink)
        start = "right" if is_right_to_left(language) else "left"
        self.halign = "center" if self.align == "centre" else start
        self.text_size = (self.width, None)
        self.text = "\n".join(kivy_markup(line, language) for line in broken)
        self.texture_update()
        self.height = self.texture_size[1]

    def _fitted(self, size: float, language: str) -> tuple[int, list[str]]:
        broken: list[str] = []
        scaled = 1
        for share in SHARES:
            scaled = max(1, round(size * share))
            measure = ruler(scaled, self.heavy)
            broken = lines(self.words, language, self.width, measure)
            whole = _unbroken_words(broken, self.words, language)
            low = not self.room or len(broken) * scaled * LEADING <= self.room
            few = not self.most_lines or len(broken) <= self.most_lines
            if whole and low and few and all(measure(line) <= self.width + 1 for line in broken):
                return scaled, broken
        self.overflow = True
        return scaled, broken


def _unbroken_words(broken: list[str], words: str, language: str) -> bool:
    """Whether every line ends at the end of a word: one that is torn apart is read wrongly."""
    if is_right_to_left(language):
        return True  # letters were joined and moved: the width alone is checked
    return " ".join(broken).split() == words.replace("\u200b", "").split() or "\u200b" in words
