"""Sound through the true SDL: its disk driver writes to a file what a sound card would have been sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from kiosk_app.flow.commands import Tone
from kiosk_app.voice.tones import RATE, wav

# Runs as a process of its own: SDL takes its driver from the environment, once.
SCRIPT = """
import json, sys, time
from pathlib import Path
import kivy.core.audio
from kivy.clock import Clock
from kiosk_app.voice.player import SdlPlayer

player = SdlPlayer(lambda do: Clock.schedule_once(lambda _: do()))
for name, arguments, seconds in json.loads(sys.argv[1]):
    if name == "play":
        arguments = [Path(arguments[0]), arguments[1]]
    getattr(player, name)(*arguments)
    end = time.monotonic() + seconds
    while time.monotonic() < end:  # no time, no frame
        Clock.tick()
        time.sleep(0.01)
print("done")
"""

QUIET = 0.002


def heard(folder: Path, *steps: tuple[str, list[object], float], driver: str = "disk") -> npt.NDArray[np.float64]:
    """What came out, as one channel between -1 and 1; each step is a call and how long to wait after it."""
    raw = folder / "heard.raw"
    raw.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "SDL_AUDIODRIVER": driver,
        "SDL_DISKAUDIOFILE": str(raw),
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_CONFIG": "1",
        "KIVY_NO_FILELOG": "1",
        "KIVY_HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", SCRIPT, json.dumps(steps)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0 and run.stdout.endswith("done\n"), run.stderr
    if not raw.exists():
        return np.zeros(0)
    samples = np.frombuffer(raw.read_bytes(), "<i2").astype(np.float64) / 32768
    return samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1)


def energy(sound: npt.NDArray[np.float64]) -> float:
    return float((sound**2).sum())


def seconds_of_sound(sound: npt.NDArray[np.float64]) -> float:
    """From the first audible sample to the last."""
    audible = np.flatnonzero(np.abs(sound) > QUIET)
    return float(audible[-1] - audible[0]) / RATE if len(audible) else 0.0


@pytest.fixture
def chime(tmp_path: Path) -> str:
    path = tmp_path / "chime.wav"
    path.write_bytes(wav(Tone.ATTENTION))
    return str(path)


@pytest.fixture
def long(tmp_path: Path) -> str:
    """Eight seconds of one note."""
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)  # as espeak-ng has it: SDL converts
        note = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8 * 22_050) / 22_050)
        file.writeframes((note * 32767).astype("<i2").tobytes())
    return str(path)


def test_a_sound_arrives_whole(tmp_path: Path, chime: str) -> None:
    sound = heard(tmp_path, ("play", [chime, 1.0], 2.5))
    assert 0.4 < np.abs(sound).max() < 0.7
    assert seconds_of_sound(sound) == pytest.approx(1.15, abs=0.15)


def test_volume_lowers_the_energy(tmp_path: Path, chime: str) -> None:
    loud = energy(heard(tmp_path, ("play", [chime, 1.0], 2.5)))
    soft = energy(heard(tmp_path, ("play", [chime, 0.25], 2.5)))
    assert 0 < soft < loud / 8
    assert energy(heard(tmp_path, ("play", [chime, 0.0], 2.5))) == 0


def test_volume_follows_while_it_plays(tmp_path: Path, long: str) -> None:
    sound = heard(tmp_path, ("play", [long, 1.0], 1.5), ("set_volume", [0.1], 1.5), ("stop", [], 0.3))
    audible = np.flatnonzero(np.abs(sound) > QUIET)
    before, after = sound[audible[0] :][: RATE // 3], sound[: audible[-1]][-RATE // 3 :]
    assert 0 < np.abs(after).max() < np.abs(before).max() / 5


def test_stop_ends_it(tmp_path: Path, long: str) -> None:
    sound = heard(tmp_path, ("play", [long, 1.0], 1.0), ("stop", [], 1.5))
    assert 0.3 < seconds_of_sound(sound) < 5
    assert np.abs(sound[-RATE // 2 :]).max() < QUIET


def test_of_several_wishes_in_one_frame_the_last_one_counts(tmp_path: Path, long: str, chime: str) -> None:
    sound = heard(tmp_path, ("play", [long, 1.0], 0.0), ("play", [chime, 1.0], 2.5))
    assert seconds_of_sound(sound) == pytest.approx(1.15, abs=0.15)


def test_the_same_sound_begins_anew(tmp_path: Path, chime: str) -> None:
    sound = heard(tmp_path, ("play", [chime, 1.0], 0.5), ("play", [chime, 1.0], 2.5))
    assert 1.4 < seconds_of_sound(sound) < 5


def test_what_cannot_be_played_is_no_error(tmp_path: Path, chime: str) -> None:
    torn = tmp_path / "torn.wav"
    torn.write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(7))
    sound = heard(
        tmp_path,
        ("play", [str(tmp_path / "missing.wav"), 1.0], 0.1),
        ("play", [str(torn), 1.0], 0.1),
        ("set_volume", [0.5], 0.1),
        ("stop", [], 0.1),
        ("play", [chime, 1.0], 2.0),
    )
    assert energy(sound) > 0


def test_a_machine_without_sound_is_no_error(tmp_path: Path, chime: str) -> None:
    steps = ("play", [chime, 1.0], 0.2), ("set_volume", [0.5], 0.1), ("stop", [], 0.1)
    assert len(heard(tmp_path, *steps, driver="none-such")) == 0
