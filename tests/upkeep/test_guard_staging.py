"""Staging: the release beside the one that runs, built offline, and nothing left where it cannot be."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from guard_kit import GUARD, Device, answering, release


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_a_bare_device_gets_its_first_release(device: Device) -> None:
    made = release(device.folder, "1.0", device.keys)
    assert device.guard("stage", made, "--by", "kay")["ok"]
    assert not (device.base / "current").exists(), "staging switches nothing"
    state = device.guard("apply")
    assert (state["phase"], state["target"]) == ("confirmed", "1.0")
    told = subprocess.run([device.base / "current" / "bin" / "borne"], capture_output=True, text=True)
    assert told.stdout == "borne 1.0\n"
    assert device.history() == ["staged", "installed"]
    status = device.guard("status")
    assert (status["current"], status["releases"], status["store"]) == ("1.0", ["1.0"], 2)
    # Doing it again changes nothing.
    assert device.guard("stage", made)["ok"] and device.guard("apply")["phase"] == "confirmed"
    assert device.current() == "1.0"


def test_only_missing_wheels_are_asked_for(device: Device) -> None:
    device.guard("stage", release(device.folder, "1.0", device.keys))
    device.guard("apply")
    made = release(device.folder, "1.1", device.keys)
    missing = device.guard("missing", made)["missing"]
    assert missing == ["borne-1.1-py3-none-any.whl"]
    (made / "wheels" / "helper-1.0-py3-none-any.whl").unlink()
    assert device.guard("stage", made)["ok"]
    assert (device.base / "releases" / "1.1" / "bin" / "borne").exists()


def test_a_wheel_that_rotted_here_is_asked_for_again(device: Device) -> None:
    device.guard("stage", release(device.folder, "1.0", device.keys))
    made = release(device.folder, "1.1", device.keys)
    for file in (device.work / "wheels").iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"\1")
    assert len(device.guard("missing", made)["missing"]) == 2


def test_an_environment_is_open_to_the_agent_s_account_whatever_the_mask(device: Device) -> None:
    made = release(device.folder, "1.0", device.keys)
    mask = os.umask(0o077)
    try:
        subprocess.run([GUARD, "--settings", device.settings, "stage", made], check=True, capture_output=True)
    finally:
        os.umask(mask)
    there = device.base / "releases" / "1.0"
    for path in (there, there / "bin" / "borne", there / "release.json", there / "lib/python3.11/site-packages"):
        assert path.stat().st_mode & 0o044 == 0o044, path
    assert device.work.stat().st_mode & 0o077 == 0


def test_a_release_that_does_not_even_start_is_not_staged(device: Device) -> None:
    device.guard("stage", release(device.folder, "1.0", device.keys))
    device.guard("apply")
    for version, script in (("1.1", "raise SystemExit(3)"), ("1.2", "print('borne 9.9')")):
        found = device.guard("stage", release(device.folder, version, device.keys, script=script))
        assert found["code"] == "update.broken"
        assert [path.name for path in (device.base / "releases").iterdir()] == ["1.0"]
    assert device.current() == "1.0"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"role": "kiosk"}, "update.role"),
        ({"machine": "aarch64"}, "update.machine"),
        ({"python": "3.13"}, "update.python"),
    ],
)
def test_what_is_for_another_device_is_refused(device: Device, change: dict[str, object], code: str) -> None:
    made = release(device.folder, "1.0", device.keys, change=lambda manifest: manifest.update(change))
    assert device.guard("stage", made)["code"] == code


def test_an_older_release_takes_a_name(device: Device) -> None:
    device.guard("stage", release(device.folder, "0.10", device.keys))
    device.guard("apply")
    older = release(device.folder, "0.9", device.keys)
    assert device.guard("stage", older)["code"] == "update.older"
    assert device.guard("stage", older, "--older")["code"] == "update.older", "nobody says who"
    assert device.guard("stage", older, "--older", "--by", "kay")["ok"]
    assert '"by": "kay", "older": true' in (device.work / "history.jsonl").read_text(encoding="utf-8")


def test_two_steps_back_in_the_database_s_schema_is_too_far(device: Device) -> None:
    def store(number: int) -> Path:
        return release(device.folder, f"{number}.0", device.keys, change=lambda one: one.update(store=number))

    device.guard("stage", store(7))
    device.guard("apply")
    assert device.guard("stage", store(5), "--older", "--by", "kay")["code"] == "update.store"
    assert device.guard("stage", store(6), "--older", "--by", "kay")["ok"]


def test_a_version_number_is_used_once(device: Device) -> None:
    device.guard("stage", release(device.folder, "1.0", device.keys))
    (device.folder / "again").mkdir()
    other = release(device.folder / "again", "1.0", device.keys, filler=b"other")
    assert device.guard("stage", other)["code"] == "update.same_version"


def test_what_confirmed_leaves_behind_goes(device: Device) -> None:
    for version in ("1.0", "1.1", "1.2"):
        device.guard("stage", release(device.folder, version, device.keys))
        device.with_agent()
        with answering(device):
            device.restarts.touch()
            assert device.guard("apply")["phase"] == "confirmed"
    assert sorted(path.name for path in (device.base / "releases").iterdir()) == ["1.1", "1.2"]
    assert len(list((device.work / "wheels").iterdir())) == 3, "two of Borne's, one helper"


def test_no_room_is_a_clean_no(device: Device) -> None:
    device.guard("stage", release(device.folder, "1.0", device.keys))
    device.guard("apply")
    before = sorted(device.folder.rglob("*"))
    made = release(device.folder / "stick", "1.1", device.keys)
    device.set(reserve_mb=10**9)
    found = device.guard("stage", made)
    assert (found["exit"], found["code"]) == (1, "update.full")
    assert "place" in found["words"]["fr"] and "room" in found["words"]["en"]
    device.set()
    assert [path for path in sorted(device.folder.rglob("*")) if "stick" not in path.parts] == before


@pytest.mark.parametrize(("size", "filler"), [(3, 2_000_000), (8, 5_000_000)])
def test_a_disk_that_fills_up_while_it_stages(device: Device, mounting: None, size: int, filler: int) -> None:
    """A small disk that really fills: while wheels are copied, and while the environment is built."""
    made = release(device.folder, "1.1", device.keys, filler=os.urandom(filler))
    disk = device.folder / "disk"
    disk.mkdir()
    script = f"""
        mount -t tmpfs -o size={size}m tmpfs {disk} && mkdir {disk}/opt {disk}/work && cd {disk}
        # What the guard asks beforehand is answered as if there were room for everything.
        cat >{device.folder}/lie.py <<'LIE'
import sys
sys.path.insert(0, "{GUARD.parent}")
from borne_guard import staging, main
staging._require = lambda *_: None
sys.exit(main.main())
LIE
        /usr/bin/python3 {device.folder}/lie.py --settings {device.settings} stage {made} --json
        echo "exit $?"; find {disk} -type f
    """
    device.set(base=f"{disk}/opt", work=f"{disk}/work")
    ran = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert '"code": "update.full"' in ran.stdout, ran.stdout + ran.stderr
    assert "exit 1" in ran.stdout
    left = [Path(line).name for line in ran.stdout.splitlines() if line.startswith(str(disk))]
    assert set(left) <= {"lock", "trust.json"}, left


def test_two_at_once_wait_for_nobody(device: Device) -> None:
    import fcntl

    device.guard("status")
    device.work.mkdir(exist_ok=True)
    with (device.work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert device.guard("apply")["code"] == "update.busy"


def test_settings_that_nobody_understands_are_refused(device: Device) -> None:
    for text in ("", "[]", '{"role": "post"}', '{"role": 1, "root": ""}', '{"rolle": "post"}', '{"restart": [1]}'):
        device.settings.write_text(text, encoding="utf-8")
        found = device.guard("status")
        assert (found["exit"], found["code"]) == (2, "update.settings")
