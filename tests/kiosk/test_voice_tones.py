"""Tones: told apart by where they move, soft at both ends, never loud, never long."""

from __future__ import annotations

import io
import itertools
import logging
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from kiosk_app.flow.commands import Tone
from kiosk_app.voice.tones import RATE, Tones, samples, wav


class Recorder:
    def __init__(self) -> None:
        self.played: list[tuple[str, bytes, float]] = []
        self.stopped = 0

    def play(self, path: Path, volume: float) -> None:
        self.played.append((path.name, path.read_bytes(), volume))

    def set_volume(self, volume: float) -> None:
        raise AssertionError

    def stop(self) -> None:
        self.stopped += 1


def pitches(sound: npt.NDArray[np.float64]) -> list[float]:
    """The strongest pitch in each window of 60 ms that is loud enough, neighbours that are the same put together."""
    window = RATE * 60 // 1000
    found: list[float] = []
    silent = True
    for start in range(0, len(sound) - window + 1, window // 2):
        part = sound[start : start + window]
        if np.abs(part).max() < 0.04:
            silent = True
            continue
        spectrum = np.abs(np.fft.rfft(part * np.hanning(window), 16 * window))
        pitch = float(spectrum.argmax()) * RATE / (16 * window)
        if silent or abs(pitch / found[-1] - 1) > 0.05:
            found.append(pitch)
        silent = False
    return found


@pytest.mark.parametrize("tone", Tone)
def test_soft_and_short(tone: Tone) -> None:
    sound = samples(tone)
    assert len(sound) <= 1.2 * RATE
    assert 0.1 < np.abs(sound).max() <= 0.6
    assert abs(sound[0]) < 1e-6 and abs(sound[-1]) < 0.01
    # No click: the first milliseconds are much softer than what follows, the last ones than what was before.
    edge = RATE * 2 // 1000
    assert np.abs(sound[:edge]).max() < 0.35 * np.abs(sound).max()
    assert np.abs(sound[-edge:]).max() < 0.1 * np.abs(sound).max()


def test_a_touch_is_very_short() -> None:
    assert len(samples(Tone.TOUCH)) <= 0.06 * RATE


def test_they_move_in_ways_of_their_own() -> None:
    moves = {tone: np.sign(np.diff(np.round(np.log2(pitches(samples(tone))), 2))).tolist() for tone in Tone}
    assert moves[Tone.STEP_DONE] == [1]
    assert moves[Tone.SUCCESS] == [1, 1, 1]
    assert moves[Tone.ERROR_SOFT] == [-1]
    assert moves[Tone.ATTENTION] == [-1, 1]
    assert moves[Tone.WARNING] == [0, 0]
    for one, other in itertools.combinations(Tone, 2):
        assert moves[one] != moves[other]


@pytest.mark.parametrize("tone", Tone)
def test_a_wav_file(tone: Tone) -> None:
    with wave.open(io.BytesIO(wav(tone))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(heard / 32767 - samples(tone)).max() < 1e-4


def test_files_are_written_once_and_again_after_a_cleaner(tmp_path: Path) -> None:
    player = Recorder()
    tones = Tones(player, tmp_path)
    assert not list(tmp_path.iterdir())
    tones.sound(Tone.SUCCESS, 50)
    (path,) = tmp_path.rglob("*.wav")
    written = path.stat().st_mtime_ns
    tones.sound(Tone.SUCCESS, 50)
    assert path.stat().st_mtime_ns == written
    assert path.parent.stat().st_mode & 0o077 == 0
    path.unlink()
    path.parent.rmdir()
    tones.sound(Tone.SUCCESS, 50)
    assert player.played == 3 * [("success.wav", wav(Tone.SUCCESS), 0.25)]
    tones.close()
    assert player.stopped == 1 and not list(tmp_path.iterdir())


def test_no_room_for_files_is_a_state(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    player = Recorder()
    tones = Tones(player, folder=tmp_path / "later")
    with caplog.at_level(logging.WARNING):
        tones.sound(Tone.TOUCH, 50)
        tones.sound(Tone.TOUCH, 50)
    assert len(caplog.records) == 1 and not player.played
    (tmp_path / "later").mkdir()
    tones.sound(Tone.TOUCH, 50)
    assert len(player.played) == 1
    tones.close()
