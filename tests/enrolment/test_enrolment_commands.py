"""`borne device …` and `borne centre devices …` as technicians type them, in both languages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from enrolment_kit import DEVICE, POST, TrialCentre, TrialDevice


def borne(*words: object, good: int = 0, language: str = "fr") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "border_agent.cli", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": f"{language}_FR.UTF-8", "LANG": language, "LANGUAGE": language},
        timeout=120,
    )
    assert done.returncode == good, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def told(*words: object, good: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(borne(*words, "--json", good=good))
    return found


@pytest.fixture
def device(tmp_path: Path) -> TrialDevice:
    """Real time: commands take the clock's."""
    from datetime import UTC, datetime

    centre = TrialCentre(tmp_path / "centre", at=datetime.now(UTC))
    return TrialDevice(tmp_path / "device", centre.root)


def test_from_keys_to_certificate_and_back(device: TrialDevice, tmp_path: Path) -> None:
    centre, request, bundle = tmp_path / "centre", tmp_path / "request", tmp_path / "bundle"
    config, keys = ("--config", device.file), ("--credentials", device.folder / "keys")
    made = told("device", "keys", *keys, "--plain", "--role", "post")
    assert (made["created"], len(made["kept"]), made["sealed_to"]) == ([], 5, "plain")
    assert told("device", "status", *config, *keys, good=1)["enrolled"] is False
    asked = told("device", "request", *config, *keys, "--out", request)
    assert (asked["device"], asked["post"]) == (DEVICE, POST)
    shown = told("centre", "devices", "show", request)
    assert shown["code"] == asked["code"]
    assert shown["names"] == list(device.names)
    words = ("centre", "devices", "enrol", "-f", centre, request, "--by", "0471", "--out", bundle)
    assert "refusée" not in borne(*words, "--fingerprint", "0000-0000", good=2)
    assert not bundle.exists()
    handed = told(*words, "--fingerprint", asked["code"])
    assert (handed["what"], handed["number"]) == ("enrolled", 1)
    assert told("device", "install", *config, *keys, bundle)["changed"] is True
    assert told("device", "install", *config, *keys, bundle)["changed"] is False
    status = told("device", "status", *config, *keys)
    assert (status["ok"], status["number"], status["certificate"]["due"]) == (True, 1, False)
    assert told("centre", "devices", "list", "-f", centre)["count"] == 1
    borne("centre", "devices", "move", "-f", centre, DEVICE, "maroua", "--by", "0471", "--reason", "x")
    borne("centre", "devices", "retire", "-f", centre, DEVICE, "--by", "0471", "--reason", "x")
    borne("centre", "devices", "cloned", "-f", centre, DEVICE, "--by", "0471", "--reason", "x")
    found = told("centre", "devices", "records", "-f", centre, DEVICE)["records"]
    assert [line["what"] for line in found] == ["enrolled", "moved", "retired", "cloned"]
    assert all(line["by"] == "0471" for line in found)
    assert told("centre", "alarms", "-f", centre, good=1)["count"] == 1


def test_a_replaced_machine_by_hand(device: TrialDevice, tmp_path: Path) -> None:
    centre, bundle = tmp_path / "centre", tmp_path / "bundle"
    other = TrialDevice(tmp_path / "other", device.root)
    for number, one in enumerate((device, other)):
        keys = ("--credentials", one.folder / "keys")
        told("device", "request", "--config", one.file, *keys, "--out", tmp_path / f"request-{number}")
    by = ("--by", "0471", "--out", bundle)
    told("centre", "devices", "enrol", "-f", centre, tmp_path / "request-0", *by)
    refused = borne("centre", "devices", "enrol", "-f", centre, tmp_path / "request-1", *by, good=2, language="en")
    assert "replace" in refused
    replace = ("centre", "devices", "replace", "-f", centre, tmp_path / "request-1", *by, "--reason", "burnt")
    assert "--unsent-lost" in borne(*replace, good=2)
    assert told(*replace, "--unsent-lost", "the disk burnt")["what"] == "replaced"


def test_the_journal_says_what_is_unsent(device: TrialDevice, tmp_path: Path) -> None:
    config, keys = ("--config", device.file), ("--credentials", device.folder / "keys")
    none = told("device", "unsent", *config, *keys)
    assert (none["present"], none["unsent"], none["readable"]) == (False, 0, True)
    from test_enrolment_register import Kept

    kept = Kept(device, 3)
    kept.store.close()
    some = told("device", "unsent", *config, *keys, good=1)
    assert (some["unsent"], some["recorded"], some["acknowledged"], some["device"]) == (4, 4, 0, DEVICE)
    told("device", "unsent", *config, *keys, "--export", tmp_path / "stick")
    assert (tmp_path / "stick").read_bytes().startswith(b"borne/v1/unsent\n")
    aside = Path(told("device", "new-epoch", *config)["kept"])
    assert aside.exists()
    assert told("device", "new-epoch", *config)["kept"] == ""


def test_the_agent_says_that_a_store_was_set_aside(device: TrialDevice) -> None:
    from test_enrolment_register import Kept

    from border_agent.agent.opening import open_or_set_aside
    from border_agent.upkeep.unsent import new_epoch
    from mqtt_schemas.entries import EpochReason

    store, reason = open_or_set_aside(device.config)
    store.close()
    assert reason is EpochReason.FIRST_START
    Kept(device, 1).store.close()
    assert new_epoch(device.config) is not None
    store, reason = open_or_set_aside(device.config)
    store.close()
    assert reason is EpochReason.STORE_LOST


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\0" * 100_000])
def test_rubbish_files_are_told_in_words(device: TrialDevice, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    config, keys = ("--config", device.file), ("--credentials", device.folder / "keys")
    borne("device", "install", *config, *keys, file, good=2)
    borne("centre", "devices", "show", file, good=2)
    borne("centre", "devices", "take", "-f", tmp_path / "centre", file, "--by", "0471", good=2)
