"""Role backup in a bare root: the units as they are, and what they run, run."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from release_kit import Releases
from root_kit import Root

from border_agent.upkeep.backup_drill import drill
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.sealing import sealing_public

RECOVERY = X25519PrivateKey.generate()
JOURNAL = Ed25519PrivateKey.generate()
TARGETS = [
    {"name": "disk", "folder": "/var/backups/borne"},
    {"name": "stick", "folder": "/media/backup", "mounted": True},
]
WRITE = """
import secrets
from datetime import UTC, datetime
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from border_agent.clock import Clock
from border_agent.store import Journal, Store, create_key
from mqtt_schemas.entries import ClockQuality, DeviceEvent
folder = Path("/var/lib/borne")
create_key(folder / "store.key")
key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("KEY"))
with Store(folder / "store.db", folder / "store.key") as store:
    journal = Journal(store, "amaurote-aeroport-g1", key, Clock(), software="test")
    for _ in range(20):
        now = datetime.now(UTC)
        journal.commit([DeviceEvent(id=secrets.token_hex(16), occurred_at=now, recorded_at=now,
                                    clock=ClockQuality.UNKNOWN, event="started")])
"""
CONFIG = """
[device]
id = "amaurote-aeroport-g1"
[store]
path = "/var/lib/borne/store.db"
key = "/run/credentials/borne-agent.service/store.key"
[identity]
journal_key = "/run/credentials/borne-agent.service/journal.key"
root = "ROOT"
[mqtt]
brokers = ["mqtts://localhost:1"]
authority = "a.pem"
certificate = "d.pem"
key = "d.key"
[api]
socket = "/run/borne/agent.sock"
"""


@pytest.fixture(scope="module")
def made(root: Root, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A device with a release, an account and a journal, before the role has been there."""
    releases = Releases(tmp_path_factory.mktemp("releases"))
    file = releases.build("0.9.0")
    assert root.play("update", variables=releases.variables("0.9.0", file)).failures == ()
    root.run("useradd", "--system", "--home-dir", "/var/lib/borne", "--create-home", "borne")
    root.at("/var/lib/borne").chmod(0o700)
    root.write("/etc/borne/agent.toml", CONFIG.replace("ROOT", releases.root))
    root.write("/tmp/write.py", WRITE.replace("KEY", JOURNAL.private_bytes_raw().hex()))
    root.run("runuser", "-u", "borne", "--", "/opt/borne/current/bin/python", "/tmp/write.py")
    return root


def variables(**more: object) -> dict[str, object]:
    recovery = sealing_public(RECOVERY).hex()
    return {"borne_live": False, "borne_recovery": recovery, "backup_targets": TARGETS, **more}


def test_without_a_recovery_key_it_says_so(made: Root) -> None:
    recap = made.play("backup", variables=variables(borne_recovery=""))
    assert recap.failures == () and recap.changed == 0
    assert any("borne_recovery" in message for message in recap.messages)
    wrong = made.play("backup", variables=variables(borne_recovery="abc"))
    assert "64 chiffres" in wrong.failures[0]


def test_converges_and_stays(made: Root) -> None:
    assert made.play("backup", variables=variables(), check=True).failures == ()
    assert not made.at("/etc/borne/recovery.pub").exists()
    assert made.play("backup", variables=variables()).failures == ()
    again = made.play("backup", variables=variables())
    assert (again.failures, again.changed_tasks) == ((), ())
    for timer in ("borne-backup.timer", "borne-backup-stick.timer"):
        assert made.unit_state(timer) == "enabled"
    assert made.mode("/var/backups/borne") == "borne borne 0700"
    assert not made.at("/media/backup").exists(), "a stick's folder is not made on this machine's disk"


def test_the_units_are_closed(made: Root) -> None:
    for unit in ("borne-backup.service", "borne-backup-stick.service"):
        file = made.at(f"/etc/systemd/system/{unit}")
        told = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--threshold=15", file], capture_output=True, text=True
        )
        assert told.returncode == 0, told.stdout[-300:]
        assert "journal.key" not in file.read_text(), "the store's key alone"


def commands(root: Root, unit: str) -> list[list[str]]:
    lines = root.read(f"/etc/systemd/system/{unit}").splitlines()
    words = [shlex.split(line.partition("=")[2]) for line in lines if line.startswith("ExecStart=")]
    return [[word.replace("%d", "/var/lib/borne") for word in line] for line in words]


def test_what_the_units_run_makes_a_backup_that_opens(made: Root, tmp_path: Path) -> None:
    make, check = commands(made, "borne-backup.service")
    told = json.loads(made.run("runuser", "-u", "borne", "--", *make).stdout)
    assert told["sequence"] == 21
    listed = json.loads(made.run("runuser", "-u", "borne", "--", *check).stdout)
    assert [one["good"] for one in listed["backups"]] == [True]
    found = drill(made.at(told["file"]), RECOVERY, tmp_path, journal=public_bytes(JOURNAL))
    assert (found.ok, found.entries, found.device) == (True, 21, "amaurote-aeroport-g1")
    stick = made.run("runuser", "-u", "borne", "--", *commands(made, "borne-backup-stick.service")[0], check=False)
    assert stick.returncode == 2 and "backup.refused" in stick.stderr
