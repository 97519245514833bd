"""Words on the screen: broken into lines in reading order, shaped for their script, held to their room."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

from kivy.properties import BooleanProperty, ListProperty, NumericProperty, StringProperty
from kivy.uix.label import Label

from kiosk_app.ui.current import look
from kiosk_app.ui.fonts import LINE_ASCENT, LINE_DESCENT, Face, ruler
from kiosk_app.ui.shaping import display, is_right_to_left, kivy_markup, lines

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
        self._shown: tuple[Wanted, str, str] | None = None
        names = ("words", "role", "ink", "heavy", "align", "width", "room", "most_lines", "language", "squeeze")
        for name in (*names, "parent"):
            self.fbind(name, self._draw)
        self._draw()

    def _draw(self, *_: Any) -> None:
        if self.width <= 1 or self.parent is None:
            return  # its place is not known yet
        now = look()
        language = self.language or now.language
        size = now.type_size(self.role) * self.squeeze
        wanted = Wanted(
            self.words,
            language,
            round(self.width),
            round(size, 1),
            self.heavy,
            round(self.room),
            int(self.most_lines),
        )
        if (wanted, self.ink, self.align) == self._shown:
            return
        self._shown = (wanted, self.ink, self.align)
        if not self.words:
            self.text, self.height, self.drawn, self.overflow = "", 0, [], False
            return
        fit = fitted(wanted)
        self.overflow = fit.overflow
        self.drawn = list(fit.lines)
        self.font_size = fit.size
        self.bold = self.heavy
        self.color = self.disabled_color = now.rgba(self.ink)
        start = "right" if is_right_to_left(language) else "left"
        self.halign = "center" if self.align == "centre" else start
        self.text_size = (self.width, None)
        self.text = "\n".join(kivy_markup(line, language) for line in fit.lines)
        self.texture_update()
        self.height = self.texture_size[1]


class Wanted(NamedTuple):
    """A text and the place it has to fit into, in pixels."""

    words: str
    language: str
    width: int
    size: float
    heavy: bool
    room: int
    most_lines: int


class Fit(NamedTuple):
    """How it fits: the size of its type, its lines as they are drawn."""

    size: int
    lines: tuple[str, ...]
    overflow: bool


@lru_cache(maxsize=2048)
def fitted(wanted: Wanted) -> Fit:
    """The largest of the sizes at which a text fits. Kept, as the same screens come again for every traveller."""
    broken: list[str] = []
    scaled = 1
    for share in SHARES:
        scaled = max(1, round(wanted.size * share))
        measure = ruler(scaled, wanted.heavy)
        broken = lines(wanted.words, wanted.language, wanted.width, measure)
        low = not wanted.room or len(broken) * scaled * LEADING <= wanted.room
        few = not wanted.most_lines or len(broken) <= wanted.most_lines
        narrow = all(measure(display(word, wanted.language)) <= wanted.width for word in wanted.words.split())
        if narrow and low and few:
            return Fit(scaled, tuple(broken), overflow=False)
    return Fit(scaled, tuple(broken), overflow=True)
