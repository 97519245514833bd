"""The traveller's window as the agent sees it: by its signs of life. It may crash and nothing is lost, but somebody
must hear of it, so its silence and its return stand in the journal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

from border_agent.agent.diary import Note, Sparing

_Number = Annotated[int, Meta(ge=0, le=2**53)]


class SignOfLife(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a window says of itself, once a second."""

    screen: Annotated[str, Meta(pattern=r"^[a-z0-9_.-]{0,40}(?!\n)$")] = ""
    """Name of the screen that is shown."""
    frames: _Number = 0
    """Frames drawn since it was opened."""
    memory_bytes: _Number = 0


class WindowView(Struct, frozen=True, kw_only=True):
    """The window's last sign of life."""

    seen_seconds: float
    """How long ago it came."""
    screen: str
    frames: int
    memory_bytes: int
    silent: bool


class Window:
    """Thread-safe. `clock`: seconds that only go forward."""

    def __init__(self, silent_seconds: float, note: Note, clock: Callable[[], float] = time.monotonic) -> None:
        self._silent_seconds = silent_seconds
        self._note = Sparing(note, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[float, SignOfLife] | None = None
        self._missed = False

    def alive(self, sign: SignOfLife) -> None:
        """A sign of life has come."""
        with self._lock:
            now = self._clock()
            away = now - self._last[0] if self._last is not None else 0.0
            back, self._missed = self._missed, False
            self._last = (now, sign)
        if back:
            self._note("window_back", {"screen": sign.screen, "seconds": str(round(away))})

    def watch(self) -> None:
        """To be called now and then: notes a silence, once."""
        with self._lock:
            if self._last is None or self._missed or not self._is_silent(self._last[0]):
                return
            self._missed = True
            screen = self._last[1].screen
        self._note("window_silent", {"screen": screen})

    def view(self) -> WindowView | None:
        """How the window is; None where none has been seen since the agent was started."""
        with self._lock:
            if self._last is None:
                return None
            at, sign = self._last
            return WindowView(
                seen_seconds=round(self._clock() - at, 1),
                screen=sign.screen,
                frames=sign.frames,
                memory_bytes=sign.memory_bytes,
                silent=self._is_silent(at),
            )

    def _is_silent(self, seen: float) -> bool:
        return self._clock() - seen > self._silent_seconds
