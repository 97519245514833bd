"""The watch: what the doctor says, put where people look; and that nothing the doctor does can silence it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WATCH = Path(__file__).resolve().parents[2] / "provisioning/roles/monitor/files/watch.py"


def finding(code: str, state: str, where: str = "") -> dict[str, Any]:
    words = {"fr": f"FR {code}.", "en": f"EN {code}."}
    advice = {"fr": "Faites ceci.", "en": "Do this."} if state != "ok" else {}
    return {"code": code, "state": state, "where": where, "detail": "", "words": words, "advice": advice}


class Watch:
    """The program, with a doctor that says what the test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        self.figures = folder / "figures"
        self.figures.mkdir()
        self._doctor = folder / "borne"

    def run(self, *checks: dict[str, Any], said: str | None = None, language: str = "fr", status: int = 0) -> str:
        answer = json.dumps({"ok": True, "checks": checks}) if said is None else said
        self._doctor.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\nexit {status}\n")
        self._doctor.chmod(0o755)
        done = subprocess.run(
            [
                *(sys.executable, "-I", WATCH, "--borne", self._doctor, "--folder", self.folder),
                *("--figures", self.figures, "--language", language),
            ],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    @property
    def greeting(self) -> str:
        return (self.folder / "motd").read_text()

    @property
    def told(self) -> dict[str, float]:
        lines = (self.figures / "borne.prom").read_text().splitlines()
        return {line.split()[0]: float(line.split()[1]) for line in lines if not line.startswith("#")}


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


def test_all_is_well(watch: Watch) -> None:
    assert watch.run(finding("clock.good", "ok")) == ""
    assert watch.greeting.endswith("rien à signaler / all is well\n")
    assert watch.told['borne_check{code="clock.good"}'] == 0
    assert watch.told["borne_watch_timestamp_seconds"] > 1.7e9


def test_what_is_wrong_stands_in_order_and_in_both_languages(watch: Watch) -> None:
    watch.run(finding("clock.doubtful", "fail"), finding("disk.good", "ok"), finding("disk.low", "warn"), status=1)
    first, second = watch.greeting.index("1. ✗ FR clock.doubtful. Faites ceci."), watch.greeting.index("2. ! FR disk")
    assert first < watch.greeting.index("EN clock.doubtful. Do this.") < second
    assert "disk.good" not in watch.greeting
    watch.run(finding("disk.low", "warn"), language="en")
    assert watch.greeting.index("1. ! EN disk.low") < watch.greeting.index("FR disk.low")


def test_the_journal_is_told_of_changes_only(watch: Watch) -> None:
    low, silent = finding("disk.low", "warn", "/var"), finding("printer.silent", "fail")
    assert watch.run(low) == "<4>disk.low /var: FR disk.low. Faites ceci.\n"
    assert watch.run(low) == ""
    assert watch.run(low, silent) == "<3>printer.silent: FR printer.silent. Faites ceci.\n"
    assert watch.run(silent) == "<5>disk.low /var: réglé / settled\n"
    assert watch.run(finding("printer.silent", "warn")).startswith("<4>printer.silent")


def test_one_code_in_two_places_counts_at_its_worst(watch: Watch) -> None:
    watch.run(
        finding("line.silent", "ok", "a"), finding("line.silent", "fail", "b"), finding("line.silent", "warn", "c")
    )
    assert watch.told['borne_check{code="line.silent"}'] == 2


@pytest.mark.parametrize(
    "said",
    [
        *("", "no json", "[]", "null", '{"ok": true}', '{"checks": 3}', '{"checks": ["x"]}'),
        '{"checks": [{"code": "a"}]}',
        '{"checks": [{"code": "a", "state": "fail", "words": "plain"}]}',
        '{"checks": [{"code": 7, "state": "ok"}]}',
    ],
)
def test_a_doctor_that_makes_no_sense_is_a_finding(watch: Watch, said: str) -> None:
    assert watch.run(said=said).startswith("<3>doctor.silent")
    assert "Le diagnostic ne répond pas." in watch.greeting and "The doctor does not answer." in watch.greeting
    assert watch.told['borne_check{code="doctor.silent"}'] == 2


def test_no_doctor_at_all(watch: Watch) -> None:
    done = subprocess.run(
        [sys.executable, "-I", WATCH, "--borne", "/nowhere/borne", "--folder", watch.folder, "--figures", "/nowhere"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("<3>doctor.silent")


def test_hostile_words_break_neither_greeting_nor_figures(watch: Watch) -> None:
    nasty = finding('a"} 1\nborne_up', "fail", "x\n<0>y\x1b[2J")
    nasty["words"] = {"fr": "un\nmot\x1b[2J", "en": "a\r\nword"}
    said = watch.run(nasty)
    assert said.count("\n") == 1 and "\x1b" not in said + watch.greeting
    assert all(
        line.startswith(("#", "borne_check{", "borne_watch"))
        for line in (watch.figures / "borne.prom").read_text().splitlines()
    )


def test_a_broken_state_is_forgotten(watch: Watch) -> None:
    watch.run(finding("disk.low", "warn"))
    (watch.folder / "state.json").write_text("{")
    assert watch.run(finding("disk.low", "warn")).startswith("<4>disk.low")
