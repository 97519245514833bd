"""`make screens`, second half: every page of the console x language x theme x size as a picture, and looked at.

build/screens/console/<page>-<language>-<theme>-<size>.png
build/screens/console/<page>-<language>-whole.png          where a page is longer than a screen
build/screens/console/contact-<language>-<theme>-<size>.png
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from border_agent.words import languages
from tests.console.console_bare import bare_screens
from tests.console.console_stage import NOBODY, TYPED, Stage, staged
from tests.console.console_states import CUT_OFF, SCREENS, Screen
from tests.console.page_checks import THEMES
from tests.console.page_gallery import Gallery

SIZES = ("1024x600", "1366x768")
ALBUM = Path("build", "specimens")


def main() -> int:
    """Draw, look, keep; exit status 1 where a check found something."""
    parser = argparse.ArgumentParser(description="every page of the console")
    parser.add_argument("--out", type=Path, default=Path("build", "screens", "console"))
    parser.add_argument("--languages", default=",".join(reversed(languages())))
    parser.add_argument("--themes", default=",".join(THEMES))
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--only", default="")
    parser.add_argument("--pictures-only", action="store_true")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what breaks on purpose
    gallery, begun = Gallery(chosen), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="borne-") as name, staged(Path(name), ALBUM) as stage:
        gallery.typed = TYPED
        stage.prepare()
        of_stage(gallery, stage, SCREENS)
        if any(gallery.wants(screen.name) for screen in CUT_OFF):
            stage.cut()
            of_stage(gallery, stage, CUT_OFF)
        bare_screens(gallery, stage)
    gallery.sheets()
    for page, faults in gallery.wrong.items():
        print(page, *faults, sep="\n    ")
    seconds = time.monotonic() - begun
    print(f"{gallery.drawn} pictures, {len(gallery.wrong)} pages with faults, {seconds:.0f} s: {gallery.out}")
    return 1 if gallery.wrong else 0


def of_stage(gallery: Gallery, stage: Stage, screens: Sequence[Screen]) -> None:
    """Draw pages of the open post."""
    for screen in screens:
        if not gallery.wants(screen.name):
            continue
        for language in gallery.languages:
            page = stage.tab(screen.who, language)
            sight = stage.sights[page]
            sight.faults()
            page.set_viewport_size({"width": 1024, "height": 600})
            screen.open(stage, page)
            gallery.draw(page, screen.name, language, sight, screen.status)
            if screen.after is not None:
                screen.after(stage, page)
            if screen.who != NOBODY:
                page.goto("about:blank")  # its stream ends, and nothing of it comes in between


if __name__ == "__main__":
    sys.exit(main())
