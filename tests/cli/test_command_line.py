"""`borne`: every command explains itself in both languages, answers in JSON where asked, and exits as it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import click
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from rich.console import Console

from border_agent.api.client import AgentClient
from border_agent.cli import cli, inspect
from border_agent.cli.base import BorneGroup
from border_agent.config import load_config
from border_agent.store import Store
from border_agent.words.catalogue import domain_keys
from mqtt_schemas.lab.pki import CENTRE, LabAuthority
from mqtt_schemas.records import VisaRecord
from mqtt_schemas.sealing import sealing_public
from tests.agent.conftest import Start, folder, start, write_device

__all__ = ["folder", "start"]

REPOSITORY = Path(__file__).resolve().parents[2]
BORNE = REPOSITORY / ".venv" / "bin" / "borne"


_TAMPER = "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'refer', 'admit') AS BLOB) WHERE sequence = 3"


def borne(*words: str | Path, language: str = "en", **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": f"{language}_XX.UTF-8", "LANGUAGE": ""}
    return subprocess.run([BORNE, *words], env=environment, capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


def every_command(group: BorneGroup, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append(((*path, name), command))
        if isinstance(command, BorneGroup):
            found += every_command(command, (*path, name))
    return found


COMMANDS = every_command(cli)


def test_the_contracts_command_names_are_there() -> None:
    names = {" ".join(path) for path, _ in COMMANDS}
    promised = {"centre run", "centre visas import", "centre movements export", "centre alarms", "demo", "inspect"}
    assert promised <= names


@pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_and_option_has_help(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts}"


def test_every_text_of_the_command_line_is_used() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in (REPOSITORY / "border_agent").rglob("*.py"))
    unused = [
        key
        for key in domain_keys("cli", "en")
        if key not in sources
        and key not in {f"cli.centre.{feed}" for feed in ("visas", "trust", "policy", "watchlist", "officers")}
    ]
    assert not unused


@pytest.mark.parametrize(("language", "word"), [("fr", "Commandes"), ("en", "Commands")])
def test_help_speaks_the_persons_language(language: str, word: str) -> None:
    ran = borne("--help", language=language)
    assert ran.returncode == 0
    assert word in ran.stdout
    assert not re.search(r"cli\.[a-z]", ran.stdout), "a key instead of its text"


@pytest.mark.parametrize(
    "words", [["nothing"], ["demo", "--nothing"], ["agent", "run"], ["centre", "enrol", "--folder", "x"], ["inspect"]]
)
def test_wrong_use_is_told_in_words_and_exits_2(words: list[str]) -> None:
    french, english = borne(*words, language="fr"), borne(*words, language="en")
    assert french.returncode == english.returncode == 2
    assert french.stderr.startswith("Commande mal employée")
    assert english.stderr.startswith("Wrong use")


def test_an_unreadable_configuration_exits_2_and_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("[device]\nid = 'x'\n", encoding="utf-8")
    ran = borne("agent", "run", "--config", tmp_path / "agent.toml")
    assert ran.returncode == 2
    assert "agent.toml" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_centre_from_the_command_line(tmp_path: Path) -> None:
    tls = LabAuthority(tmp_path / "tls").client(CENTRE)
    centre = tmp_path / "centre"
    made = borne(
        "centre", "init", "--folder", centre, "--authority", tls.ca, "--certificate", tls.certificate,
        "--key", tls.key, "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert len(json.loads(made.stdout)["root"]) == 64
    assert (
        borne("centre", "enrol", "post-1", "-f", centre, "--post", "garoua", "--journal-key", "ab" * 32).returncode
        == 0
    )
    again = borne("centre", "enrol", "post-1", "-f", centre, "--post", "garoua", "--journal-key", "cd" * 32)
    assert again.returncode == 2, "another key for an enrolled device is no small thing"
    today = datetime.now(UTC).date()
    visa = VisaRecord(
        visa_id="00" * 8,
        issuer="UTO",
        document_issuer="CMR",
        document_number="A1234567",
        valid_from=today,
        valid_until=today + timedelta(days=30),
        entries=1,
    )
    visas = tmp_path / "visas.jsonl"
    visas.write_bytes(msgspec.json.encode(visa) + b"\n")
    imported = borne("centre", "visas", "import", "-f", centre, visas, "--json")
    assert json.loads(imported.stdout) == {
        "feed": "visas", "version": 1, "added": 1, "changed": 0, "deleted": 0, "unchanged": 0,
    }  # fmt: skip
    visas.write_bytes(b'{"visa_id": "not one"}\n')
    refused = borne("centre", "visas", "import", "-f", centre, visas, language="fr")
    assert refused.returncode == 2
    assert "visas.jsonl" in refused.stderr
    key = sealing_public(X25519PrivateKey.generate()).hex()
    enrolled = borne(
        "centre", "enrol", "post-1", "-f", centre, "--post", "garoua", "--journal-key", "ab" * 32,
        "--role", "post", "--sealing-key", key,
    )  # fmt: skip
    assert enrolled.returncode == 0, enrolled.stderr
    added = borne(
        "centre", "officers", "add", "0471", "-f", centre, "--name", "NGO BASSA Thérèse",
        "--role", "officer", "--role", "supervisor", "--post", "garoua",
    )  # fmt: skip
    assert (added.returncode, "0471" in added.stdout) == (0, True), added.stderr
    activated = borne("centre", "officers", "activate", "0471", "-f", centre, "--days", "3")
    assert len(re.findall(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b", activated.stdout)) == 1
    made = json.loads(borne("centre", "officers", "activate", "0471", "-f", centre, "--json").stdout)
    assert (len(made["code"]), made["devices"], made["posts_without"]) == (14, ["post-1"], [])
    assert borne("centre", "officers", "suspend", "0471", "-f", centre).returncode == 0
    listed = json.loads(borne("centre", "officers", "list", "-f", centre, "--json").stdout)
    assert [(one["state"], one["activation"], one["activations"]) for one in listed["officers"]] == [
        ("suspended", made["activation"], ["post-1"])
    ]
    unknown = borne("centre", "officers", "retire", "9999", "-f", centre, language="fr")
    assert (unknown.returncode, unknown.stderr.startswith("Aucun agent")) == (2, True)
    assert borne("centre", "renew-keys", "-f", centre, "--json").stdout == '{"version":2}\n'
    exported = borne("centre", "movements", "export", "-f", centre)
    assert exported.returncode == 0
    assert exported.stdout.startswith("device,post,epoch")
    alarms = borne("centre", "alarms", "-f", centre, "--json")
    assert (alarms.returncode, json.loads(alarms.stdout)) == (0, {"alarms": [], "count": 0})
    proof = borne("centre", "verify", "-f", centre, "--json")
    assert (proof.returncode, json.loads(proof.stdout)) == (0, {"chain_ok": True, "streams": []})


def test_a_moment_in_which_nothing_is_asked_for_is_no_step() -> None:
    """The first snapshot may be of before the first step, the last of after the last one."""
    moments = [{"phase": "collecting", "step": step} for step in (None, "document", "document", "face", None)]
    agent = Mock(spec=AgentClient)
    agent.events.return_value = iter([*moments, {"phase": "proposed", "step": None}])
    console = Mock(spec=Console)
    assert inspect._follow(agent, {"id": "x"}, console)["phase"] == "proposed"
    assert console.print.call_count == 2


def test_inspecting_and_verifying_from_the_terminal(start: Start, folder: Path) -> None:
    start()
    ran = borne("inspect", "--socket", folder / "agent.sock", "--officer", "officer-7", "--yes", "--json")
    case = json.loads(ran.stdout)
    assert (ran.returncode, case["decision"], case["officer"]) == (1, "refer", "officer-7")
    given_up = borne(
        "inspect", "--socket", folder / "agent.sock", "--officer", "officer-7", input="q\n", language="fr"
    )
    assert given_up.returncode == 1
    assert "abandonné" in given_up.stderr
    refused = borne("inspect", "--socket", folder / "agent.sock", "--officer", "officer-7", input="r\nno document\n")
    assert "Recorded" in refused.stderr
    start.stop()
    good = borne("journal", "verify", "--config", folder / "agent.toml", "--json")
    assert (good.returncode, json.loads(good.stdout)["entries"]) == (0, 4)
    config = load_config(write_device(folder))
    with Store(config.path(config.store.path), config.path(config.store.key)) as store, store.writing() as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(_TAMPER)
    broken = borne("journal", "verify", "--config", folder / "agent.toml", language="fr")
    assert broken.returncode == 1
    assert "Chaîne rompue" in broken.stdout
