"""Draws every screen in a true window, looks at each by code, and keeps it as a picture.

    python -m tests.kiosk.gallery --size 1080x1920 --languages fr,en --themes calm --out build/screens/kiosk

One window has one size, so a size is a process; `make screens` runs both and lays out the contact sheets. The last
line on standard output is one JSON object: how many screens were drawn, and what is wrong with which.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from kiosk_app import words
from kiosk_app.ui import glass


def main() -> int:
    """Draw, look, keep; exit status 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description="every screen of the kiosk")
    parser.add_argument("--size", default="1080x1920")
    parser.add_argument("--languages", default=",".join(words.languages()))
    parser.add_argument("--themes", default="calm,contrast,large,reach")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    width, height = (int(side) for side in chosen.size.split("x"))
    glass.require_display()
    glass.prepare(width, height, fullscreen=False)
    drawn, wrong = draw(chosen, width, height)
    sys.stdout.write(json.dumps({"drawn": drawn, "wrong": wrong}, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    # Kivy's window thread and the GL driver have nothing to save.
    os._exit(1 if wrong else 0)


def draw(chosen: Any, width: int, height: int) -> tuple[int, dict[str, list[str]]]:
    """Every screen asked for: how many, and by picture what is wrong."""
    from kivy.core.window import Window

    from kiosk_app.ui import shot
    from tests.kiosk.kiosk_states import screens
    from tests.kiosk.screen_checks import check
    from tests.kiosk.still import rest, settle, still

    glass.require_window(Window, width, height)
    app = still(width, height)
    face = _face()
    only = set(filter(None, chosen.only.split(",")))
    drawn, wrong = 0, {}
    for language in chosen.languages.split(","):
        for theme in chosen.themes.split(","):
            for name, state in screens(language, theme):
                if only and name not in only:
                    continue
                app.show(state)
                if name.startswith("face"):
                    app.camera_came(face.shape[1], face.shape[0], face.tobytes())
                settle()
                rest(app.screen)
                settle()
                found = list(check(app.screen, app.look, shot.pixels()))
                picture = f"{name}-{language}-{theme}-{width}x{height}"
                drawn += 1
                if found:
                    wrong[picture] = found
                if chosen.out is not None:
                    chosen.out.mkdir(parents=True, exist_ok=True)
                    shot.save(chosen.out / f"{picture}.png")
    return drawn, wrong


def _face() -> Any:
    """A fictional traveller before the camera, as the specimens draw them."""
    import numpy as np

    from border_agent.specimens.portraits import faces, live_frames

    return np.ascontiguousarray(next(iter(live_frames(faces()[1], 7, 1))))


if __name__ == "__main__":
    sys.exit(main())
