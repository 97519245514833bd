"""What is heard: a tone for what happened, and, for who wants it, every screen and every change of it read aloud."""

from __future__ import annotations

from typing import Any, Protocol

from kiosk_app.flow.commands import Tone
from kiosk_app.flow.state import State


class Voice(Protocol):
    """Whoever speaks: `speech.Speaker`."""

    def say(self, text: str, language: str) -> None: ...
    def repeat(self) -> None: ...
    def silence(self) -> None: ...
    def set_volume(self, volume: int) -> None: ...


class Chimes(Protocol):
    """Whoever sounds tones."""

    def sound(self, tone: Tone, volume: int) -> None: ...


class Guide:
    """Follows the state. Speech follows the traveller's wish, which headphones express too."""

    def __init__(self, voice: Voice | None, chimes: Chimes | None) -> None:
        self._voice = voice
        self._chimes = chimes
        self._hint = ""
        self._on = False
        self._volume = -1

    def follow(self, state: State, screen: Any, *, entered: bool) -> None:
        """The state was drawn on this screen."""
        comfort = state.traveller.comfort
        if comfort.volume != self._volume:
            self._volume = comfort.volume
            if self._voice is not None:
                self._voice.set_volume(comfort.volume)
        began = comfort.voice and not self._on
        if self._on and not comfort.voice and self._voice is not None:
            self._voice.silence()
        self._on = comfort.voice
        if not self._on:
            return
        hint = screen.hint(state)
        if entered or began:
            self._hint = hint
            self._speak(" ".join(screen.spoken(state)), state.language)
        elif hint and hint != self._hint:
            self._hint = hint
            self._speak(hint, state.language)

    def reached(self, control: Any) -> None:
        """The keypad's mark is on this control."""
        from kiosk_app.ui.current import look

        if self._on:
            self._speak(control.words or control.value, control.language or look().language)

    def repeat(self) -> None:
        """Say the last thing once more."""
        if self._on and self._voice is not None:
            self._voice.repeat()

    def sound(self, tone: Tone) -> None:
        """A tone, at the traveller's volume."""
        if self._chimes is not None:
            self._chimes.sound(tone, max(self._volume, 0))

    def _speak(self, text: str, language: str) -> None:
        if self._voice is not None and text.strip():
            self._voice.say(text, language)
