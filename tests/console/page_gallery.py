"""Draws open pages in every theme and size, looks at each by code, and lays the pictures out on sheets."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Page

from tests.console.page_checks import Sight, axe, check, walk

ACROSS = 9
THUMB = 340
EDGE = 8
LABEL = 16
LIVE = "() => !document.getElementById('live') || ['on', 'lost'].includes(document.documentElement.dataset.live)"


class Gallery:
    """Draws pages and keeps what is wrong with them."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.out: Path = chosen.out
        self.languages: list[str] = chosen.languages.split(",")
        self.themes: list[str] = chosen.themes.split(",")
        self.sizes: list[str] = chosen.sizes.split(",")
        self.checks: bool = not chosen.pictures_only
        self.names: list[str] = []
        self.typed: Collection[str] = ()
        self.drawn = 0
        self.wrong: dict[str, list[str]] = {}
        self._only = set(filter(None, chosen.only.split(",")))
        self.out.mkdir(parents=True, exist_ok=True)

    def wants(self, name: str) -> bool:
        return not self._only or name in self._only

    def draw(self, page: Page, name: str, language: str, sight: Sight, status: int = 200) -> None:
        """An open page in every theme and size. `status`: of its answer."""
        if name not in self.names:
            self.names.append(name)
        page.wait_for_function(LIVE)
        faults: dict[str, list[str]] = {}
        for size in self.sizes:
            width, height = (int(side) for side in size.split("x"))
            page.set_viewport_size({"width": width, "height": height})
            for theme in self.themes:
                page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
                picture = self.out / f"{name}-{language}-{theme}-{size}.png"
                page.screenshot(path=picture, animations="disabled")
                self.drawn += 1
                if self.checks:
                    for fault in self._look(page, language, theme, size):
                        faults.setdefault(fault, []).append(f"{theme} {size}")
        if "light" in self.themes:
            page.evaluate("document.documentElement.dataset.theme = 'light'")
            self._whole(page, self.out / f"{name}-{language}-whole.png")
        if self.checks:
            faults |= {fault: [] for fault in walk(page)}
        faults |= {fault: [] for fault in sight.faults(status)}
        if faults:
            every = len(self.themes) * len(self.sizes)
            self.wrong[f"{name}-{language}"] = [
                fault if len(where) in (0, every) else f"{fault} ({', '.join(where)})"
                for fault, where in faults.items()
            ]

    def _whole(self, page: Page, out: Path) -> None:
        """Down to its end, where it is longer than the largest size: what is sticky stands at the end then."""
        width, height = (int(side) for side in self.sizes[-1].split("x"))
        high = int(page.evaluate("document.documentElement.scrollHeight"))
        if high > height:
            page.set_viewport_size({"width": width, "height": high})
            page.screenshot(path=out, animations="disabled")
            page.set_viewport_size({"width": width, "height": height})

    def _look(self, page: Page, language: str, theme: str, size: str) -> Iterator[str]:
        yield from check(page, language, self.typed)
        if size == self.sizes[0]:
            yield from axe(page, colours_only=theme != self.themes[0])

    def sheets(self) -> None:
        """All pages of one language, theme and size on one picture."""
        for language in self.languages:
            for theme in self.themes:
                for size in self.sizes:
                    pictures = [self.out / f"{name}-{language}-{theme}-{size}.png" for name in self.names]
                    sheet(pictures, self.names, self.out / f"contact-{language}-{theme}-{size}.png")


def sheet(pictures: Sequence[Path], names: Sequence[str], out: Path) -> None:
    """Pictures side by side, small, with their names."""
    small: list[Image.Image] = []
    for file in pictures:
        with Image.open(file) as picture:
            size = (THUMB, THUMB * picture.height // picture.width)
            small.append(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    high = small[0].height + LABEL
    across = min(ACROSS, len(small))
    rows = -(-len(small) // across)
    page = Image.new("RGB", (across * (THUMB + EDGE) + EDGE, rows * (high + EDGE) + EDGE), (60, 60, 60))
    pen = ImageDraw.Draw(page)
    for place, (thumb, name) in enumerate(zip(small, names, strict=True)):
        row, column = divmod(place, across)
        left, top = EDGE + column * (THUMB + EDGE), EDGE + row * (high + EDGE)
        pen.text((left, top), name, fill=(240, 240, 240))
        page.paste(thumb, (left, top + LABEL))
    page.save(out)
