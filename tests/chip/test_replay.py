"""A recorded reading is played back byte for byte; what is kept of it holds no key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from border_agent.documents.chip.dump import DumpUnwritten, write_dump
from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipOutcome, ChipReading
from border_agent.documents.chip.replay import Recorder, Recording, Replay, ReplayDiffers
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.profile import ChipProfile
from border_agent.specimens.chip.sample import ACTIVE, MAPPED, MODERN, sample_booklet
from tests.chip.cards import Lying


def recorded(booklet: Booklet, *pulls: int) -> tuple[ChipReading, Recording]:
    recorder = Recorder(Lying(booklet, pulls=frozenset(pulls)).open)
    password = MrzPassword(booklet.mrz_information)
    reading = read_chip(recorder.open, password, random=recorder.random, private=recorder.private)
    return reading, recorder.recording


@pytest.mark.parametrize("profile", [MODERN, MAPPED, ACTIVE], ids=["ca", "cam", "aa"])
def test_a_reading_is_the_same_when_it_is_played_back(profile: ChipProfile) -> None:
    booklet = sample_booklet(profile)
    first, recording = recorded(booklet, 22)
    replay = Replay(Recording.decode(recording.encode()))
    password = MrzPassword(booklet.mrz_information)
    second = read_chip(replay.open, password, random=replay.random, private=replay.private)
    assert second.outcome is ChipOutcome.read
    assert second.resumed == 1
    assert (second.files, second.authenticity, second.apdus) == (first.files, first.authenticity, first.apdus)


def test_another_command_is_not_answered() -> None:
    _, recording = recorded(sample_booklet(MODERN))
    replay = Replay(recording)
    with pytest.raises(ReplayDiffers):
        read_chip(replay.open, MrzPassword("L898902C<369080619406236"), random=replay.random, private=replay.private)


@pytest.mark.parametrize("data", [b"", b"{}}", b'{"contacts": 1}', b"\xff" * 40])
def test_what_is_no_recording_is_refused(data: bytes) -> None:
    with pytest.raises(ReplayDiffers):
        Recording.decode(data)


def test_what_is_kept_holds_no_key() -> None:
    booklet = sample_booklet(ACTIVE)
    _, recording = recorded(booklet)
    kept = recording.without_keys()
    assert not kept.randoms
    assert not kept.privates
    before, after = recording.contacts[0].exchange, kept.contacts[0].exchange
    (changed,) = (i for i, step in enumerate(before) if step != after[i])
    assert (after[changed].request, after[changed].response) == ("00820000", "9000")


def test_a_dump_is_the_files_the_portrait_and_the_transcript(tmp_path: Path) -> None:
    reading, recording = recorded(sample_booklet(MODERN))
    folder = tmp_path / "dump"
    names = write_dump(folder, reading, recording)
    assert {"EF_SOD.bin", "EF_DG1.bin", "EF_DG2.bin", "EF_CardAccess.bin", "portrait.jpg", "transcript.json"} <= set(
        names
    )
    assert (folder / "EF_SOD.bin").read_bytes() == reading.files["EF.SOD"]
    assert (folder / "portrait.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert len(json.loads((folder / "transcript.json").read_text())["contacts"][0]["exchange"]) == reading.apdus
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    with pytest.raises(DumpUnwritten, match="File exists"):
        write_dump(folder, reading, recording)
