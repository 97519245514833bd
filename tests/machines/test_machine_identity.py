"""A device’s identity in a bare root: keys made and sealed there, a request, a bundle; and no journal lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from agent_kit import install_tree
from root_kit import POST, Recap, Root

from mqtt_schemas.centre.authority import make_pilot
from mqtt_schemas.centre.enrolment import enrol, renew
from mqtt_schemas.centre.folder import BrokerSettings, init

BORNE = "/usr/local/bin/borne"
CONFIG = ("--config", "/etc/borne/agent.toml")
REQUEST = f"/var/lib/borne-exchange/{POST}.request"
BUNDLE = f"/var/lib/borne-exchange/{POST}.bundle"
STORE = "/var/lib/borne/store.db"

_WRITE = """
import sys
from pathlib import Path
from border_agent.clock import Clock
from border_agent.config import load_config
from border_agent.store import Journal, Store
from border_agent.upkeep.credentials import device_keys, store_key
config = load_config(Path("/etc/borne/agent.toml"))
with Store(config.path(config.store.path), store_key(config)) as store:
    Journal(store, sys.argv[1], device_keys(config).journal, Clock(), software="test")
"""


class Machine:
    """A post with a release, and the data centre it will belong to."""

    def __init__(self, root: Root, folder: Path) -> None:
        self.root = root
        self.folder = folder
        now = datetime.now(UTC)
        self.pinned = init(folder, BrokerSettings(host="courtier.centre.uto.example"), at=now)
        self.authority = make_pilot(folder, now)

    def play(self, *, check: bool = False, **variables: object) -> Recap:
        variables = {
            "borne_live": False,
            "borne_root": self.pinned.hex(),
            "borne_authority": "/nowhere/authority.pem",
            **variables,
        }
        tags = ("accounts", "config", "identity")
        return self.root.play("agent", variables=variables, check=check, tags=tags)

    def told(self, *words: str, good: int = 0) -> dict[str, object]:
        done = self.root.run(BORNE, *words, "--json", check=False)
        assert done.returncode == good, done.stdout + done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def journal_of(self, device: str) -> None:
        self.root.run("/opt/borne/current/bin/python", "-c", _WRITE, device)


@pytest.fixture(scope="module")
def machine(build_root: Callable[..., Root], tmp_path_factory: pytest.TempPathFactory) -> Machine:
    root = build_root(POST)
    made = Machine(root, tmp_path_factory.mktemp("centre") / "folder")
    before = made.play(check=True)
    assert before.failures == (), "check mode on a bare root"
    # As role base leaves it.
    root.run(
        "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qqy", "install", "--no-install-recommends", "systemd"
    )
    install_tree(root)
    root.write(BORNE, '#!/bin/sh\nexec /opt/borne/current/bin/borne "$@"\n', 0o755)
    return made


def test_keys_are_made_there_and_a_request_waits(machine: Machine) -> None:
    first = machine.play()
    assert first.failures == ()
    assert any("/var/lib/borne-exchange" in message for message in first.messages)
    again = machine.play()
    assert (again.failures, again.changed_tasks) == ((), ())
    print(f"identity: {first.seconds:.0f} s, again {again.seconds:.0f} s")
    files = sorted(path.name for path in machine.root.at("/etc/credstore.encrypted").iterdir())
    assert files == [f"borne.{name}.key" for name in ("device", "journal", "sealing", "server", "store")]
    assert machine.root.mode("/etc/credstore.encrypted/borne.journal.key") == "root root 0600"


def test_a_bundle_that_is_brought_is_installed_once(machine: Machine) -> None:
    handed = enrol(machine.folder, machine.root.at(REQUEST).read_bytes(), person="0471")
    machine.root.at(BUNDLE).write_bytes(handed.answer)
    first = machine.play()
    assert "agent : Install the bundle" in first.changed_tasks
    assert machine.told("device", "status", *CONFIG)["ok"] is True
    assert machine.root.mode("/var/lib/borne/tls/device.pem").startswith("borne ")
    assert machine.root.mode("/var/lib/borne/tls").startswith("borne ")
    again = machine.play()
    assert (again.failures, again.changed_tasks) == ((), ())


def test_a_newer_bundle_takes_its_place(machine: Machine) -> None:
    machine.root.run(BORNE, "device", "request", *CONFIG, "--renew", "--out", REQUEST)
    handed = renew(machine.folder, machine.root.at(REQUEST).read_bytes(), person="0471")
    machine.root.at(BUNDLE).write_bytes(handed.answer)
    assert "agent : Install the bundle" in machine.play().changed_tasks
    assert machine.told("device", "status", *CONFIG)["number"] == handed.number


def test_its_own_journal_is_left_alone(machine: Machine) -> None:
    machine.journal_of(POST)
    assert machine.told("device", "unsent", *CONFIG, good=1)["unsent"] == 1
    recap = machine.play()
    assert (recap.failures, recap.changed_tasks) == ((), ())


def test_another_devices_unsent_journal_stops_the_play(machine: Machine) -> None:
    machine.root.run("rm", STORE)
    machine.journal_of("uto-poste-9")
    recap = machine.play()
    (failure,) = recap.failures
    assert "borne device unsent --export" in failure
    assert "uto-poste-9" in failure
    assert machine.root.at(STORE).exists()
    machine.told("device", "unsent", *CONFIG, "--export", "/var/lib/borne-exchange/unsent")
    recap = machine.play(borne_new_epoch=True)
    assert recap.failures == ()
    assert not machine.root.at(STORE).exists()
    assert list(machine.root.at("/var/lib/borne").glob("store.db.lost-*"))
    again = machine.play(borne_new_epoch=True)
    assert (again.failures, again.changed_tasks) == ((), ())


def test_a_journal_whose_keys_are_gone_stops_the_play(machine: Machine) -> None:
    """The machine was set up anew, its data volume kept."""
    machine.journal_of(POST)
    machine.root.run("sh", "-c", "rm /etc/credstore.encrypted/borne.*")
    recap = machine.play()
    (failure,) = recap.failures
    assert "its keys are not" in failure
    assert machine.root.at(STORE).exists()
    assert not list(machine.root.at("/etc/credstore.encrypted").iterdir())
    recap = machine.play(borne_new_epoch=True)
    assert recap.failures == ()
    assert not machine.root.at(STORE).exists()
    # The certificate that is left is for keys that are gone: a new request waits, the old bundle is away.
    assert "agent : Write the enrolment request" in recap.changed_tasks
    assert not machine.root.at(BUNDLE).exists()
    assert machine.told("device", "status", *CONFIG, good=1)["enrolled"] is False
    again = machine.play()
    assert (again.failures, again.changed_tasks) == ((), ())
