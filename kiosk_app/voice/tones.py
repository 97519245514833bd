"""Short sounds that say how it goes without words, told apart by where they move, not by their pitch.

Good things rise, "try again" falls, time that runs out repeats one note, and the call for an officer is a chime that
falls and comes back.
"""

from __future__ import annotations

import io
import logging
import shutil
import tempfile
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kiosk_app.flow.commands import Tone
from kiosk_app.voice.speech import Player, amplitude

_log = logging.getLogger(__name__)

RATE = 44_100
PEAK = 0.55

_ATTACK = 0.008
_RELEASE = 0.03

_Samples = npt.NDArray[np.float64]


# Hertz, beginning, length (both in seconds), for each note; then how loud all of it is.
_SCORES: dict[Tone, tuple[tuple[tuple[float, float, float], ...], float]] = {
    Tone.TOUCH: (((1318.5, 0.0, 0.05),), 0.4),
    Tone.STEP_DONE: (((659.3, 0.0, 0.22), (987.8, 0.12, 0.35)), 0.8),
    Tone.SUCCESS: (((523.3, 0.0, 0.3), (659.3, 0.13, 0.3), (784.0, 0.26, 0.3), (1046.5, 0.39, 0.7)), 0.9),
    Tone.ATTENTION: (((880.0, 0.0, 0.5), (659.3, 0.3, 0.5), (880.0, 0.6, 0.6)), 1.0),
    Tone.WARNING: (((740.0, 0.0, 0.16), (740.0, 0.24, 0.16), (740.0, 0.48, 0.16)), 0.9),
    Tone.ERROR_SOFT: (((392.0, 0.0, 0.28), (293.7, 0.2, 0.45)), 0.8),
}


def samples(tone: Tone) -> _Samples:
    """One channel, RATE samples a second, between -1 and 1."""
    notes, loudness = _SCORES[tone]
    mixed = np.zeros(round(max(start + length for _, start, length in notes) * RATE))
    for pitch, start, length in notes:
        note = _note(pitch, length)
        at = round(start * RATE)
        mixed[at : at + len(note)] += note[: len(mixed) - at]
    scaled: _Samples = mixed * (PEAK * loudness / np.abs(mixed).max())
    return scaled


def wav(tone: Tone) -> bytes:
    """A WAV file, 16 bit, one channel."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples(tone) * 32767).round().astype("<i2").tobytes())
    return written.getvalue()


class Tones:
    """Plays tones, from files that are written once."""

    def __init__(self, player: Player, folder: Path | None = None) -> None:
        """A private folder is made in `folder` (where temporary files go, by default)."""
        self._player = player
        self._within = folder
        self._folder: Path | None = None
        self._able = True

    def sound(self, tone: Tone, volume: int) -> None:
        """`volume` 0 to 100, as spoken guidance has it."""
        try:
            path = self._file(tone)
        except OSError as error:
            if self._able:
                _log.warning("no tones: %s", error.strerror or type(error).__name__)
            self._able = False
        else:
            self._able = True
            self._player.play(path, amplitude(volume))

    def close(self) -> None:
        self._player.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, tone: Tone) -> Path:
        """Written where it is not there: at first, and after a cleaner of temporary files has been."""
        if self._folder is None or not self._folder.is_dir():
            self._folder = Path(tempfile.mkdtemp(prefix="borne-tones-", dir=self._within))
        path = self._folder / f"{tone.value}.wav"
        if not path.is_file():
            path.write_bytes(wav(tone))
        return path


def _note(pitch: float, length: float) -> _Samples:
    """A struck bar: overtones weak and soon gone, no click at either end."""
    time = np.arange(round(length * RATE)) / RATE
    sound = np.zeros_like(time)
    for multiple, strength, fading in ((1.0, 1.0, 3.0), (2.0, 0.22, 5.0), (3.0, 0.07, 9.0)):
        sound += strength * np.exp(-fading * time / length) * np.sin(2 * np.pi * pitch * multiple * time)
    edge = np.minimum(time / min(_ATTACK, length / 3), (length - time) / min(_RELEASE, length / 3))
    softened: _Samples = sound * np.sin(np.pi / 2 * np.clip(edge, 0.0, 1.0)) ** 2
    return softened
