"""`borne journal export`, `verify FILE`, `mend`, `borne centre devices keys`: from a store to an auditor's desk.

A real encrypted store, a real centre's folder and its acknowledgements; the tampering is done with the store's key,
or in the file with a text editor, and each time `borne journal verify` has to say no, and where.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from border_agent.agent.identity import alone, load_journal_key
from border_agent.cli import main
from border_agent.clock import Clock
from border_agent.config import load_config
from border_agent.store import Journal, Store
from border_agent.words import has
from mqtt_schemas.audit import FaultKind, NoteKind
from mqtt_schemas.centre.desk import Desk, Incoming
from mqtt_schemas.centre.folder import CentreFolder, init
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.centre.store import Store as CentreStore
from mqtt_schemas.codec import build_batch
from mqtt_schemas.entries import ClockQuality, DeviceEvent
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.messages import Ack, Signed, State, decode, decode_body, encode
from mqtt_schemas.topics import Channel, device_topic
from tests.agent.conftest import DEVICE, write_device

BORNE = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "borne"
ENTRIES = 20
ACKNOWLEDGED = 14


@dataclass
class Post:
    """A device and its centre."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "agent.toml"

    def __post_init__(self) -> None:
        write_device(self.folder)
        self.loaded = load_config(self.config)
        self.key = load_journal_key(self.folder / "journal.key")
        init(self.folder / "centre")
        enrol(self.folder / "centre", DEVICE, "garoua", public_bytes(self.key))

    def store(self) -> Store:
        return Store(self.loaded.path(self.loaded.store.path), self.loaded.path(self.loaded.store.key))

    def write(self, upto: int, store: Store) -> Journal:
        clock = Clock()
        journal = Journal(store, DEVICE, self.key, clock, software="test")
        while (sequence := journal.position().sequence) < upto:
            journal.commit([happened(f"happened_{sequence}", clock.now())])
        return journal

    def send(self, journal: Journal, upto: int) -> None:
        """What the device has, to the centre, and its acknowledgement back."""
        mark = journal.mark()
        segment = journal.entries_after(mark.sequence, upto - mark.sequence, 2**30)
        assert segment is not None
        batch = build_batch(
            DEVICE, segment.epoch, segment.first, segment.previous, segment.bodies, segment.head,
            segment.signature, segment.secrets,
        )  # fmt: skip
        hello = State(device=DEVICE, online=True, nonce=os.urandom(16), epoch=segment.epoch)
        centre = CentreFolder(self.folder / "centre")
        with centre.database() as database:
            desk = Desk(CentreStore(database), centre.keys(), None)
            desk.handle([Incoming(device_topic(DEVICE, Channel.STATE), encode(hello))])
            (answer,) = desk.handle([Incoming(device_topic(DEVICE, Channel.JOURNAL), encode(batch))])
        ack = decode_body(Ack, decode(Signed, answer.payload).body)
        assert ack.upto == upto
        journal.move_mark(ack.upto, ack.head, ack.time, statement=answer.payload)


def happened(event: str, at: datetime) -> DeviceEvent:
    return DeviceEvent(
        id=os.urandom(16).hex(), occurred_at=at, recorded_at=at, clock=ClockQuality.SYNCHRONISED, event=event
    )


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Post:
    post = Post(tmp_path_factory.mktemp("post"))
    with post.store() as store:
        journal = post.write(ACKNOWLEDGED, store)
        post.send(journal, ACKNOWLEDGED)
        post.write(ENTRIES, store)
    return post


Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def borne(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process: exit code, and what it said, from JSON where it is."""

    def run(*words: object) -> tuple[int, Any]:
        monkeypatch.setattr("sys.argv", ["borne", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        text = said.out or said.err
        code = ended.value.code
        assert isinstance(code, int)
        return code, json.loads(text) if text.startswith("{") else text

    return run


@dataclass
class Papers:
    """What an auditor is handed."""

    file: Path
    keys: Path


@pytest.fixture
def papers(post: Post, tmp_path: Path, borne: Run) -> Papers:
    papers = Papers(tmp_path / "journal.jsonl", tmp_path / "keys.json")
    code, said = borne("journal", "export", "--config", post.config, papers.file, "--json")
    assert (code, said["entries"], said["witnesses"]) == (0, ENTRIES, 1)
    assert borne("centre", "devices", "keys", "--folder", post.folder / "centre", "--out", papers.keys)[0] == 0
    return papers


def verify(borne: Run, papers: Papers, *more: Path, code: int = 1) -> dict[str, Any]:
    ran, report = borne("journal", "verify", papers.file, *more, "--keys", papers.keys, "--json")
    assert ran == code, report
    assert report["ok"] is (code == 0)
    return dict(report)


def faults(report: dict[str, Any]) -> set[tuple[str, int]]:
    return {(fault["kind"], fault["sequence"]) for fault in report["faults"] if fault["kind"] != "seal"}


def edit(file: Path, change: Callable[[list[str]], object]) -> None:
    lines = file.read_text("utf-8").splitlines(keepends=True)
    change(lines)
    file.write_text("".join(lines), "utf-8")


def test_what_was_exported_proves_and_the_report_says_how_far(papers: Papers, borne: Run) -> None:
    report = verify(borne, papers, code=0)
    assert report["complete"]
    (stream,) = report["streams"]
    assert (stream["device"], stream["first"], stream["last"], stream["proven_upto"]) == (DEVICE, 1, ENTRIES, ENTRIES)
    assert (stream["witnessed_upto"], stream["witnessed_by"]) == (ACKNOWLEDGED, "centre")
    assert stream["unwitnessed"] == ENTRIES - ACKNOWLEDGED
    assert papers.file.stat().st_mode & 0o777 == 0o600


def test_the_centres_copy_and_the_devices_are_held_against_each_other(
    post: Post, papers: Papers, tmp_path: Path, borne: Run
) -> None:
    copy = tmp_path / "centre.jsonl"
    code, said = borne("centre", "devices", "journal", DEVICE, "-f", post.folder / "centre", "--out", copy, "--json")
    assert (code, said["entries"]) == (0, ACKNOWLEDGED)
    report = verify(borne, papers, copy, code=0)
    assert [(stream["last"], stream["witnessed_by"]) for stream in report["streams"]] == [
        (ENTRIES, "centre"),
        (ACKNOWLEDGED, "centre"),
    ]
    assert (
        borne("centre", "devices", "journal", "nobody", "-f", post.folder / "centre", "--out", tmp_path / "x")[0] == 2
    )
    assert not list(tmp_path.glob("x*"))


# The seven. Lines: header, segment, then the entries.


def test_1_an_edited_entry(papers: Papers, borne: Run) -> None:
    def change(lines: list[str]) -> None:
        lines[1 + 5] = lines[1 + 5].replace("happened", "happenef")

    edit(papers.file, change)
    report = verify(borne, papers)
    assert faults(report) == {("edited", 5)}
    assert [fault["line"] for fault in report["faults"] if fault["kind"] == "edited"] == [7]
    assert report["streams"][0]["proven_upto"] == 4


def test_2_a_deleted_entry(papers: Papers, borne: Run) -> None:
    edit(papers.file, lambda lines: lines.pop(1 + 5))
    assert faults(verify(borne, papers)) == {("missing", 5)}


def test_3_an_inserted_entry(papers: Papers, borne: Run) -> None:
    edit(papers.file, lambda lines: lines.insert(1 + 6, lines[1 + 5].replace("happened", "invented")))
    assert faults(verify(borne, papers)) == {("inserted", 5)}


def test_4_reordered_entries(papers: Papers, borne: Run) -> None:
    def change(lines: list[str]) -> None:
        lines[1 + 5], lines[1 + 6] = lines[1 + 6], lines[1 + 5]

    edit(papers.file, change)
    assert faults(verify(borne, papers)) == {("reordered", 5)}


def test_5_a_truncated_file(papers: Papers, borne: Run) -> None:
    def change(lines: list[str]) -> None:
        del lines[2 + 15 :]

    edit(papers.file, change)
    report = verify(borne, papers)
    assert faults(report) == {("truncated", 16)}
    assert not report["complete"]


def test_5_a_journal_truncated_with_the_devices_own_keys(post: Post, tmp_path: Path, borne: Run) -> None:
    """The store cut below what the centre has, mended so that it looks whole, and exported by the device itself."""
    cut = _copy(post, tmp_path / "cut")
    with cut.store() as store, store.writing() as connection:
        _drop_triggers(connection)
        connection.execute("DELETE FROM journal WHERE sequence > 10")
        connection.execute("DELETE FROM witness")
        connection.execute("UPDATE stream SET sequence = 10, head = (SELECT head FROM journal WHERE sequence = 10)")
    papers = Papers(tmp_path / "journal.jsonl", tmp_path / "keys.json")
    assert borne("journal", "export", "--config", cut.config, papers.file)[0] == 0
    assert borne("centre", "devices", "keys", "--folder", post.folder / "centre", "--out", papers.keys)[0] == 0
    report = verify(borne, papers)
    assert faults(report) == {("truncated", 11)}
    assert report["faults"][0]["upto"] == ACKNOWLEDGED


def test_6_a_clock_turned_back(post: Post, tmp_path: Path, borne: Run) -> None:
    turned = _copy(post, tmp_path / "turned")
    with turned.store() as store:
        journal = turned.write(ENTRIES, store)
        journal.commit([happened("backdated", datetime.now(UTC) - timedelta(hours=6))])
    papers = Papers(tmp_path / "journal.jsonl", tmp_path / "key.hex")
    papers.keys.write_text(public_bytes(post.key).hex(), "ascii")
    assert borne("journal", "export", "--config", turned.config, papers.file)[0] == 0
    report = verify(borne, papers)
    assert faults(report) == {("clock_back", ENTRIES + 1)}
    assert report["streams"][0]["proven_upto"] == ENTRIES + 1, "the device did sign it"


def test_7_a_cloned_device(post: Post, papers: Papers, tmp_path: Path, borne: Run) -> None:
    """A copy of the whole machine that goes on by itself, its tail file and all."""
    clone = _copy(post, tmp_path / "clone")
    original = _copy(post, tmp_path / "original")
    files = []
    for machine in (original, clone):
        with machine.store() as store:
            machine.write(ENTRIES + 3, store)
        files.append(tmp_path / f"{machine.folder.name}.jsonl")
        assert borne("journal", "export", "--config", machine.config, files[-1])[0] == 0
    papers.file = files[0]
    verify(borne, papers, code=0)
    report = verify(borne, papers, files[1])
    assert faults(report) == {("cloned", ENTRIES + 1)}
    assert report["faults"][0]["file"] == 1


def test_a_forged_signature(papers: Papers, borne: Run) -> None:
    def change(lines: list[str]) -> None:
        lines[1 + 5] = lines[1 + 5].replace(
            json.loads(lines[1 + 5])["signature"], json.loads(lines[1 + 4])["signature"]
        )

    edit(papers.file, change)
    assert faults(verify(borne, papers)) == {("signature", 5)}


# What the store itself holds goes out as it is.


def test_a_damaged_store_is_exported_with_its_faults(post: Post, tmp_path: Path, borne: Run) -> None:
    damaged = _copy(post, tmp_path / "damaged")
    with damaged.store() as store, store.writing() as connection:
        _drop_triggers(connection)
        connection.execute("DELETE FROM journal WHERE sequence IN (1, 2, 9, 20)")
        connection.execute("UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'happened', 'x') AS BLOB)"
                           " WHERE sequence = 12")  # fmt: skip
    papers = Papers(tmp_path / "journal.jsonl", tmp_path / "key.hex")
    papers.keys.write_text(public_bytes(post.key).hex(), "ascii")
    assert borne("journal", "export", "--config", damaged.config, papers.file)[0] == 0
    report = verify(borne, papers)
    assert faults(report) == {("missing", 1), ("missing", 9), ("edited", 12), ("truncated", 20)}


def test_ranges(post: Post, tmp_path: Path, borne: Run) -> None:
    def exported(*words: object) -> tuple[int, Any]:
        return borne("journal", "export", "--config", post.config, *words, tmp_path / "part", "--json")

    code, said = exported("--from", 3, "--to", 5)
    assert (code, said["entries"], said["without_body"]) == (0, ACKNOWLEDGED - 2, ACKNOWLEDGED - 5)
    papers = Papers(tmp_path / "part", tmp_path / "keys.json")
    assert borne("centre", "devices", "keys", "-f", post.folder / "centre", "--out", papers.keys)[0] == 0
    (stream,) = verify(borne, papers, code=0)["streams"]
    assert (stream["witnessed_upto"], stream["unwitnessed"]) == (ACKNOWLEDGED, 0), "digests lead to the next witness"
    today = datetime.now(UTC).date()
    assert exported("--from", today - timedelta(days=1), "--to", today)[1]["entries"] == ENTRIES
    assert exported("--from", today + timedelta(days=2))[0] == 2
    assert exported("--epoch", "ab" * 16)[0] == 2
    for wrong in ("0", "-3", "yesterday", "2026-13-01", "9" * 30):
        assert exported("--from", wrong)[0] == 2
    assert not list(tmp_path.glob("*.part"))


def test_wrong_use_exits_2(post: Post, papers: Papers, tmp_path: Path, borne: Run) -> None:
    nonsense = tmp_path / "nonsense"
    nonsense.write_bytes(b"\x00" * 100)
    assert borne("journal", "verify", papers.file)[0] == 2
    assert borne("journal", "verify")[0] == 2
    assert borne("journal", "verify", nonsense, "--keys", papers.keys)[0] == 2
    assert borne("journal", "verify", papers.file, "--keys", nonsense)[0] == 2
    code, said = borne("journal", "export", "--config", post.config, tmp_path / "nowhere" / "file")
    assert (code, list(tmp_path.glob("nowhere"))) == (2, []), said
    for words in (("keys",), ("journal", DEVICE)):
        code, said = borne(
            "centre", "devices", *words, "-f", post.folder / "centre", "--out", tmp_path / "nowhere" / "file"
        )
        assert (code, "nowhere" in said) == (2, True)


def test_mending_needs_damage_and_says_who_did_it(post: Post, tmp_path: Path, borne: Run) -> None:
    mend = ("journal", "mend", "--by", "technician-3", "--reason", "bit rot", "--json", "--config")
    assert borne(*mend, post.config)[0] == 2, "a good stream is not to be left"
    rotten = _copy(post, tmp_path / "rotten")
    with rotten.store() as store, store.writing() as connection:
        _drop_triggers(connection)
        connection.execute("UPDATE journal SET body = x'7b7d' WHERE sequence = 17")
    with alone(rotten.folder / "journal.key"):
        assert borne(*mend, rotten.config)[0] == 2, "an agent works with it"
    code, said = borne(*mend, rotten.config)
    assert code == 0, said
    papers = Papers(tmp_path / "journal.jsonl", tmp_path / "keys.json")
    assert borne("journal", "export", "--config", rotten.config, papers.file)[0] == 0
    assert borne("centre", "devices", "keys", "-f", post.folder / "centre", "--out", papers.keys)[0] == 0
    report = verify(borne, papers)
    assert faults(report) == {("edited", 17)}
    assert [stream["opened"] for stream in report["streams"]] == ["first_start", "damaged"]
    (carried,) = [note for note in report["notes"] if note["kind"] == "carried"]
    assert (carried["sequence"], carried["upto"]) == (2, ENTRIES - ACKNOWLEDGED)
    assert "technician-3" in papers.file.read_text("utf-8")


@pytest.mark.parametrize(("language", "word"), [("fr", "Contrôle échoué"), ("en", "Check failed")])
def test_a_person_reads_it_in_words(papers: Papers, language: str, word: str) -> None:
    edit(papers.file, lambda lines: lines.pop(1 + 5))
    ran = subprocess.run(
        [BORNE, "journal", "verify", papers.file, "--keys", papers.keys],
        env={**os.environ, "LC_ALL": f"{language}_XX.UTF-8", "LANGUAGE": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    assert word in ran.stdout
    assert "cli." not in ran.stdout


def test_every_fault_and_note_has_words() -> None:
    keys = [f"audit.fault.{kind.value}" for kind in FaultKind] + [f"audit.note.{kind.value}" for kind in NoteKind]
    assert not [key for key in keys if not has(key)]


def _copy(post: Post, folder: Path) -> Post:
    """The whole machine again: configuration, keys, store and all."""
    folder.mkdir()
    for name in ("agent.toml", "store.key", "journal.key"):
        (folder / name).write_bytes((post.folder / name).read_bytes())
        (folder / name).chmod(0o600)
    for file in post.folder.glob("store.db*"):
        (folder / file.name).write_bytes(file.read_bytes())
    copy = Post.__new__(Post)
    copy.folder = folder
    copy.loaded = load_config(folder / "agent.toml")
    copy.key = post.key
    return copy


def _drop_triggers(connection: Any) -> None:
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
