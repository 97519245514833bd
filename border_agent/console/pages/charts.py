"""Charts as inline SVG, made here: no script draws, no style is inline, and each has its title, its words, its table.

Colours come from the theme; nothing is said by colour alone, because the same figures stand in the table.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from markupsafe import Markup
from msgspec import Struct

WIDTH: Final = 720
HEIGHT: Final = 220
LEFT: Final = 44
BOTTOM: Final = 24
TOP: Final = 8
ROW: Final = 26
LABEL: Final = 190
_TICKS: Final = 4


class Series(Struct, frozen=True):
    """Values of one kind, one for each label."""

    name: str
    values: tuple[int, ...]


def columns(name: str, title: str, words: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """Upright stacked bars, one a label. `name`: an id of the page's own; `words` say what is to be seen."""
    totals = [sum(one.values[index] for one in series) for index in range(len(labels))]
    top = nice(max(totals, default=0))
    width = (WIDTH - LEFT) / max(1, len(labels))
    height = HEIGHT - BOTTOM - TOP
    parts = []
    for tick in range(_TICKS + 1):
        y = TOP + height - height * tick / _TICKS
        parts.append(f'<line class="gridline" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{top * tick / _TICKS:g}", "end"))
    every = max(1, round(34 / width))
    for index, label in enumerate(labels):
        below = 0.0
        for place, one in enumerate(series, 1):
            tall = height * one.values[index] / top
            if tall:
                y = TOP + height - below - tall
                parts.append(_bar(LEFT + index * width + width * 0.12, y, width * 0.76, tall, place))
            below += tall
        if index % every == 0:
            parts.append(_text(LEFT + (index + 0.5) * width, HEIGHT - 8, label, "middle"))
    return _svg(name, title, words, WIDTH, HEIGHT, parts)


def rows(name: str, title: str, words: str, values: Sequence[tuple[str, int]]) -> Markup:
    """Lying bars, one a line, each with its figure."""
    most = max((value for _, value in values), default=0) or 1
    label_room = min(LABEL, 20 + 7 * max((len(label) for label, _ in values), default=0))
    room = WIDTH - label_room - 60
    parts = []
    for index, (label, value) in enumerate(values):
        y = index * ROW
        parts.append(_text(label_room - 8, y + 17, label[:28], "end"))
        parts.append(_bar(label_room, y + 4, max(1.0, room * value / most), ROW - 8, 1))
        parts.append(_text(label_room + max(1.0, room * value / most) + 6, y + 17, str(value), "start"))
    return _svg(name, title, words, WIDTH, max(ROW, ROW * len(values)), parts)


def nice(most: int) -> int:
    """The axis' end: a round number from 4 on that is not below `most`."""
    return next(end for end in _rounds() if end >= most)


def _rounds() -> Iterator[int]:
    for power in itertools.count():
        yield from (4 * 10**power, 8 * 10**power, 20 * 10**power)


def _bar(x: float, y: float, width: float, height: float, colour: int) -> str:
    return f'<rect class="c{colour}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(words)}</text>"


def _svg(name: str, title: str, words: str, width: int, height: int, parts: Sequence[str]) -> Markup:
    # Everything that came from outside is escaped above or here; the rest are our own numbers.
    return Markup(  # noqa: S704
        f'<svg class="chart" role="img" viewBox="0 0 {width} {height}" aria-labelledby="{name}-title {name}-words">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-words">{escape(words)}</desc>'
        f"{''.join(parts)}</svg>"
    )
