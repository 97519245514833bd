"""The picture of the console in the READMEs, put together from what `make screens-console` has drawn.

python -m tests.console.console_shot
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

DRAWN = Path("build", "screens", "console")
OUT = Path("border_agent", "console", "shots", "console.jpg")
PICTURES = (
    "queue-fr-light-1366x768",
    "inspection-refer-en-dark-1366x768",
    "notice-fr-light-1366x768",
    "state-en-contrast-1366x768",
)
ACROSS = 2
WIDTH = 792
EDGE = 8
GROUND = (120, 120, 120)
MOST_BYTES = 250_000


def main() -> None:
    """Two by two, as good as fits into `MOST_BYTES`."""
    small = []
    for name in PICTURES:
        with Image.open(DRAWN / f"{name}.png") as picture:
            size = WIDTH, WIDTH * picture.height // picture.width
            small.append(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    high = small[0].height + EDGE
    page = Image.new("RGB", (ACROSS * (WIDTH + EDGE) + EDGE, len(small) // ACROSS * high + EDGE), GROUND)
    for place, one in enumerate(small):
        row, column = divmod(place, ACROSS)
        page.paste(one, (EDGE + column * (WIDTH + EDGE), EDGE + row * high))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(next(jpeg for quality in range(92, 0, -4) if len(jpeg := _jpeg(page, quality)) <= MOST_BYTES))


def _jpeg(page: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    page.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
