"""Backups: sealed, read back, rotated; opened by the recovery key alone, and never fit to go on with."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.clock import Clock
from border_agent.config import Config, load_config
from border_agent.store import Journal, Store, create_key
from border_agent.upkeep import backup
from border_agent.upkeep.backup import BackupNoRoom, BackupRefused, back_up_centre, back_up_store, list_backups
from border_agent.upkeep.backup_drill import drill
from border_agent.upkeep.sealed_file import BLOCK, MAGIC, Head, Opener, SealedFileBad, Sealer, reads_well
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.folder import init as init_centre
from mqtt_schemas.entries import ClockQuality, DeviceEvent
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.sealing import sealing_public

REPOSITORY = Path(__file__).resolve().parents[2]
BORNE = REPOSITORY / ".venv" / "bin" / "borne"
DEVICE = "uto-test-1"
CONFIG = f"""
[device]
id = "{DEVICE}"
[store]
path = "data/store.db"
key = "store.key"
[identity]
journal_key = "journal.key"
root = "{"00" * 32}"
[mqtt]
brokers = ["mqtts://localhost:1"]
authority = "ca.pem"
certificate = "device.pem"
key = "device.key"
[api]
socket = "agent.sock"
"""


class Post:
    """A device's folder with a journal in it, a folder for backups, and the country's recovery key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.to = folder / "stick"
        self.to.mkdir()
        (folder / "data").mkdir()
        (folder / "agent.toml").write_text(CONFIG, encoding="utf-8")
        self.config: Config = load_config(folder / "agent.toml")
        self.key = folder / "store.key"
        create_key(self.key)
        self.journal_key = Ed25519PrivateKey.generate()
        self.recovery = X25519PrivateKey.generate()
        self.public = sealing_public(self.recovery)
        with self.store() as store:
            self.write(store, 4)

    def store(self) -> Store:
        return Store(self.folder / "data" / "store.db", self.key, reserve_bytes=0)

    def write(self, store: Store, count: int, word: str = "started") -> None:
        journal = Journal(store, DEVICE, self.journal_key, Clock(), software="test")
        for _ in range(count):
            now = datetime.now(UTC)
            journal.commit(
                [
                    DeviceEvent(
                        id=secrets.token_hex(16),
                        occurred_at=now,
                        recorded_at=now,
                        clock=ClockQuality.UNKNOWN,
                        event=word,
                        details={"name": "ERIKSSON ANNA MARIA"},
                    )
                ]
            )

    def make(self, **more: int) -> backup.Made:
        return back_up_store(self.config, self.key, self.to, self.public, **more)  # type: ignore[arg-type]


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every backup a second after the one before."""
    numbers = iter(range(60))
    monkeypatch.setattr(backup, "_now", lambda: f"2027-03-01T10:00:{next(numbers):02}Z")


def opened(post: Post, file: str, **more: object) -> object:
    return drill(Path(file), post.recovery, post.folder, journal=public_bytes(post.journal_key), **more)  # type: ignore[arg-type]


def test_a_backup_is_made_beside_its_use_and_opens_whole(post: Post) -> None:
    with post.store() as store:
        made = post.make()
        post.write(store, 3)  # after it, and not in it
    assert made.sequence == 5 and made.same_disk
    found = drill(Path(made.file), post.recovery, post.folder, journal=public_bytes(post.journal_key))
    assert (found.ok, found.code, found.entries, found.device) == (True, "", 5, DEVICE)
    assert not list(post.folder.glob(".drill-*")) and not list((post.folder / "data").glob(".backup-*"))


def test_nothing_of_a_traveller_or_a_key_can_be_read_in_it(post: Post) -> None:
    data = Path(post.make().file).read_bytes()
    assert b"ERIKSSON" not in data and post.key.read_bytes() not in data
    assert Path(post.make().file).stat().st_mode & 0o077 == 0


def test_only_the_recovery_key_opens_it(post: Post) -> None:
    file = Path(post.make().file)
    with pytest.raises(SealedFileBad):
        drill(file, X25519PrivateKey.generate(), post.folder)


@pytest.mark.parametrize("place", [0, 5, 18, 60, 400, -40, -1])
def test_a_changed_byte_is_found_with_and_without_the_key(post: Post, place: int) -> None:
    file = Path(post.make().file)
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    assert not reads_well(file)
    assert not list_backups(post.to, check=True)[0].good
    if place >= -32 and place < 0:
        return  # the digest at the end is for those without a key
    with pytest.raises(SealedFileBad):
        drill(file, post.recovery, post.folder)


@pytest.mark.parametrize("blocks", [0, 1, 2, 3])
def test_a_file_cut_between_blocks_does_not_pass(tmp_path: Path, blocks: int) -> None:
    """Even with a digest made anew: whether a block is the last is in its nonce."""
    import hashlib

    key = X25519PrivateKey.generate()
    file = tmp_path / "sealed"
    with file.open("wb") as stream:
        sealer = Sealer(stream, Head(kind="store", device="d", made_at="", software=""), sealing_public(key))
        sealer.write(os.urandom(2 * BLOCK + 5))
        sealer.end()
    whole = file.read_bytes()
    with file.open("rb") as stream:
        start = len(MAGIC) + 4 + int.from_bytes(whole[len(MAGIC) : len(MAGIC) + 4], "big")
        secret, data = Opener(stream, file).open(key)
        assert (secret, sum(len(block) for block in data)) == (b"", 2 * BLOCK + 5)
    cut = whole[: start + blocks * (BLOCK + 20)] if blocks < 3 else whole[:-33]
    file.write_bytes(cut + hashlib.sha256(cut).digest())
    with file.open("rb") as stream, pytest.raises(SealedFileBad):
        list(Opener(stream, file).open(key)[1])


def test_so_many_are_kept_and_other_devices_are_left_alone(post: Post, moments: None) -> None:
    other = post.to / "borne-other-kiosk-20200101T000000Z.backup"
    other.write_bytes(b"not ours")
    (post.to / "holiday.jpg").write_bytes(b"x")
    made = [post.make(keep=2) for _ in range(4)]
    names = sorted(file.name for file in post.to.iterdir())
    assert names == sorted([Path(made[2].file).name, Path(made[3].file).name, other.name, "holiday.jpg"])
    assert made[3].removed == (Path(made[1].file).name,)


def test_what_a_power_cut_left_goes_with_the_next(post: Post, moments: None) -> None:
    left = post.to / f".borne-{DEVICE}-20270301T000000Z.backup.part"
    left.write_bytes(b"half")
    aside = post.folder / "data" / ".backup-left"
    aside.mkdir()
    post.make()
    assert not left.exists() and not aside.exists()


def test_a_full_disk_keeps_the_older_ones(post: Post, monkeypatch: pytest.MonkeyPatch, moments: None) -> None:
    first = post.make()
    monkeypatch.setattr(backup, "RESERVE_BYTES", 10**15)
    with pytest.raises(BackupNoRoom):
        post.make()
    assert [one.file for one in list_backups(post.to, check=True)] == [first.file]
    assert [file.name for file in post.to.iterdir()] == [Path(first.file).name]


def test_a_disk_that_really_fills_up(post: Post, mounting: None) -> None:
    stick = post.folder / "small"
    stick.mkdir()
    (post.folder / "recovery.pub").write_text(post.public.hex(), encoding="ascii")
    program = (
        "import sys; from border_agent.upkeep import backup; backup.RESERVE_BYTES = 0; "
        "backup.shutil.disk_usage = lambda _: type('u', (), {'free': 10**12}); "
        "from border_agent.cli import main; main()"
    )
    script = (
        f'mount -t tmpfs -o size=100k tmpfs {stick} && {REPOSITORY}/.venv/bin/python -c "{program}" backup make '
        f"--config {post.folder}/agent.toml --to {stick} --recovery {post.folder}/recovery.pub --mounted; "
        f"echo exit $?; ls -A {stick}"
    )
    ran = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert "backup.full" in ran.stderr, ran.stderr
    assert ran.stdout == "exit 2\n", "nothing is left there"


def test_a_folder_where_no_disk_is_mounted(post: Post) -> None:
    with pytest.raises(BackupRefused):
        back_up_store(post.config, post.key, post.to, post.public, mounted=not _on_a_mount(post.to))
    with pytest.raises(BackupRefused):
        back_up_store(post.config, post.key, post.to / "missing", post.public)


def _on_a_mount(folder: Path) -> bool:
    """Where pytest's folder itself lies on a mounted disk, what is asked is something else."""
    return any(one.is_mount() for one in (folder, *folder.parents[:-1])) and pytest.skip("mounted here")


def test_a_tampered_journal_is_told(post: Post) -> None:
    with post.store() as store, store.writing() as connection:
        connection.execute("DROP TRIGGER journal_unaltered")
        connection.execute(
            "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'ERIK', 'ERIC') AS BLOB) WHERE sequence = 3"
        )
    found = drill(Path(post.make().file), post.recovery, post.folder, journal=public_bytes(post.journal_key))
    assert (found.ok, found.code) == (False, "chain_broken")


def test_without_the_journal_s_key_nothing_is_proved(post: Post) -> None:
    found = drill(Path(post.make().file), post.recovery, post.folder)
    assert (found.ok, found.code) == (False, "unsigned")


@pytest.mark.parametrize("data", [b"", MAGIC, MAGIC + b"\xff\xff\xff\xff", MAGIC + b"\0\0\0\2{}", os.urandom(5000)])
def test_any_bytes_are_no_backup(post: Post, data: bytes) -> None:
    file = post.to / f"borne-{DEVICE}-20270301T000000Z.backup"
    file.write_bytes(data)
    with pytest.raises(SealedFileBad):
        drill(file, post.recovery, post.folder)
    (listed,) = list_backups(post.to)
    assert listed.head is None and not listed.good


def test_the_commands(post: Post) -> None:
    def borne(*words: str | Path, language: str = "en") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": f"{language}_XX.UTF-8", "LANGUAGE": ""}
        return subprocess.run([BORNE, "backup", *words], env=environment, capture_output=True, text=True, timeout=60)

    secret = post.folder / "recovery.pem"
    made = borne("key", "--out", secret)
    assert made.returncode == 0 and secret.stat().st_mode & 0o077 == 0
    (post.folder / "recovery.pub").write_text(made.stdout.split()[-1], encoding="ascii")
    where = ("--config", post.folder / "agent.toml", "--to", post.to, "--recovery", post.folder / "recovery.pub")
    assert borne("list", "--to", post.to).returncode == 1
    told = borne("make", *where, "--json")
    assert told.returncode == 0, told.stderr
    file = json.loads(told.stdout)["file"]
    listed = json.loads(borne("list", "--to", post.to, "--check", "--json").stdout)
    assert [(one["file"], one["good"], one["sequence"]) for one in listed["backups"]] == [(file, True, 5)]
    public = public_bytes(post.journal_key).hex()
    ran = borne("drill", file, "--recovery-key", secret, "--journal", public, "--aside", post.folder, language="fr")
    assert ran.returncode == 0 and "rien ne manque" in ran.stdout
    again = borne("drill", file, "--recovery-key", secret, "--config", "nowhere", "--aside", post.folder)
    assert again.returncode == 1 and "nothing is proved" in again.stdout
    Path(file).write_bytes(Path(file).read_bytes()[:-100])
    assert borne("list", "--to", post.to, "--check").returncode == 1
    assert borne("drill", file, "--recovery-key", secret, "--aside", post.folder).returncode == 2


def test_the_centre_s_sqlite(post: Post, tmp_path: Path) -> None:
    centre = tmp_path / "centre"
    init_centre(centre)
    with CentreFolder(centre).database():
        made = back_up_centre(centre, post.to, post.public)
    assert [one.head.kind for one in list_backups(post.to, check=True) if one.head] == ["sqlite"]
    assert drill(Path(made.file), post.recovery, post.folder).ok
    assert b"SQLite format" not in Path(made.file).read_bytes()
    shutil.rmtree(centre / "keys")
    (centre / "centre.db").unlink()
    with pytest.raises(BackupRefused):
        back_up_centre(centre, post.to, post.public)


def test_the_centre_s_postgresql(post: Post, tmp_path: Path) -> None:
    from mqtt_schemas.centre.folder import StoreSettings
    from tests.centre.postgres_kit import Cluster, require_postgres

    require_postgres()
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed here")
    cluster = Cluster()
    cluster.start()
    try:
        for name in ("borne", "scratch"):
            import psycopg

            with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
        centre = tmp_path / "centre"
        init_centre(centre, store=StoreSettings(url=cluster.url("borne")))
        made = back_up_centre(centre, post.to, post.public)
        found = drill(Path(made.file), post.recovery, post.folder, scratch=cluster.url("scratch"))
        assert found.ok
        cluster.stop()
        with pytest.raises(BackupRefused) as refused:
            back_up_centre(centre, post.to, post.public)
        assert refused.value.where == "pg_dump"
        assert len(list_backups(post.to)) == 1, "a dump that broke off is no backup"
    finally:
        cluster.stop()
        shutil.rmtree(cluster.folder, ignore_errors=True)


def test_the_database_is_only_read(post: Post) -> None:
    with post.store():
        before = (post.folder / "data" / "store.db").read_bytes()
        post.make()
        assert (post.folder / "data" / "store.db").read_bytes() == before
    assert sqlite3.sqlite_version
