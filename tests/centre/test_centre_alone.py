"""The centre's machine has what its lock says and nothing more: no window, no decoders, no faces, no web pages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

LOCK = Path(__file__).parents[2] / "provisioning" / "locks" / "centre.lock"
PROGRAM = """
import importlib.abc, sys
refused = set(sys.argv.pop(1).split(","))
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"{name} is not on the centre's machine", name=name)
sys.meta_path.insert(0, Refuse())
import click
from border_agent.cli import cli, main
def every(command, words):
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            every(command.get_command(context, name), [*words, name])
    else:
        seen.append(" ".join(words))
seen = []
if sys.argv[1:] == ["every"]:
    for name in ("centre", "backup"):
        every(cli.get_command(click.Context(cli), name), [name])
    print("\\n".join(seen))
else:
    main()
"""


def name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


@pytest.fixture(scope="module")
def refused() -> str:
    """Every module of this environment that the centre's lock does not bring."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(), re.MULTILINE)
    locked = {name(one) for one in (*found, "borne")}
    modules = {
        module
        for module, distributions in packages_distributions().items()
        if not locked & {name(distribution) for distribution in distributions}
    }
    modules.add("dlib")  # its wheel says nothing of its modules
    assert {"cv2", "kivy", "dlib", "numpy", "PIL", "starlette"} <= modules
    return ",".join(modules)


def run(refused: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM, refused, *words], capture_output=True, text=True)


def test_every_command_of_the_centre_can_be_loaded(refused: str) -> None:
    done = run(refused, "every")
    assert done.returncode == 0, done.stderr
    found = set(done.stdout.splitlines())
    assert {"centre run", "centre publish", "centre verify", "backup make", "backup drill"} <= found


def test_it_works(refused: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "centre")
    files = ["--authority", "ca.pem", "--certificate", "c.pem", "--key", "c.key"]
    made = run(refused, "centre", "init", "--folder", folder, *files, "--json")
    assert made.returncode == 0, made.stderr
    assert len(json.loads(made.stdout)["root"]) == 64
    assert run(refused, "centre", "verify", "--folder", folder).returncode == 0
    # Nothing is kept from it that it does have: this one misses only its certificates.
    started = run(refused, "centre", "run", "--folder", folder)
    assert (started.returncode, "TLS" in started.stderr) == (2, True), started.stderr


def test_the_test_can_fail(refused: str) -> None:
    assert "not on the centre's machine" in run(refused, "demo", "--help").stderr
