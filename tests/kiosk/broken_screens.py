"""Screens with one fault each, to show that the checks see it. The last line is a JSON object of what was seen."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kiosk_app.ui import glass

WIDTH, HEIGHT = 1080, 1920


def main() -> None:
    """Break the passport's screen in one way after the other."""
    glass.prepare(WIDTH, HEIGHT, fullscreen=False)
    from kiosk_app.flow import Comfort
    from kiosk_app.ui import shot
    from kiosk_app.ui.text import Words
    from tests.kiosk.kiosk_states import screens
    from tests.kiosk.screen_checks import check
    from tests.kiosk.still import rest, settle, still

    app = still(WIDTH, HEIGHT)
    state = dict(screens("en", "calm"))["passport"]

    def words() -> list[Any]:
        return [one for one in app.screen.walk(restrict=True) if isinstance(one, Words) and one.text]

    def press() -> Any:
        from kiosk_app.ui.keypad import controls

        return controls(app.screen, app.look)[0]

    def small() -> None:
        press().height = 40

    def outside() -> None:
        press().x = -50

    def box() -> None:
        words()[-1].words = "漢字"

    def pale() -> None:
        words()[-1].color = app.look.rgba("line")

    def covered() -> None:
        title, text = [one for one in words() if one.role in ("title", "body")][:2]
        text.y = title.y

    def long() -> None:
        text = next(one for one in words() if one.role == "body")
        text.room, text.words = 60, "far too many words for so little room " * 12

    def high() -> None:
        app.show(replace(state, traveller=replace(state.traveller, comfort=Comfort(reach=True))))
        settle()
        press().y = 1700

    breaks: dict[str, Callable[[], None]] = {
        "good": lambda: None,
        **{one.__name__: one for one in (small, outside, box, pale, covered, long, high)},
    }
    seen = {}
    for name, spoil in breaks.items():
        app.screen = None  # a fresh screen for each
        app.show(state)
        settle()
        rest(app.screen)
        settle()
        spoil()
        seen[name] = list(check(app.screen, app.look, shot.pixels()))
    sys.stdout.write(json.dumps(seen, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
