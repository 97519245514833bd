"""The screens: one small class and one `.kv` each, loaded when first shown."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from kivy.lang import Builder

from kiosk_app.flow.state import Screen
from kiosk_app.ui.frame import KioskScreen

_FOLDER = Path(__file__).parent


@cache
def screen_class(screen: Screen) -> type[KioskScreen]:
    """The class of a screen; its rules are loaded with it. Screens of one kind share a file, as the results do."""
    file = _FILES.get(screen, screen.value.replace("-", "_"))
    _load(file)
    module = importlib.import_module(f"kiosk_app.screens.{file}")
    found: type[KioskScreen] = module.SCREENS[screen]
    return found


@cache
def _load(file: str) -> Any:
    return Builder.load_file(str(_FOLDER / f"{file}.kv"))


_FILES = {
    Screen.GATE: "result",
    Screen.COUNTER: "result",
    Screen.OFFICER: "result",
    Screen.OUT_OF_SERVICE: "notice",
    Screen.READER_MISSING: "notice",
    Screen.MOMENT: "moment",
    Screen.CALLED: "called",
}
