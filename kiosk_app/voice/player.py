"""Sound files through SDL, by Kivy's own sound classes, which want to be called on Kivy's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Wish:
    path: Path
    volume: float


class SdlPlayer:
    """A `Player`. One sound at a time; have a second one for sounds that shall not interrupt the first's."""

    def __init__(self, schedule: Callable[[Callable[[], None]], None]) -> None:
        """`schedule` has a function called on Kivy's thread: `lambda do: Clock.schedule_once(lambda _: do())`."""
        self._schedule = schedule
        self._lock = threading.Lock()
        self._wish: _Wish | None = None
        # Below: Kivy's thread only.
        self._granted: _Wish | None = None
        self._sound: Any = None

    def play(self, path: Path, volume: float) -> None:
        with self._lock:
            self._wish = _Wish(path, _within(volume))
        self._schedule(self._grant)

    def set_volume(self, volume: float) -> None:
        with self._lock:
            if self._wish is not None:
                self._wish.volume = _within(volume)
        self._schedule(self._grant)

    def stop(self) -> None:
        with self._lock:
            self._wish = None
        self._schedule(self._grant)

    def _grant(self) -> None:
        """Make what sounds what was wished last; of several calls before a frame only the last one counts."""
        with self._lock:
            wish = self._wish
        if wish is not self._granted and self._sound is not None:
            self._sound.stop()
            self._sound.unload()
            self._sound = None
        if wish is not None and wish is not self._granted:
            self._sound = self._loaded(wish)
            if self._sound is not None:
                self._sound.play()
        elif wish is not None and self._sound is not None:
            self._sound.volume = wish.volume
        self._granted = wish

    def _loaded(self, wish: _Wish) -> Any:
        from kivy.core.audio import SoundLoader  # opens the sound device

        if not wish.path.is_file():
            _log.warning("no sound: %s is not there", wish.path.name)
            return None
        sound = SoundLoader.load(str(wish.path))
        if sound is not None:
            sound.volume = wish.volume
        return sound


def _within(volume: float) -> float:
    return max(0.0, min(1.0, volume))
