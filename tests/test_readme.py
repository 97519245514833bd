"""What the READMEs say is true: commands exist and work, links lead somewhere, nothing names this machine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
BORNE = REPOSITORY / ".venv" / "bin" / "borne"

tracked = subprocess.run(
    ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
).stdout.split("\0")
pages = [name for name in tracked if name.endswith(".md")]


def commands() -> Iterator[str]:
    text = README.read_text(encoding="utf-8")
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        yield from block.strip().splitlines()
    yield from (span for span in re.findall(r"`([^`\n]+)`", text) if span.startswith((".venv/bin/borne", "make ")))


@pytest.mark.parametrize("command", sorted({c for c in commands() if c.startswith("make ")}))
def test_every_make_target_of_the_readme_exists(command: str) -> None:
    ran = subprocess.run(["make", "-n", *command.split()[1:]], cwd=REPOSITORY, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("command", sorted({c for c in commands() if c.startswith(".venv/bin/borne")}))
def test_every_borne_command_of_the_readme_is_understood(command: str) -> None:
    # The demo itself is played by the test of the demo; here its words and options must be known.
    words = command.split("|")[0].split()[1:]
    ran = subprocess.run([BORNE, *words, "--help"], cwd=REPOSITORY, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_ci_runs_the_readmes_test_command() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "make test" in script
    assert "make test" in commands()


def test_both_languages_tell_the_same_tour() -> None:
    french, english = README.read_text(encoding="utf-8").split('<a name="english"></a>')
    count = len(re.findall(r"^\d\. ", french, re.M))
    assert count == len(re.findall(r"^\d\. ", english, re.M)) == 6


@pytest.mark.parametrize("page", pages)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    file = REPOSITORY / page
    for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), f"{page} links to {target}"


def test_every_top_level_package_has_a_readme() -> None:
    for name in ("kiosk_app", "border_agent", "firmware_bridge", "provisioning", "mqtt_schemas", "tests"):
        assert (REPOSITORY / name / "README.md").stat().st_size > 200, name
