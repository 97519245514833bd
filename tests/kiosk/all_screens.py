"""`make screens`: every screen of the kiosk x language x theme x size as a picture, looked at, and on contact sheets.

build/screens/kiosk/<screen>-<language>-<theme>-<size>.png
build/screens/kiosk/contact-<language>-<theme>-<size>.png
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from border_agent.demo.display import private_display
from kiosk_app import words
from tests.kiosk.kiosk_states import GALLERY_THEMES, screens

SIZES = ("1080x1920", "1280x800")
PICTURE_WIDTH = {"1080x1920": 270, "1280x800": 400}
ACROSS = {"1080x1920": 11, "1280x800": 7}
EDGE = 8


def main() -> int:
    """Draw both sizes side by side, then lay out the sheets; exit status 1 where a check found something."""
    parser = argparse.ArgumentParser(description="every screen of the kiosk")
    parser.add_argument("--out", type=Path, default=Path("build", "screens", "kiosk"))
    parser.add_argument("--languages", default=",".join(words.languages()))
    parser.add_argument("--themes", default=",".join(GALLERY_THEMES))
    chosen = parser.parse_args()
    drawn, wrong = 0, {}
    with private_display(1920, 1920):
        running = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.kiosk.gallery", "--size", size, "--out", str(chosen.out)),
                    *("--languages", chosen.languages, "--themes", chosen.themes),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            for size in SIZES
        ]
        for process in running:
            said, _ = process.communicate()
            found = json.loads(said.splitlines()[-1])
            drawn += found["drawn"]
            wrong |= found["wrong"]
    for language in chosen.languages.split(","):
        for theme in chosen.themes.split(","):
            for size in SIZES:
                sheet(chosen.out, language, theme, size)
    for picture, faults in wrong.items():
        print(picture, *faults, sep="\n    ")
    print(f"{drawn} screens, {len(wrong)} with faults: {chosen.out}")
    return 1 if wrong else 0


def sheet(folder: Path, language: str, theme: str, size: str) -> None:
    """All screens of one language, theme and size on one picture."""
    names = [name for name, _ in screens(language, theme)]
    width, height = (int(side) for side in size.split("x"))
    small = (PICTURE_WIDTH[size], PICTURE_WIDTH[size] * height // width)
    rows = -(-len(names) // ACROSS[size])
    page = Image.new(
        "RGB", (ACROSS[size] * (small[0] + EDGE) + EDGE, rows * (small[1] + EDGE) + EDGE), (120, 120, 120)
    )
    for place, name in enumerate(names):
        with Image.open(folder / f"{name}-{language}-{theme}-{size}.png") as picture:
            row, column = divmod(place, ACROSS[size])
            left, top = EDGE + column * (small[0] + EDGE), EDGE + row * (small[1] + EDGE)
            page.paste(picture.resize(small, Image.Resampling.LANCZOS), (left, top))
    page.save(folder / f"contact-{language}-{theme}-{size}.png")


if __name__ == "__main__":
    sys.exit(main())
