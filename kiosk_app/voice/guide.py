"""What is heard: a tone for what happened, and, for who wants it, every screen and every change of it read aloud."""

from __future__ import annotations

from typing import Any, Protocol

from kiosk_app.flow.commands import Tone
from kiosk_app.flow.state import Comfort, State, Traveller


class Voice(Protocol):
    """Whoever speaks: `speech.Speaker`."""

    def say(self, text: str, language: str) -> None: ...
    def repeat(self) -> None: ...
    def on(self) -> None: ...
    def off(self) -> None: ...
    def reset(self) -> None: ...
    def set_volume(self, volume: int) -> None: ...


class Chimes(Protocol):
    """Whoever sounds tones: `tones.Tones`."""

    def sound(self, tone: Tone, volume: int) -> None: ...


class Guide:
    """Follows the state. Speech follows the traveller's wish, which headphones express too."""

    def __init__(self, voice: Voice | None, chimes: Chimes | None) -> None:
        self._voice = voice
        self._chimes = chimes
        self._hint = ""
        self._comfort = Comfort()

    def follow(self, state: State, screen: Any, *, entered: bool) -> None:
        """The state was drawn on this screen."""
        voice, comfort, before = self._voice, state.traveller.comfort, self._comfort
        self._comfort = comfort
        if voice is None:
            return
        if before != comfort and state.traveller == Traveller():
            voice.reset()  # nothing is left to repeat for the next traveller
        if before.volume != comfort.volume:
            voice.set_volume(comfort.volume)
        if before.voice and not comfort.voice:
            voice.off()
        if not comfort.voice:
            return
        hint = screen.hint(state)
        if entered or not before.voice:
            voice.say(" ".join(screen.spoken(state)), state.language)
        elif hint and hint != self._hint:
            voice.say(hint, state.language)
        self._hint = hint
        voice.on()

    def reached(self, words: str, language: str) -> None:
        """The keypad's mark is on a control with these words."""
        if self._comfort.voice and self._voice is not None and words:
            self._voice.say(words, language)

    def repeat(self) -> None:
        """Say the last thing once more."""
        if self._comfort.voice and self._voice is not None:
            self._voice.repeat()

    def sound(self, tone: Tone) -> None:
        """A tone, at the traveller's volume."""
        if self._chimes is not None:
            self._chimes.sound(tone, self._comfort.volume)
