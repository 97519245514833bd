"""`borne calls` and `borne staff`: officers hear at a terminal, codes never stand on a command line."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from border_agent.agent.staff import StaffFile, code_fits
from tests.agent.conftest import Start, folder, start
from tests.cli.test_command_line import BORNE, borne

__all__ = ["folder", "start"]

CODE = "90817263"


def test_officers_hear_answer_and_end_a_call_at_a_terminal(start: Start, folder: Path) -> None:
    _, client = start('[kiosk]\ngate = "A"\n')
    socket = folder / "agent.sock"
    assert "No call" in borne("calls", "--socket", socket).stdout
    with Following(socket) as ear:
        assert json.loads(ear.line()) == {"calls": []}
        call = client.call_officer()["id"]
        assert json.loads(ear.line())["calls"][0]["state"] == "raised"
        listed = borne("calls", "--socket", socket, language="fr")
        assert (listed.returncode, call in listed.stdout, "en attente d’un agent" in listed.stdout) == (0, True, True)
        answered = borne("calls", "--socket", socket, "--answer", call, "--officer", "officer-7", "--json")
        assert json.loads(answered.stdout)["calls"][0]["officer"] == "officer-7"
        assert json.loads(ear.line())["calls"][0]["state"] == "answered"
        ended = borne("calls", "--socket", socket, "--end", call, "--officer", "officer-7")
        assert (ended.returncode, "ended" in ended.stdout) == (0, True)
        assert json.loads(ear.line()) == {"calls": []}
        assert "\a" in ear.stop(), "the terminal rings"
    again = borne("calls", "--socket", socket, "--answer", call, "--officer", "officer-7", language="fr")
    assert (again.returncode, "Cet appel est terminé" in again.stderr) == (2, True)


def test_whoever_follows_need_not_start_again_with_the_agent(start: Start, folder: Path) -> None:
    with Following(folder / "agent.sock") as ear:
        time.sleep(1.0)
        _, client = start()
        assert json.loads(ear.line()) == {"calls": []}
        client.call_officer()
        assert json.loads(ear.line())["calls"][0]["state"] == "raised"
        start.stop()
        start()
        assert json.loads(ear.line()) == {"calls": []}, "calls live in memory: that one went with the agent"
        assert "does not answer" in ear.stop()


@pytest.mark.parametrize(
    "words",
    [
        ["calls"],
        ["calls", "--socket", "x", "--answer", "1"],
        ["calls", "--socket", "x", "--follow", "--end", "1", "--officer", "o"],
        ["staff", "add", "--file", "x", "--number", "4711", "--name", "n", "--role", "king"],
        ["staff", "add", "--file", "x", "--number", "4711", "--name", "n", "--role", "officer", "--code", CODE],
    ],
)
def test_wrong_use_is_told_in_words(words: list[str]) -> None:
    ran = borne(*words, language="fr")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Commande mal employée")


def add(file: Path, typed: str, number: str = "4711", name: str = "Ama Mensah") -> subprocess.CompletedProcess[str]:
    return borne(
        "staff", "add", "--file", file, "--number", number, "--name", name, "--role", "technician", input=typed
    )


def test_staff_is_entered_listed_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "staff.json"
    assert "Nobody" in borne("staff", "list", "--file", file).stdout
    made = add(file, f"{CODE}\n{CODE}\n")
    assert (made.returncode, "Ama Mensah" in made.stdout) == (0, True)
    assert CODE not in made.stdout + made.stderr + file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    (entry,) = json.loads(borne("staff", "list", "--file", file, "--json").stdout)["staff"]
    assert set(entry) == {"number", "name", "role", "created"}
    assert "technicien" in borne("staff", "list", "--file", file, language="fr").stdout
    assert add(file, f"{CODE}\n{CODE}\n").returncode == 2, "the number is taken"
    assert borne("staff", "remove", "--file", file, "--number", "4711").returncode == 0
    assert borne("staff", "remove", "--file", file, "--number", "4711").returncode == 2


@pytest.mark.parametrize(
    ("typed", "number", "name", "word"),
    [
        ("12345678\n12345678\n", "4711", "Ama", "no run"),
        (f"{CODE}\n{CODE[::-1]}\n", "4711", "Ama", "differ"),
        ("", "4711", "Ama", "8 to 32 digits"),
        (f"{CODE}\n{CODE}\n", "47", "Ama", "4 to 8 digits"),
        (f"{CODE}\n{CODE}\n", "4711", "", "1 to 64 characters"),
    ],
)
def test_what_cannot_be_entered_is_not(tmp_path: Path, typed: str, number: str, name: str, word: str) -> None:
    ran = add(tmp_path / "staff.json", typed, number, name)
    assert (ran.returncode, word in ran.stderr) == (2, True), ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_at_a_terminal_a_code_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "staff.json"
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover
        words = ["staff", "add", "-f", str(file), "--number", "4711", "--name", "Ama", "--role", "officer"]
        os.execve(BORNE, [str(BORNE), *words], {**os.environ, "LC_ALL": "fr_FR.UTF-8", "LANGUAGE": ""})
    seen = _until(terminal, "plus)")
    os.write(terminal, CODE.encode() + b"\n")
    seen += _until(terminal, "fois")
    os.write(terminal, CODE.encode() + b"\n")
    seen += _until(terminal, "Inscrit")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(terminal)
    assert CODE not in seen
    entry = StaffFile(file).find("4711")
    assert entry is not None and code_fits(CODE, entry.code)


def _until(terminal: int, word: str) -> str:
    seen = ""
    while word not in seen:
        assert select.select([terminal], [], [], 60.0)[0], seen
        seen += os.read(terminal, 1024).decode(errors="replace")
    return seen


class Following:
    """`borne calls --follow --json`, as an officer's terminal runs it."""

    def __init__(self, socket: Path) -> None:
        self._process = subprocess.Popen(
            [BORNE, "calls", "--socket", socket, "--follow", "--json"],
            env={**os.environ, "LC_ALL": "en_GB.UTF-8", "LANGUAGE": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def line(self) -> str:
        assert self._process.stdout is not None
        assert select.select([self._process.stdout], [], [], 60.0)[0], "nothing came"
        return self._process.stdout.readline()

    def stop(self) -> str:
        """End it; what it said on standard error."""
        self._process.terminate()
        return self._process.communicate(timeout=30)[1]
