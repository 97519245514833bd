"""`borne update`: the guard's answers in the technician's language, with its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from guard_kit import GUARD, Device, release

BORNE = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "borne"


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def borne(device: Device, *words: str | Path, language: str = "fr") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": f"{language}_XX.UTF-8", "LANGUAGE": ""}
    command = [BORNE, "update", *words, "--guard", GUARD, "--settings", device.settings]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_from_a_stick_to_the_release_in_use(device: Device) -> None:
    made = release(device.folder, "1.0", device.keys)
    staged = borne(device, "stage", made, "--by", "kay")
    assert staged.returncode == 0 and "Version 1.0 vérifiée" in staged.stdout
    applied = borne(device, "apply", language="en")
    assert applied.returncode == 0 and "release 1.0 in use, confirmed" in applied.stdout
    status = borne(device, "status")
    assert "En service" in status.stdout and "1.0" in status.stdout
    assert json.loads(borne(device, "status", "--json").stdout)["current"] == "1.0"


def test_a_no_is_told_in_words_and_exits_1(device: Device) -> None:
    made = release(device.folder, "1.0", device.keys)
    (made / "wheels" / "helper-1.0-py3-none-any.whl").write_bytes(b"other")
    for language, word in (("fr", "signé"), ("en", "signed")):
        ran = borne(device, "stage", made, language=language)
        assert ran.returncode == 1 and word in ran.stderr
        assert "update.damaged: helper-1.0-py3-none-any.whl" in ran.stderr
    ran = borne(device, "rollback")
    assert ran.returncode == 1 and "--by NOM" in ran.stderr


def test_what_is_no_release_exits_2(device: Device) -> None:
    ran = borne(device, "stage", device.settings, "--json")
    assert (ran.returncode, json.loads(ran.stdout)["code"]) == (2, "update.no_release")


def test_a_machine_without_a_guard(device: Device) -> None:
    ran = subprocess.run([BORNE, "update", "status", "--guard", "/nowhere"], capture_output=True, text=True)
    assert ran.returncode == 2 and "update.no_guard" in ran.stderr
