"""The true window. `prepare` sets Kivy's settings and must run before anything else of Kivy is imported.

Kivy falls back to an off-screen driver without a word when there is no display, draws nothing and runs on: the
traveller sees a black screen, the service a healthy process. So the window is asserted, and the first frame too; what
fails here ends the process with a reason, and systemd starts it again.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any, Final

FRAMES_A_SECOND: Final = 60
"""Kivy's clock sleeps through every other frame where this is 30."""
DRIVERS: Final = ("x11", "KMSDRM")
"""SDL's drivers that reach a person's eye; the Kivy wheel has no Wayland one, under cage it runs through Xwayland."""


class NoTrueWindow(Exception):
    """There is no window a traveller could see. `str()` says why, for the technician."""


def prepare(width: int, height: int, *, fullscreen: bool, home: str = "") -> None:
    """Kivy's settings for this window; to be called once, before the first import of `kivy`."""
    os.environ.update(
        KIVY_NO_ARGS="1",
        KIVY_NO_FILELOG="1",
        KIVY_NO_CONFIG="1",
        KIVY_HOME=home or tempfile.mkdtemp(prefix="borne-kiosk-"),
        KIVY_LOG_MODE="PYTHON",
        KIVY_AUDIO="sdl2",
    )
    from kivy.config import Config

    settings: dict[str, dict[str, str]] = {
        "graphics": {
            "multisamples": "0",  # Kivy's own 2 costs a factor of 2.8 without a graphics card
            "width": str(width),
            "height": str(height),
            "borderless": "1",
            "resizable": "0",
            "fullscreen": "auto" if fullscreen else "0",
            "maxfps": str(FRAMES_A_SECOND),
            "show_cursor": "0" if fullscreen else "1",
        },
        "kivy": {"exit_on_escape": "0", "keyboard_mode": "system", "log_level": "warning"},
        "input": {"mouse": "mouse,disable_multitouch"},
        "modules": {},
    }
    for section, values in settings.items():
        for name, value in values.items():
            Config.set(section, name, value)


def require_display() -> None:
    """Raises NoTrueWindow where nothing could be seen."""
    if not os.environ.get("DISPLAY") and os.environ.get("SDL_VIDEODRIVER", "").lower() not in ("kmsdrm",):
        raise NoTrueWindow("no DISPLAY: is the session (cage, Xwayland) up?")


def require_window(window: Any, width: int, height: int) -> None:
    """Raises NoTrueWindow unless Kivy made an SDL window of this size on a driver that draws."""
    if window is None or type(window).__name__ != "WindowSDL":
        raise NoTrueWindow(f"no SDL window, but {type(window).__name__}")
    driver = _driver()
    if driver not in DRIVERS:
        raise NoTrueWindow(f"SDL draws with the driver {driver!r}, which nobody sees")
    if (window.system_size[0], window.system_size[1]) != (width, height):
        raise NoTrueWindow(f"the window has {window.system_size}, not {(width, height)}")


def _driver() -> str:
    """Name of the video driver SDL chose, from the library that Kivy's own window module has loaded."""
    import ctypes
    import re
    from pathlib import Path

    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"(/\S*libSDL2-2\S*)", maps)
    if found is None:
        return ""
    library = ctypes.CDLL(found[1])
    library.SDL_GetCurrentVideoDriver.restype = ctypes.c_char_p
    name = library.SDL_GetCurrentVideoDriver()
    return name.decode() if name else ""
