"""What provisioning/README.md says is true: its commands, roles and files exist, and both languages tell the same."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from border_agent.cli import cli

PROVISIONING = Path(__file__).resolve().parents[2] / "provisioning"
TEXT = (PROVISIONING / "README.md").read_text(encoding="utf-8")
FRENCH, ENGLISH = TEXT.split('<a name="english"></a>')
SPANS = sorted(set(re.findall(r"`([^`\n]+)`", TEXT)))


def test_ten_steps_in_both_languages() -> None:
    for half in (FRENCH, ENGLISH):
        assert re.findall(r"^(\d+)\. ", half, re.MULTILINE) == [str(number) for number in range(1, 11)]
    assert len(re.findall(r"^#", FRENCH, re.MULTILINE)) == len(re.findall(r"^#", ENGLISH, re.MULTILINE))
    assert set(re.findall(r"`([^`\n]+)`", FRENCH)) == set(re.findall(r"`([^`\n]+)`", ENGLISH))


@pytest.mark.parametrize("span", [span for span in SPANS if re.match(r"(sudo )?borne ", span)])
def test_every_borne_command_exists(span: str) -> None:
    command: click.Command = cli
    for word in span.removeprefix("sudo ").split()[1:]:
        if isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            assert found is not None, span
            command = found


@pytest.mark.parametrize("span", [span for span in SPANS if span.startswith("PLAY ")])
def test_every_playbook_exists(span: str) -> None:
    assert (PROVISIONING / span.split()[1]).is_file()


def test_every_role_is_told_and_every_told_one_exists() -> None:
    told: set[str] = set()
    for line in FRENCH.splitlines():
        if line.startswith("| `roles/"):
            told |= {name.removeprefix("roles/") for name in re.findall(r"`([^`]+)`", line.split("|")[1])}
    assert {role.name for role in (PROVISIONING / "roles").iterdir() if role.is_dir()} == told


@pytest.mark.parametrize("span", [span for span in SPANS if re.fullmatch(r"[\w./]+/|[\w/]+\.(yml|sh)", span)])
def test_every_file_is_there(span: str) -> None:
    if span == "build/medium/":
        return
    beneath = (PROVISIONING / span, PROVISIONING / "inventories" / span, PROVISIONING / "medium" / span)
    example = PROVISIONING / "inventories" / "exemple" / span
    assert any(file.exists() for file in (*beneath, example)), span


def test_french_is_written_as_in_print() -> None:
    prose = re.sub(r"`[^`]*`", "", FRENCH)
    assert not re.search(r"\w'\w", prose)
