"""How everything is drawn: millimetres of the reference panel, colours, type. One frozen value, new at a change.

All lengths are millimetres of the panel, so that a target is as large under a finger on both: the reference panels
are 21.5 inch at 1080 x 1920 (0.248 mm a pixel, lower edge 850 mm above the floor) and 12.1 inch at 1280 x 800
(0.204 mm, 1,000 mm). Another panel is another line in `PANELS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from kiosk_app.flow.state import Comfort
from kiosk_app.ui.shaping import is_right_to_left

REACH_MM: Final = 1220.0
"""Nothing to touch lies higher above the floor in reach mode (EN 301 549, 8.3)."""
TARGET_MM: Final = 20.0
"""The least side of anything to touch."""

Colour = tuple[float, float, float, float]


@dataclass(frozen=True)
class Panel:
    """A screen as it is mounted."""

    width: int
    height: int
    mm_per_pixel: float
    lower_edge_mm: float


PANELS: Final = (Panel(1080, 1920, 0.248, 850.0), Panel(1280, 800, 0.204, 1000.0))


@cache
def panel_for(width: int, height: int) -> Panel:
    """The reference panel of a size; a window of another size is taken for the one of its shape, scaled."""
    for panel in PANELS:
        if (panel.width, panel.height) == (width, height):
            return panel
    like = PANELS[0] if height > width else PANELS[1]
    return Panel(width, height, like.mm_per_pixel * like.width / width, like.lower_edge_mm)


@cache
def colour(hexadecimal: str, alpha: float = 1.0) -> Colour:
    """`#RRGGBB` as Kivy takes it."""
    red, green, blue = (int(hexadecimal[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return (red, green, blue, alpha)


@dataclass(frozen=True)
class Palette:
    """Every pair of text and ground in use has a contrast of 7:1 or more (WCAG 2.2, 1.4.6); a test measures it."""

    ground: str
    card: str
    text: str
    primary: str
    on_primary: str
    tint: str
    """A quiet surface with text on it."""
    line: str
    bar: str
    on_bar: str
    good: str
    stop: str
    stop_tint: str
    warm: str
    """Shapes only."""
    focus: str
    on_sun: str = "#122B2A"
    """Words on the training mark."""


CALM: Final = Palette(
    ground="#F7F4EE",
    card="#FFFFFF",
    text="#122B2A",
    primary="#0B4A45",
    on_primary="#FFFFFF",
    tint="#E3EEEA",
    line="#B9C9C4",
    bar="#0B4A45",
    on_bar="#FFFFFF",
    good="#0A5A31",
    stop="#8E1B1B",
    stop_tint="#FAEAE7",
    warm="#B4532A",
    focus="#B4532A",
)
CONTRAST: Final = Palette(
    ground="#000000",
    card="#000000",
    text="#FFFFFF",
    primary="#FFE500",
    on_primary="#000000",
    tint="#1F1F1F",
    line="#FFFFFF",
    bar="#000000",
    on_bar="#FFFFFF",
    good="#7CFFB2",
    stop="#FFD0C8",
    stop_tint="#000000",
    warm="#FFE500",
    focus="#00E5FF",
)

THEMES: Final = {"calm": Comfort(), "contrast": Comfort(contrast=True), "large": Comfort(large=True)}
"""Names of the themes in pictures and tests."""

BAR_MM: Final = 20.0
"""The bar above: mark and steps."""
FOOT_MM: Final = 25.0
"""The bar below: what is always reachable."""
TRAINING_MM: Final = 10.0
"""The mark of the training mode, under the bar above."""

_TYPE_MM: Final = {
    "display": 22.0,
    "title": 14.5,
    "body": 9.8,
    "button": 9.0,
    "small": 6.4,
    "tiny": 5.0,
    "code": 33.0,
}
_TYPE_LOW_MM: Final = {
    "display": 14.0,
    "title": 10.0,
    "body": 7.0,
    "button": 6.6,
    "small": 5.0,
    "tiny": 4.2,
    "code": 20.0,
}
"""On a panel that is wider than high, and so low."""
_LARGE: Final = 1.28


@dataclass(frozen=True)
class Look:
    """Everything a widget needs to draw itself."""

    width: int
    height: int
    language: str
    comfort: Comfort
    training: bool = False

    @property
    def panel(self) -> Panel:
        return panel_for(self.width, self.height)

    @property
    def palette(self) -> Palette:
        return CONTRAST if self.comfort.contrast else CALM

    @property
    def right_to_left(self) -> bool:
        return is_right_to_left(self.language)

    @property
    def landscape(self) -> bool:
        return self.width > self.height

    def mm(self, millimetres: float) -> float:
        """Pixels."""
        return millimetres / self.panel.mm_per_pixel

    def type_size(self, role: str) -> float:
        """Height of a type role, pixels."""
        size = (_TYPE_LOW_MM if self.landscape else _TYPE_MM)[role]
        return self.mm(size * (_LARGE if self.comfort.large and role not in ("code", "display") else 1.0))

    @property
    def target(self) -> float:
        """Least height of a control, mm: where there is room, more than must be."""
        return TARGET_MM if self.landscape else TARGET_MM + 4.0

    def rgba(self, name: str, alpha: float = 1.0) -> Colour:
        """A colour of the palette by its name."""
        return colour(getattr(self.palette, name), alpha)

    @property
    def reach_pixels(self) -> float:
        """Height of the zone in which controls lie: the whole window, or in reach mode what lies below 1,220 mm."""
        if not self.comfort.reach:
            return float(self.height)
        return min(float(self.height), self.mm(REACH_MM - self.panel.lower_edge_mm))

    @property
    def top(self) -> float:
        """Lower edge of the bar above, with the training mark, pixels from below."""
        return self.height - self.mm(BAR_MM + (TRAINING_MM if self.training else 0.0))

    @property
    def body(self) -> tuple[float, float, float, float]:
        """x, y, width, height of what lies between the bars; in reach mode within reach."""
        low = self.mm(FOOT_MM)
        return (0.0, low, float(self.width), min(self.top, self.reach_pixels) - low)
