"""Two real releases, a real agent, a real centre: N-1 goes on with what N has written; nothing is lost or doubled.

Each release is built by the release tool, staged and switched by the guard. To stay fast they share the packages of
`.venv` by a path file; what is Borne's own is each release's.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from guard_kit import GUARD, Device, Keys, wheel
from next_release import REPOSITORY, make_broken, make_next, make_tree

from border_agent.agent.identity import load_journal_key
from border_agent.store import create_key
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, init
from mqtt_schemas.centre.proof import verify
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import CENTRE, LabAuthority
from mqtt_schemas.messages import encode

NAME = "uto-update-1"
PATIENCE = 60.0
OLD, NEW, BROKEN = "0.9.0", "0.10.0", "0.11.0"


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_tool", REPOSITORY / "provisioning/tools/release.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class World:
    """A centre that runs, a broker, and a device whose agent is started from whatever `current` names."""

    def __init__(self, folder: Path, broker: LabBroker, authority: LabAuthority) -> None:
        self.folder, self.broker = folder, broker
        self.device = Device(folder)
        self.socket = folder / "agent.sock"
        self.pid = folder / "agent.pid"
        own = authority.client(NAME)
        centre = authority.client(CENTRE)
        create_key(folder / "store.key")
        key = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "journal.key").write_bytes(key)
        (folder / "journal.key").chmod(0o600)
        root = init(
            folder / "centre",
            BrokerSettings(
                port=broker.port, ca=str(centre.ca), certificate=str(centre.certificate), key=str(centre.key)
            ),
        )
        self.config = folder / "agent.toml"
        self.config.write_text(
            f"""
[device]
id = "{NAME}"
post = "garoua"
[store]
path = "store.db"
key = "store.key"
[identity]
journal_key = "journal.key"
root = "{root.hex()}"
[mqtt]
brokers = ["mqtts://localhost:{broker.port}"]
authority = "{own.ca}"
certificate = "{own.certificate}"
key = "{own.key}"
[api]
socket = "agent.sock"
""",
            encoding="utf-8",
        )
        public = public_bytes(load_journal_key(folder / "journal.key"))
        enrol(folder / "centre", NAME, "garoua", public)
        # As `systemctl restart` does: end the old one, start what `current` names now.
        (folder / "restart").write_text(
            f"""#!/bin/sh
if [ -f {self.pid} ]; then
  kill $(cat {self.pid})
  while kill -0 $(cat {self.pid}) 2>/dev/null; do sleep 0.05; done
fi
rm -f {self.socket}
{self.device.base}/current/bin/borne agent run --config {self.config} >>{folder}/agent.log 2>&1 </dev/null &
echo $! >{self.pid}
""",
            encoding="utf-8",
        )
        (folder / "restart").chmod(0o755)
        self.device.set(
            socket=str(self.socket), restart=[str(folder / "restart")], health_seconds=60, steady_seconds=1
        )
        program = "from pathlib import Path; from mqtt_schemas.centre.service import run; run(Path('centre'))"
        with (folder / "centre.log").open("wb") as log:
            self.centre = subprocess.Popen([sys.executable, "-c", program], cwd=folder, stdout=log, stderr=log)

    def guard(self, *words: str | Path) -> dict[str, object]:
        ran = subprocess.run(
            [GUARD, "--settings", self.device.settings, *words, "--json"], capture_output=True, text=True, timeout=180
        )
        assert ran.stdout, ran.stderr
        found: dict[str, object] = json.loads(ran.stdout)
        return found

    def restart(self) -> None:
        subprocess.run([self.folder / "restart"], check=True)

    def stop(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            agent = int(self.pid.read_text())
            os.kill(agent, signal.SIGTERM)
            while True:  # not our child: until there is no such process any more
                os.kill(agent, 0)
                time.sleep(0.05)
        self.centre.terminate()
        self.centre.wait(20)

    def journal(self, *, release: str) -> dict[str, object]:
        """The chain, computed again by a release's own program."""
        command = [self.device.base / "releases" / release / "bin" / "borne", "journal", "verify", "--json"]
        ran = subprocess.run([*command, "--config", self.config], capture_output=True, text=True, timeout=60)
        assert ran.stdout, ran.stderr
        found: dict[str, object] = json.loads(ran.stdout)
        return found

    def stored(self) -> list[dict[str, object]]:
        """The entries at the centre, in their order."""
        with CentreFolder(self.folder / "centre").database() as database:
            rows = database.rows("SELECT body FROM journal ORDER BY stream, sequence")
            return [json.loads(body) for (body,) in rows]

    def arrived(self, count: int) -> list[dict[str, object]]:
        deadline = time.monotonic() + PATIENCE
        while len(found := self.stored()) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} entries arrived"
            time.sleep(0.1)
        return found


def started(entries: list[dict[str, object]]) -> list[tuple[str, str]]:
    """Which release wrote that it had started, and whether it said at which lane."""
    return [
        (entry["details"]["software"], str(entry.get("lane", "")))  # type: ignore[index]
        for entry in entries
        if entry.get("event") == "started"
    ]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Keys, dict[str, Path]]:
    """Three signed releases, each of a tree of its own."""
    folder = tmp_path_factory.mktemp("releases")
    keys, cache = Keys(), folder / "shared"
    cache.mkdir()
    packages = next((REPOSITORY / ".venv" / "lib").glob("python3.*")) / "site-packages"
    shared = wheel(cache, "shared", "1.0")
    _add_path_file(shared, packages)
    (folder / "lock").write_text("shared==1.0\n", encoding="ascii")
    build = tool()
    (cache / ".lock").write_text(build._sha256(folder / "lock"))
    made = {}
    for version, make in ((OLD, make_tree), (NEW, make_next), (BROKEN, make_broken)):
        made[version] = build.build(
            role="post",
            key=keys.software,
            keys=encode(keys.document()),
            out=folder / "out",
            source=make(folder / version, version),
            lock=folder / "lock",
            cache=cache,
        )
    return keys, made


def _add_path_file(file: Path, packages: Path) -> None:
    with zipfile.ZipFile(file) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    record = next(name for name in parts if name.endswith("RECORD"))
    parts[record] += b"shared.pth,,\n"
    with zipfile.ZipFile(file, "w") as new:
        for name, data in {**parts, "shared.pth": f"{packages}\n".encode()}.items():
            new.writestr(name, data)


@pytest.fixture
def world(tmp_path: Path, releases: tuple[Keys, dict[str, Path]]) -> Iterator[World]:
    authority = LabAuthority(tmp_path / "pki")
    short = Path(f"/tmp/borne-update-{os.getpid()}")  # a socket's path is short
    short.mkdir()
    with LabBroker(tmp_path / "broker", authority.server()) as broker:
        made = World(short, broker, authority)
        made.device.keys = releases[0]
        settings = json.loads(made.device.settings.read_text())
        settings["root"] = public_bytes(releases[0].root).hex()
        made.device.settings.write_text(json.dumps(settings))
        try:
            yield made
        finally:
            made.stop()
            shutil.rmtree(short)


def test_the_release_before_goes_on_with_what_the_next_has_written(
    world: World, releases: tuple[Keys, dict[str, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    made = releases[1]
    assert world.guard("stage", made[OLD])["ok"]
    assert world.guard("apply")["phase"] == "confirmed"
    world.restart()
    world.arrived(2)

    # N: staged beside it, switched to, healthy.
    assert world.guard("stage", made[NEW])["ok"]
    begun = time.monotonic()
    answer = world.guard("apply")
    to_healthy = time.monotonic() - begun
    assert (answer["phase"], answer["target"]) == ("confirmed", NEW), answer
    world.restart()  # a second start: entries of N that the centre has before the roll-back, and after it
    entries = world.arrived(4)
    assert started(entries)[0] == (OLD, "") and started(entries)[1:] == [(NEW, "north")] * (len(started(entries)) - 1)

    # Back to N-1, by hand. The database stays as N left it.
    begun = time.monotonic()
    assert world.guard("rollback", "--by", "kay")["phase"] == "rolled_back"
    back = time.monotonic() - begun
    deadline = time.monotonic() + PATIENCE
    while (started(world.stored()) or [("", "")])[-1][0] != OLD:
        assert time.monotonic() < deadline, (world.folder / "agent.log").read_text()[-3000:]
        time.sleep(0.1)
    report = world.journal(release=OLD)
    assert report["ok"] and report["epochs"] == 1, report
    world.restart()

    # And forward again: N finds its own tables, and what N-1 has written meanwhile.
    assert world.guard("apply", "--version", NEW, "--again")["phase"] == "confirmed"
    report = world.journal(release=NEW)
    assert report["ok"] and report["epochs"] == 1

    entries = world.arrived(int(str(report["entries"])))
    assert len(entries) == len({str(entry.get("id", entry.get("epoch"))) for entry in entries}), "none twice"
    assert len(entries) == report["entries"] and all(stream.ok for stream in verify(world.folder / "centre"))
    order = [software for software, _ in started(entries)]
    assert order[0] == OLD and NEW in order[: order[2:].index(OLD) + 2] and order[-1] == NEW, (
        "there, back, there again"
    )
    assert {(OLD, ""), (NEW, "north")} == set(started(entries))
    with capsys.disabled():
        print(f"\n  apply to healthy {to_healthy:.1f} s, roll-back {back:.1f} s")


def test_a_release_whose_agent_never_comes_up_is_taken_back_and_nothing_is_lost(
    world: World, releases: tuple[Keys, dict[str, Path]]
) -> None:
    made = releases[1]
    for version in (OLD, NEW):
        assert world.guard("stage", made[version])["ok"]
        if version == OLD:
            assert world.guard("apply")["ok"]
            world.restart()
            world.arrived(2)
        else:
            assert world.guard("apply")["phase"] == "confirmed"
    settings = json.loads(world.device.settings.read_text())
    world.device.settings.write_text(json.dumps({**settings, "health_seconds": 3}))
    assert world.guard("stage", made[BROKEN])["ok"], "it says its version as any other"
    answer = world.guard("apply")
    assert (answer["phase"], answer["reason"], answer["previous"]) == ("rolled_back", "no_answer", NEW)
    world.device.settings.write_text(json.dumps(settings))
    deadline = time.monotonic() + PATIENCE
    while [software for software, _ in started(world.stored())][-2:] != [NEW, NEW]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    report = world.journal(release=NEW)
    assert report["ok"] and report["epochs"] == 1
    assert not list(world.folder.glob("store.db.lost-*")), "no release has set the database aside"


def test_only_borne_s_own_wheel_travels_where_only_it_has_changed(
    tmp_path: Path, releases: tuple[Keys, dict[str, Path]]
) -> None:
    keys, made = releases
    device = Device(tmp_path, keys)
    assert device.guard("stage", made[OLD])["ok"]
    (tmp_path / "arrived").mkdir()
    with tarfile.open(made[NEW]) as tar:
        for name in ("release.json", "release.sig", "keys.json"):
            tar.extract(name, tmp_path / "arrived")
    assert device.guard("missing", tmp_path / "arrived")["missing"] == [f"borne-{NEW}-py3-none-any.whl"]
