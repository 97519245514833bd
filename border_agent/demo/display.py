"""A screen where there is none: a private X server (Xvfb) on a free number, and real touches on it (xdotool)."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
from collections.abc import Iterator

from border_agent.demo.parts import DemoFailed

START_SECONDS = 20.0


@contextlib.contextmanager
def private_display(width: int, height: int) -> Iterator[str]:
    """DISPLAY of an X server of this size, in the environment too until it ends. Raises DemoFailed."""
    program = shutil.which("Xvfb")
    if program is None:
        raise DemoFailed("Xvfb", "package xvfb")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(writing)
    before = os.environ.get("DISPLAY")
    try:
        readable, _, _ = select.select([reading], [], [], START_SECONDS)
        number = os.read(reading, 16).decode().strip() if readable else ""
        if not number:
            raise DemoFailed("Xvfb", "no display within 20 s")
        os.environ["DISPLAY"] = f":{number}"
        yield os.environ["DISPLAY"]
    finally:
        os.close(reading)
        if before is None:
            os.environ.pop("DISPLAY", None)
        else:
            os.environ["DISPLAY"] = before
        server.terminate()
        server.wait()


def fits(width: int, height: int) -> bool:
    """Whether the display is as large as that; True where it does not say."""
    asked = subprocess.run(["xdotool", "getdisplaygeometry"], check=False, capture_output=True, text=True, timeout=10)
    sides = asked.stdout.split()
    return len(sides) != 2 or (int(sides[0]) >= width and int(sides[1]) >= height)


def click(x: float, y: float) -> None:
    """A touch at this place of the display, counted from above, as a finger's: the X server's own event."""
    _xdotool("mousemove", str(round(x)), str(round(y)), "mousedown", "1", "mouseup", "1")


def press_and_hold(x: float, y: float, seconds: float) -> None:
    """A long press."""
    _xdotool("mousemove", str(round(x)), str(round(y)), "mousedown", "1", "sleep", str(seconds), "mouseup", "1")


def press_key(name: str) -> None:
    """A key of a keypad, by its name in X: Tab, Return, Escape, F1."""
    _xdotool("key", name)


def _xdotool(*words: str) -> None:
    subprocess.run(["xdotool", *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=30.0)
