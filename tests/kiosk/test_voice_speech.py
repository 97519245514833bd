"""Spoken guidance with the true espeak-ng of Debian, and with programs in its place that fail in every way."""

from __future__ import annotations

import logging
import threading
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.voice import espeak
from kiosk_app.voice.espeak import MAX_FILES, MAX_TEXT, Espeak, speakable
from kiosk_app.voice.speech import Speaker

SENTENCES = {
    "fr": "Posez votre passeport ouvert, photo vers le bas.",
    "en": "Lay your passport open, photo down.",
    "ar": "ضع جواز سفرك مفتوحًا والصورة إلى الأسفل.",
    "pt": "Coloque o passaporte aberto, com a fotografia para baixo.",
    "es": "Ponga su pasaporte abierto, con la foto hacia abajo.",
}


class Recorder:
    """A player that keeps what it was told, and a copy of every file: the voice removes them again."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []
        self.sounds: list[bytes] = []
        self._told = threading.Condition()

    def play(self, path: Path, volume: float) -> None:
        with self._told:
            self.sounds.append(path.read_bytes())
            self.calls.append(("play", volume))
            self._told.notify_all()

    def set_volume(self, volume: float) -> None:
        self.calls.append(("volume", volume))

    def stop(self) -> None:
        self.calls.append(("stop", 0.0))

    def wait(self, sounds: int) -> None:
        with self._told:
            assert self._told.wait_for(lambda: len(self.sounds) >= sounds, 30), self.calls


def program(folder: Path, text: str) -> str:
    path = folder / "espeak-stand-in"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def length(sound: bytes, folder: Path) -> float:
    path = folder / "measured.wav"
    path.write_bytes(sound)
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    return folder


@pytest.fixture
def voice(sounds: Path) -> Iterator[Espeak]:
    made = Espeak(folder=sounds)
    yield made
    made.close()
    assert not files(sounds)


@pytest.fixture
def player() -> Recorder:
    return Recorder()


@pytest.fixture
def speaker(player: Recorder, sounds: Path) -> Iterator[Speaker]:
    made = Speaker(player, Espeak(folder=sounds), on=True)
    yield made
    made.close()


@pytest.mark.parametrize("language", ("fr", "en", "ar", "pt", "es"))
def test_every_language_is_spoken(voice: Espeak, language: str) -> None:
    path = voice.render(SENTENCES[language], language)
    assert path is not None and voice.available
    with wave.open(str(path)) as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        assert 1.5 < file.getnframes() / file.getframerate() < 6
    assert float(np.sqrt((heard**2).mean())) > 0.02
    assert path.parent.stat().st_mode & 0o077 == 0


def test_speed_is_words_a_minute(tmp_path: Path, sounds: Path) -> None:
    lasted = []
    for speed in (110, 220):
        voice = Espeak(speed, folder=sounds)
        path = voice.render(SENTENCES["fr"], "fr")
        assert path is not None
        lasted.append(length(path.read_bytes(), tmp_path))
        voice.close()
    assert lasted[0] > 1.5 * lasted[1]


def test_a_sentence_is_made_once(voice: Espeak) -> None:
    first = voice.render(SENTENCES["fr"], "fr")
    assert first is not None
    made = first.stat().st_mtime_ns
    assert voice.render(SENTENCES["fr"], "fr") == first and first.stat().st_mtime_ns == made
    assert voice.render(SENTENCES["fr"], "en") != first


def test_files_are_few_and_the_ones_used_last(voice: Espeak, sounds: Path) -> None:
    paths = []
    for number in range(MAX_FILES + 3):
        paths.append(voice.render(str(number), "en"))
        assert voice.render("0", "en") == paths[0]
    assert len(files(sounds)) == MAX_FILES
    assert paths[0] is not None and paths[0].exists()
    assert paths[1] is not None and not paths[1].exists()


def test_bytes_are_bounded(voice: Espeak, sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "MAX_BYTES", 300_000)
    for number in range(8):
        assert voice.render(f"{number} {SENTENCES['en']}", "en") is not None
    assert sum(path.stat().st_size for path in files(sounds)) <= 300_000
    long = voice.render(" ".join(["word"] * 100), "en")  # larger than all that is allowed: it is said, and alone
    assert files(sounds) == [long]


def test_nothing_said_is_left(voice: Espeak, sounds: Path) -> None:
    assert voice.render("K 7 Q, 2 F D", "en") is not None
    voice.forget()
    assert not files(sounds)
    assert voice.render("K 7 Q, 2 F D", "en") is not None


def test_a_cleaner_of_temporary_files_does_no_harm(voice: Espeak) -> None:
    path = voice.render("a", "en")
    assert path is not None
    path.unlink()
    assert voice.render("a", "en") == path and path.exists()
    path.unlink()
    path.parent.rmdir()
    again = voice.render("a", "en")
    assert again is not None and again.exists() and voice.available


@pytest.mark.parametrize(
    ("text", "language"), [("", "fr"), ("\x00\n \u2028", "fr"), ("Hallo", "Deutsch"), ("a", "-w /x")]
)
def test_what_cannot_be_said_is_no_fault(voice: Espeak, text: str, language: str) -> None:
    assert voice.render(text, language) is None
    assert voice.available


def test_text_is_no_command(voice: Espeak, tmp_path: Path) -> None:
    for text in (f"$(touch {tmp_path}/x); `touch {tmp_path}/x`", f"-w {tmp_path}/x", f"| touch {tmp_path}/x"):
        assert voice.render(text, "en") is not None
    assert not (tmp_path / "x").exists()


@given(st.text(max_size=200) | st.text(alphabet="[]<>&;-\x00 \ud800a\u0639", max_size=30))
def test_any_text_becomes_one_bounded_line(text: str) -> None:
    said = speakable(4 * text)
    assert len(said) <= MAX_TEXT and said == said.strip()
    assert not set(said) & set("[]\n\r\x00\u2028")
    said.encode()


def test_a_long_text_is_cut_at_a_word() -> None:
    assert speakable("word " * 1000) == " ".join(["word"] * (MAX_TEXT // 5))
    assert speakable("x" * 10_000) == "x" * MAX_TEXT


def test_hostile_text_is_said_or_not_but_in_time(voice: Espeak) -> None:
    began = time.monotonic()
    for text in ("[[" * 400, "<speak><break time='1000s'/>" * 30, "9" * 10_000, "\u0639\u064e" * 400, "𝔘" * 800):
        voice.render(text, "ar")
    assert time.monotonic() - began < 30


FAILING = {
    "exit status": "exit 3",
    "killed": "kill -9 $$",
    "no file": "cat >/dev/null",
    "empty file": 'while [ "$1" != -w ]; do shift; done; : >"$2"',
    "does not read": "exec sleep 100",
}


@pytest.mark.parametrize("way", FAILING)
def test_a_failing_program_is_a_state(
    way: str, tmp_path: Path, sounds: Path, caplog: pytest.LogCaptureFixture
) -> None:
    voice = Espeak(program=program(tmp_path, FAILING[way]), timeout=0.5, folder=sounds)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert voice.render("a " * MAX_TEXT, "fr") is None
            assert not voice.available
    assert len(caplog.records) == 1
    voice.close()
    assert not files(sounds)


def test_a_missing_program_is_a_state_and_may_come_back(
    tmp_path: Path, sounds: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "espeak-stand-in"
    with caplog.at_level(logging.INFO):
        voice = Espeak(program=str(place), folder=sounds)
        assert not voice.available
        assert voice.render("Bonjour", "fr") is None
        assert voice.render("Bonjour", "fr") is None
        assert len(caplog.records) == 1
        program(tmp_path, 'exec espeak-ng "$@"')
        assert voice.render("Bonjour", "fr") is not None
        assert voice.available
    assert len(caplog.records) == 2
    voice.close()


def test_a_folder_that_cannot_be_made_is_a_state(tmp_path: Path) -> None:
    voice = Espeak(folder=tmp_path / "not" / "there")
    assert voice.render("Bonjour", "fr") is None
    assert not voice.available
    voice.close()


def test_say_plays_at_the_volume(speaker: Speaker, player: Recorder) -> None:
    speaker.say(SENTENCES["fr"], "fr")
    player.wait(1)
    assert player.calls[-1] == ("play", pytest.approx(0.49))


def test_repeat_says_the_same_again(speaker: Speaker, player: Recorder) -> None:
    speaker.repeat()
    speaker.say(SENTENCES["fr"], "fr")
    player.wait(1)
    speaker.repeat()
    player.wait(2)
    assert player.sounds[0] == player.sounds[1]
    assert [name for name, _ in player.calls] == ["stop", "play", "stop", "play"]


def test_what_is_said_last_wins(speaker: Speaker, player: Recorder, tmp_path: Path) -> None:
    for number in range(20):
        speaker.say(f"{number}. " + SENTENCES["en"] * 3, "en")
    speaker.say("Stop.", "en")
    player.wait(1)
    time.sleep(0.3)
    assert length(player.sounds[-1], tmp_path) < 1.5
    assert player.calls[-1][0] == "play"


def test_say_never_waits_for_a_program_that_hangs(tmp_path: Path, sounds: Path, player: Recorder) -> None:
    script = 'read -r text; case $text in wait*) exec sleep 100;; esac; echo "$text" | exec espeak-ng "$@"'
    hanging = program(tmp_path, script)
    speaker = Speaker(player, Espeak(program=hanging, timeout=60, folder=sounds), on=True)
    speaker.say("wait " * 5, "en")
    time.sleep(0.3)
    began = time.monotonic()
    speaker.say("Now.", "en")
    assert time.monotonic() - began < 0.2
    player.wait(1)
    assert time.monotonic() - began < 10
    assert speaker.available  # an interrupted program has not failed
    speaker.say("wait " * 5, "en")
    time.sleep(0.3)
    began = time.monotonic()
    speaker.close()
    assert time.monotonic() - began < 5
    assert len(player.sounds) == 1


def test_silence_drops_what_is_being_made(speaker: Speaker, player: Recorder) -> None:
    speaker.say(SENTENCES["fr"], "fr")
    speaker.silence()
    time.sleep(0.3)
    assert not player.sounds and player.calls[-1][0] == "stop"
    speaker.repeat()
    player.wait(1)


def test_volume_goes_in_steps_and_stays_in_bounds(speaker: Speaker, player: Recorder) -> None:
    assert speaker.volume == 70
    volumes = []
    for change in (*4 * [speaker.louder], *12 * [speaker.quieter]):
        change()
        volumes.append(speaker.volume)
    assert volumes[:5] == [80, 90, 100, 100, 90] and volumes[-3:] == [0, 0, 0]
    for wanted, got in ((-5, 0), (140, 100), (35, 35), (0, 0)):
        speaker.set_volume(wanted)
        assert speaker.volume == got
    assert not player.calls  # nothing is being said
    speaker.say("a", "en")
    player.wait(1)
    assert player.calls[-1] == ("play", 0.0)
    speaker.louder()
    assert player.calls[-1] == ("volume", pytest.approx(0.01))


def test_off_is_silent_and_on_says_what_was_missed(speaker: Speaker, player: Recorder) -> None:
    speaker.off()
    speaker.say(SENTENCES["en"], "en")
    speaker.repeat()
    time.sleep(0.2)
    assert not speaker.is_on and not player.sounds
    speaker.on()
    player.wait(1)
    speaker.on()  # already on: not said twice
    time.sleep(0.2)
    assert speaker.is_on and len(player.sounds) == 1


def test_reset_is_a_new_traveller(speaker: Speaker, player: Recorder, sounds: Path) -> None:
    speaker.say("K 7 Q, 2 F D", "en")
    player.wait(1)
    speaker.quieter()
    speaker.off()
    speaker.reset()
    assert (speaker.volume, speaker.is_on) == (70, True)
    assert player.calls[-1][0] == "stop" and not files(sounds)
    speaker.repeat()
    time.sleep(0.2)
    assert len(player.sounds) == 1


def test_a_speaker_without_a_voice_is_only_silent(tmp_path: Path, player: Recorder) -> None:
    speaker = Speaker(player, Espeak(program=str(tmp_path / "none"), folder=tmp_path), on=True)
    speaker.say("Bonjour", "fr")
    speaker.repeat()
    time.sleep(0.1)
    assert not speaker.available and not player.sounds
    speaker.close()
    speaker.say("Bonjour", "fr")


@pytest.mark.parametrize("calls", range(3))
def test_any_threads_may_call(calls: int, speaker: Speaker, player: Recorder) -> None:
    doings: list[Callable[[], object]] = [
        *(lambda number=number: speaker.say(f"{number}", "en") for number in range(3)),
        *(speaker.repeat, speaker.louder, speaker.quieter, speaker.silence, speaker.on, speaker.off, speaker.reset),
    ]

    def act(seed: int) -> None:
        for turn in range(60):
            doings[(seed * 7 + turn * (seed + 1)) % len(doings)]()

    threads = [threading.Thread(target=act, args=(calls * 4 + number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    speaker.reset()
    speaker.on()
    heard = len(player.sounds)
    speaker.say("End.", "en")
    player.wait(heard + 1)
