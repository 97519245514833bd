"""`borne lists`, `borne centre lists`: a file for a stick, into a device whose agent runs, or where none does."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.cli import main
from border_agent.demo.parts import end, private_pem, spawn, write_private
from border_agent.store import Lists, Store, create_key, verify_journal
from mqtt_schemas.centre.exporting import export_lists
from mqtt_schemas.centre.folder import init
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.records import VisaRecord
from mqtt_schemas.sealing import sealing_public

DEVICE = "uto-post-1"
AT = datetime.now(UTC)


def visa(number: int) -> VisaRecord:
    return VisaRecord(
        visa_id=f"{number:016x}",
        issuer="UTO",
        document_issuer="UTO",
        document_number=f"C{number:08}",
        valid_from=AT.date(),
        valid_until=AT.date() + timedelta(days=90),
        entries=1,
    )


class Ran(NamedTuple):
    returncode: object
    stdout: str
    stderr: str


class Ground:
    """A centre's folder and a device's, with nothing between them."""

    def __init__(self, folder: Path) -> None:
        self.centre, self.device = folder / "centre", folder / "device"
        self.config, self.stick = self.device / "agent.toml", folder / "stick.lists"
        root = init(self.centre, at=AT - timedelta(days=60))
        self.lists(3)
        self.device.mkdir()
        self.journal_key, sealing = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
        create_key(self.device / "store.key")
        write_private(self.device / "journal.key", private_pem(self.journal_key))
        write_private(self.device / "sealing.key", private_pem(sealing))
        enrol(
            self.centre,
            DEVICE,
            "north",
            public_bytes(self.journal_key),
            role="post",
            sealing_key=sealing_public(sealing),
        )
        tls = LabAuthority(folder / "tls").client(DEVICE)
        self.config.write_text(
            f"""\
[device]
id = "{DEVICE}"
role = "post"
post = "north"
[store]
path = "store.db"
key = "store.key"
[identity]
journal_key = "journal.key"
sealing_key = "sealing.key"
root = "{root.hex()}"
[mqtt]
brokers = ["mqtts://localhost:1"]
authority = "{tls.ca}"
certificate = "{tls.certificate}"
key = "{tls.key}"
[api]
socket = "agent.sock"
"""
        )

    def lists(self, visas: int) -> None:
        file = self.centre / "visas.jsonl"
        file.write_bytes(b"".join(msgspec.json.encode(visa(number)) + b"\n" for number in range(visas)))
        import_feed(self.centre, "visas", file)

    def borne(self, *words: str | Path) -> Ran:
        """A command in this process: its exit code and what it says."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["borne", *map(str, words)])
            with pytest.raises(SystemExit) as end_:
                main()
        return Ran(end_.value.code, out.getvalue(), err.getvalue())

    def bring(self, *more: str) -> Ran:
        return self.borne("lists", "import", self.stick, "--config", self.config, *more)

    def show(self) -> tuple[object, Any]:
        shown = self.borne("lists", "show", "--config", self.config, "--json")
        return shown.returncode, json.loads(shown.stdout)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


@pytest.fixture
def running(ground: Ground) -> Iterator[Ground]:
    process = spawn(ground.device / "agent.log", "agent", "run", "--config", str(ground.config))
    try:
        for _ in range(1200):
            if (ground.device / "agent.sock").exists():
                break
            assert process.poll() is None, (ground.device / "agent.log").read_text()
            process_wait(process)
        yield ground
    finally:
        end(process)


def process_wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        return


def versions(outcome: Ran) -> dict[str, tuple[str, int]]:
    found = json.loads(outcome.stdout)["lists"]
    return {one["feed"]: (one["outcome"], one["version"]) for one in found}


def test_a_stick_without_an_agent(ground: Ground) -> None:
    code, shown = ground.show()
    assert (code, shown["fresh"], shown["lists"]) == (1, False, [])
    made = ground.borne(
        "centre", "lists", "export", "--folder", ground.centre, "--for", DEVICE, "--out", ground.stick, "--json"
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["devices"] == [DEVICE]
    brought = ground.bring("--json")
    assert brought.returncode == 0, brought.stderr
    assert versions(brought)["visas"] == ("installed", 3)
    code, shown = ground.show()
    assert code == 0
    assert {one["feed"]: one["version"] for one in shown["lists"]}["visas"] == 3
    with Store(ground.device / "store.db", ground.device / "store.key", reserve_bytes=0) as store:
        assert Lists(store).visa(visa(1).visa_id).records == (visa(1),)
        # What it decides by has changed, and the journal says so.
        bodies = store.open_connection().execute("SELECT body FROM journal").fetchall()
        assert sum(b'"list_installed"' in bytes(body) for (body,) in bodies) >= 1
        assert verify_journal(store, ground.journal_key.public_key()).ok


def test_what_is_wrong_with_a_stick_is_said(ground: Ground, tmp_path: Path) -> None:
    old = tmp_path / "old.lists"
    export_lists(ground.centre, old, devices=[DEVICE])
    ground.lists(5)
    export_lists(ground.centre, ground.stick)
    assert ground.bring().returncode == 0
    ground.stick = old
    older = ground.bring("--json")
    assert (older.returncode, versions(older)["visas"]) == (1, ("older", 3))
    assert "5" in ground.bring().stdout
    old.write_bytes(old.read_bytes()[:-1000])
    assert ground.bring().returncode == 2
    enrol(ground.centre, "uto-post-2", "south", b"j" * 32, sealing_key=sealing_public(X25519PrivateKey.generate()))
    export_lists(ground.centre, old, devices=["uto-post-2"])
    foreign = ground.bring()
    assert foreign.returncode == 2
    assert "contract.not_for_device" in foreign.stderr
    ground.stick = tmp_path / "nowhere"
    missing = ground.bring()
    assert missing.returncode == 2
    assert "lists.no_file" in missing.stderr
    assert ground.borne("centre", "lists", "export", "--folder", ground.centre, "--out", old).returncode == 2
    code, shown = ground.show()
    assert (code, {one["feed"]: one["version"] for one in shown["lists"]}["visas"]) == (0, 5)


def test_old_lists_are_shown_as_old(ground: Ground) -> None:
    export_lists(ground.centre, ground.stick, days=1, at=AT - timedelta(days=30))
    brought = ground.bring("--json")
    assert brought.returncode == 0
    assert all(one["expired"] for one in json.loads(brought.stdout)["lists"])
    code, shown = ground.show()
    assert (code, all(one["expired"] for one in shown["lists"])) == (1, True)


def test_a_stick_into_a_running_agent(running: Ground, tmp_path: Path) -> None:
    export_lists(running.centre, running.stick)
    brought = running.bring("--json")
    assert brought.returncode == 0, brought.stderr
    assert versions(brought)["visas"] == ("installed", 3)
    code, shown = running.show()
    assert (code, {one["feed"]: one["version"] for one in shown["lists"]}["visas"]) == (0, 3)
    # A file that the agent refuses in the middle: the reason comes back, whatever is still unread.
    export_lists(running.centre, running.stick, devices=[DEVICE])
    running.stick.write_bytes(running.stick.read_bytes()[:-500])
    spoilt = running.bring()
    assert spoilt.returncode == 2
    assert "contract.malformed" in spoilt.stderr
    # The agent's own lock: nothing goes past it.
    (running.device / "agent.sock").rename(tmp_path / "hidden.sock")
    locked = running.bring()
    (tmp_path / "hidden.sock").rename(running.device / "agent.sock")
    assert locked.returncode == 2
    assert "already_running" in locked.stderr
