"""What is looked at on every screen by code: nothing cut off or covered, no empty box, large and dark enough."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from fontTools.ttLib import TTFont

from kiosk_app.ui.fonts import Face, runs
from kiosk_app.ui.frame import Body
from kiosk_app.ui.keypad import controls
from kiosk_app.ui.look import REACH_MM, TARGET_MM, Look
from kiosk_app.ui.press import Press
from kiosk_app.ui.text import Words

CONTRAST = 7.0
SLACK = 1.5
"""Pixels: places are rounded."""

Box = tuple[float, float, float, float]


def check(root: Any, look: Look, pixels: Any) -> Iterator[str]:
    """What is wrong with a screen as it is drawn; nothing: nothing."""
    for widget in root.walk(restrict=True):
        if isinstance(widget, Body) and widget.crowded:
            yield "the words do not fit beside the controls"
    presses = controls(root, look)
    words = [one for one in root.walk(restrict=True) if isinstance(one, Words) and one.text and _seen(one)]
    yield from _targets(presses, look)
    for body in (one for one in root.walk(restrict=True) if isinstance(one, Body)):
        yield from _inside(body)
    for one in words:
        yield from _words(one, look, pixels)
    yield from _covered(presses, words)


def _targets(presses: list[Press], look: Look) -> Iterator[str]:
    least = look.mm(TARGET_MM) - SLACK
    floor = look.panel.lower_edge_mm
    for press in presses:
        name = f"{press.action or type(press).__name__} {press.value}{press.words!r}"
        left, low, right, high = box(press)
        if right - left < least or high - low < least:
            size = f"{(right - left) * look.panel.mm_per_pixel:.1f} x {(high - low) * look.panel.mm_per_pixel:.1f} mm"
            yield f"target {name} is {size}"
        if left < -SLACK or low < -SLACK or right > look.width + SLACK or high > look.height + SLACK:
            yield f"target {name} leaves the window"
        if look.comfort.reach and floor + high * look.panel.mm_per_pixel > REACH_MM + 0.5:
            yield f"target {name} lies {floor + high * look.panel.mm_per_pixel:.0f} mm above the floor"


def _inside(body: Body) -> Iterator[str]:
    """Words and controls stay between the bars."""
    _, low, _, high = box(body)
    for part in body.children:
        _, bottom, _, top = box(part)
        if part.height > 1 and (bottom < low - SLACK or top > high + SLACK):
            yield f"{type(part).__name__} reaches over a bar"


def _words(one: Words, look: Look, pixels: Any) -> Iterator[str]:
    name = repr(one.words[:50])
    if one.overflow:
        yield f"{name} overflows at its smallest size"
    if one.texture_size[0] > one.width + 2 or one.texture_size[1] > one.height + 2:
        yield f"{name} is clipped: {one.texture_size} in {one.size}"
    missing = {char for line in one.drawn for face, part in runs(line) for char in part if not _has(face, char)}
    if missing:
        yield f"{name} has empty boxes for {sorted(missing)}"
    left, low, right, high = (round(edge) for edge in box(one))
    if left < 0 or low < 0 or right > look.width or high > look.height:
        yield f"{name} leaves the window"
        return
    patch = pixels[look.height - high : look.height - low, left:right]
    ratio = contrast(one.color[:3], ground_of(patch))
    if ratio < CONTRAST - 0.05:
        yield f"{name} has a contrast of {ratio:.2f}"


def _covered(presses: list[Press], words: list[Words]) -> Iterator[str]:
    for place, one in enumerate(presses):
        for other in presses[place + 1 :]:
            if _meet(box(one), box(other)):
                yield f"{one.words!r} and {other.words!r} lie over each other"
    free = [one for one in words if not any(isinstance(parent, Press) for parent in _parents(one))]
    for one in free:
        for press in presses:
            if _meet(_ink(one), box(press)):
                yield f"{press.words!r} covers {one.words[:40]!r}"
    for place, one in enumerate(free):
        for other in free[place + 1 :]:
            if _meet(_ink(one), _ink(other)):
                yield f"{one.words[:40]!r} and {other.words[:40]!r} lie over each other"


def box(widget: Any) -> Box:
    """Left, low, right, high in the window."""
    left, low = widget.to_window(widget.x, widget.y)
    return left, low, left + widget.width, low + widget.height


def ground_of(patch: Any) -> tuple[float, float, float]:
    """The commonest colour of a patch, 0 to 1: the ground its words stand on."""
    packed = patch[..., 0].astype(np.uint32) << 16 | patch[..., 1].astype(np.uint32) << 8 | patch[..., 2]
    colours, counts = np.unique(packed, return_counts=True)
    most = int(colours[counts.argmax()])
    return (most >> 16) / 255, (most >> 8 & 255) / 255, (most & 255) / 255


def contrast(one: Any, other: Any) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Any) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _ink(one: Words) -> Box:
    """Where the letters are: a line's leading above and below may lie over its neighbours'."""
    left, low, right, high = box(one)
    edge = one.font_size * 0.2
    return left, low + edge, right, high - edge


def _meet(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return across > SLACK and up > SLACK


def _parents(widget: Any) -> Iterator[Any]:
    while widget.parent is not None and widget.parent is not widget:
        widget = widget.parent
        yield widget


def _seen(widget: Any) -> bool:
    return widget.opacity > 0 and all(getattr(one, "opacity", 1) > 0 for one in _parents(widget))


@cache
def _letters(face: Face) -> frozenset[int]:
    return frozenset(TTFont(face.file(), fontNumber=0).getBestCmap())


def _has(face: Face, char: str) -> bool:
    return char in "\n\u200b" or ord(char) in _letters(face)
