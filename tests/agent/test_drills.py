"""Drills over a true store: what they must find, that they leave nothing behind, that an outage ends by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.agent import rehearsal
from border_agent.agent.diary import Diary as TrueDiary
from border_agent.agent.drills import (
    FOLDER_PREFIX,
    NOTE,
    Drill,
    DrillKind,
    DrillRunning,
    Drills,
    DrillState,
    NoDrill,
    WrongMinutes,
)
from border_agent.clock import Clock
from border_agent.store import Journal, Notes, Store, StoreFull, create_key, verify_journal
from mqtt_schemas.entries import DeviceEvent, read_entry
from tests.agent.kiosk_kit import until


class Line:
    def __init__(self) -> None:
        self.calls: list[str | float] = []

    def pause(self, seconds: float) -> None:
        self.calls.append(seconds)

    def resume(self) -> None:
        self.calls.append("resumed")


class Post:
    """A store with a journal, and drills over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "key").exists():
            create_key(folder / "key")
        self.key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
        self.clock = Clock()
        self.store = Store(folder / "store.db", folder / "key")
        self.journal = Journal(self.store, "test-device-1", self.key, self.clock, software="1")
        self.diary = TrueDiary(self.journal, self.clock)
        self.line = Line()
        self.acts: list[tuple[str, str, str, dict[str, str]]] = []
        self.drills = Drills(
            store=self.store,
            key_file=folder / "key",
            journal=self.journal,
            public=self.key.public_key(),
            line=self.line,
            clock=self.clock,
            note=self.diary.note,
            act=lambda *act: self.acts.append(act),
        )

    def ended(self) -> Drill:
        until(lambda: self.drills.current is None)
        drill = max(self.drills.last(), key=lambda drill: drill.begun_at)
        events = [read_entry(body) for body in self.journal.latest(5)]
        noted = [event for event in events if isinstance(event, DeviceEvent) and event.event == "drill_ended"]
        assert noted[-1].details["outcome"] == drill.state.value
        assert not list(self.folder.glob(f"{FOLDER_PREFIX}*")), "a copy was left"
        return drill


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    with post.store:
        for number in range(40):
            post.diary.note("door_opened", {"number": str(number)})
        with post.drills:
            yield post


def test_a_changed_byte_is_found_where_it_was_changed_and_the_store_is_not_touched(post: Post) -> None:
    before = post.journal.position()
    begun = post.drills.tamper("1234")
    assert (begun.state, post.acts) == (DrillState.RUNNING, [("1234", "drill_started", "tamper", {})])
    drill = post.ended()
    assert (drill.state, drill.code) == (DrillState.PASSED, "")
    assert 1 <= int(drill.details["sequence"]) <= before.sequence
    assert drill.details["entries"] == str(before.sequence)
    report = verify_journal(post.store, post.key.public_key())
    assert report.ok, "the drill changed a copy, not the store"


def test_a_verification_that_sees_nothing_fails_the_drill(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "_change_a_byte", lambda _: (post.journal.position().epoch, 3, 0))
    post.drills.tamper("1234")
    drill = post.ended()
    assert (drill.state, drill.code) == (DrillState.FAILED, "drill.not_found")


def test_a_journal_that_is_not_whole_is_not_taken_for_the_drills_doing(post: Post) -> None:
    with post.store.writing() as connection:
        connection.execute("DROP TRIGGER secret_kept")
    post.drills.tamper("1234")
    assert post.ended().code == "drill.other_faults"
    post.drills.restore("1234")
    assert post.ended().code == "drill.chain_broken"


def test_a_backup_opens_with_the_devices_key_and_is_whole(post: Post) -> None:
    sequence = post.journal.position().sequence
    post.drills.restore("1234")
    drill = post.ended()
    assert (drill.state, drill.code) == (DrillState.PASSED, "")
    assert drill.details["entries"] == drill.details["sequence"] == str(sequence)
    assert int(drill.details["bytes"]) > 4096
    assert int(drill.details["rows"]) > sequence


def test_a_copy_is_encrypted_private_and_of_one_moment(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int, bytes]] = []
    true_verify = rehearsal.verify_connection

    def look(connection: object, *others: object) -> object:
        (folder,) = post.folder.glob(f"{FOLDER_PREFIX}*")
        copy = folder / "copy.db"
        seen.append((folder.stat().st_mode & 0o777, copy.stat().st_mode & 0o777, copy.read_bytes()))
        post.diary.note("meanwhile", {})  # decisions go on
        return true_verify(connection, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(rehearsal, "verify_connection", look)
    post.drills.restore("1234")
    assert post.ended().state is DrillState.PASSED
    ((folder_mode, file_mode, data),) = seen
    assert (folder_mode, file_mode) == (0o700, 0o600)
    assert b"door_opened" not in data
    assert not data.startswith(b"SQLite")


def test_an_outage_cuts_the_line_and_ends_by_itself(post: Post) -> None:
    post.drills.outage(10, "1234")
    until(lambda: post.line.calls == [600.0])
    assert post.drills.outage_until == post.drills.current.until  # type: ignore[union-attr]
    with pytest.raises(DrillRunning):
        post.drills.tamper("1234")
    post.drills.stop("5678")
    assert post.ended().state is DrillState.STOPPED
    assert post.line.calls == [600.0, "resumed"]
    assert post.drills.outage_until is None
    assert post.acts[-1] == ("5678", "drill_stopped", "outage", {})
    with pytest.raises(NoDrill):
        post.drills.stop("5678")


@pytest.mark.parametrize("minutes", [-1, 0, 61, 10**9])
def test_an_outage_has_an_end(post: Post, minutes: int) -> None:
    with pytest.raises(WrongMinutes):
        post.drills.outage(minutes, "1234")
    assert post.drills.current is None


def test_an_outage_goes_on_after_a_restart_and_no_longer_than_it_was_to_last(tmp_path: Path) -> None:
    post = Post(tmp_path)
    with post.store, post.drills:
        post.drills.outage(10, "1234")
        until(lambda: bool(post.line.calls))
    (tmp_path / f"{FOLDER_PREFIX}left").mkdir()
    again = Post(tmp_path)
    with again.store, again.drills:
        until(lambda: bool(again.line.calls))
        assert 590 < float(again.line.calls[0]) <= 600
        assert again.drills.outage_until is not None
        assert not (tmp_path / f"{FOLDER_PREFIX}left").exists()
        # A clock that was set back meanwhile must not make it longer.
        drill = again.drills.current
        assert drill is not None
        assert again.drills._left(drill) <= 600


def test_an_outage_that_ended_while_the_machine_was_off_is_over(tmp_path: Path) -> None:
    post = Post(tmp_path)
    with post.store, post.drills:
        post.drills.outage(1, "1234")
        until(lambda: bool(post.line.calls))
    late = Post(tmp_path)
    late.clock.raise_floor(late.clock.now() + timedelta(minutes=2))
    with late.store, late.drills:
        assert late.ended().state is DrillState.PASSED
        assert not late.line.calls


def test_a_drill_that_a_power_cut_ended_says_so(tmp_path: Path) -> None:
    post = Post(tmp_path)
    with post.store:
        kept = Drill(kind=DrillKind.TAMPER, officer="1234", begun_at=post.clock.now())
        Notes(post.store).put(NOTE, msgspec.json.encode({"running": kept, "last": []}))
        with post.drills:
            assert post.ended().state is DrillState.STOPPED


def test_no_drill_without_room(tmp_path: Path) -> None:
    post = Post(tmp_path)
    with post.store, post.drills:
        room = os.statvfs(tmp_path)
        post.store.reserve_bytes = room.f_bavail * room.f_frsize
        with pytest.raises(StoreFull):
            post.drills.tamper("1234")
        assert post.drills.current is None


def test_notes_that_cannot_be_read_are_no_drills(tmp_path: Path) -> None:
    post = Post(tmp_path)
    with post.store:
        Notes(post.store).put(NOTE, b"\xff{")
        with post.drills:
            assert post.drills.last() == ()
