"""Spoken guidance: what is being said, repeated, interrupted, and how loud. It never holds up the window.

Making a sentence takes a process of its own and some hundredths of a second, so it happens in a thread. What is said
last wins: an older sentence stops at once and is dropped if it was not ready yet.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kiosk_app.voice.espeak import Espeak

STEP = 10


def amplitude(volume: int) -> float:
    """0 to 1. Ears hear ratios: equal steps of amplitude would be felt at the quiet end only."""
    return float((max(0, min(100, volume)) / 100) ** 2)


class Player(Protocol):
    """Plays one sound at a time. May be called from any thread, and does not wait."""

    def play(self, path: Path, volume: float) -> None:
        """Play a file instead of what is playing; volume 0 to 1, of the amplitude."""
        ...

    def set_volume(self, volume: float) -> None:
        """Of what is playing."""
        ...

    def stop(self) -> None: ...


@dataclass(frozen=True, eq=False)
class _Utterance:
    text: str
    language: str


class Speaker:
    """Says one thing at a time. Any thread may call it."""

    def __init__(self, player: Player, voice: Espeak | None = None, *, on: bool = False, volume: int = 70) -> None:
        """`on` and `volume` (0 to 100) are where a new traveller begins, and what `reset()` goes back to."""
        self._player = player
        self._voice = voice or Espeak()
        self._default_on, self._default_volume = on, max(0, min(100, volume))
        self._on, self._volume = self._default_on, self._default_volume
        self._changed = threading.Condition()
        self._last: _Utterance | None = None  # for repeat() and on()
        self._current: _Utterance | None = None  # being made or said
        self._waiting: _Utterance | None = None  # to be made
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def available(self) -> bool:
        """False where espeak-ng is missing or failed when it was last asked; it is asked again all the same."""
        return self._voice.available

    @property
    def is_on(self) -> bool:
        return self._on

    @property
    def volume(self) -> int:
        return self._volume

    def say(self, text: str, language: str) -> None:
        """Say this instead of what is being said. While speech is off, only remember it."""
        with self._changed:
            self._last = _Utterance(text, language)
            self._speak()

    def repeat(self) -> None:
        """Say the last thing again, from its beginning."""
        with self._changed:
            self._speak()

    def on(self) -> None:
        """Turn speech on, and say what has been missed."""
        with self._changed:
            if not self._on:
                self._on = True
                self._speak()

    def off(self) -> None:
        with self._changed:
            self._on = False
            self._hush()

    def silence(self) -> None:
        """Stop what is being said; `repeat()` still knows it."""
        with self._changed:
            self._hush()

    def set_volume(self, volume: int) -> None:
        """0 to 100. What is being said follows."""
        with self._changed:
            self._volume = max(0, min(100, volume))
            if self._current is not None:
                self._player.set_volume(amplitude(self._volume))

    def louder(self) -> None:
        self.set_volume(self._volume + STEP)

    def quieter(self) -> None:
        self.set_volume(self._volume - STEP)

    def reset(self) -> None:
        """A new traveller: silent, nothing to repeat, no file left of what was said, volume as at first."""
        with self._changed:
            self._hush()
            self._last = None
            self._on, self._volume = self._default_on, self._default_volume
            self._voice.forget()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._last = None
            self._hush()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
        self._voice.close()

    def _speak(self) -> None:
        if not self._on or self._closed or self._last is None:
            return
        self._hush()
        self._current = self._waiting = _Utterance(self._last.text, self._last.language)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="speech", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _hush(self) -> None:
        self._current = self._waiting = None
        self._voice.interrupt()
        self._player.stop()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting is not None)
                if self._closed or self._waiting is None:
                    return
                utterance, self._waiting = self._waiting, None
            path = self._voice.render(utterance.text, utterance.language)
            with self._changed:
                if path is not None and utterance is self._current:
                    self._player.play(path, amplitude(self._volume))
