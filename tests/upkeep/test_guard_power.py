"""The power goes, at every single moment at which the guard touches the disk: the next start has a whole release."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from guard_kit import FILES, Device, Keys, answering, release

PROGRAM = Path(__file__).with_name("power_cut.py")
Sample = Callable[[Iterable[int], int], Sequence[int]]
MOST = 12
"""Moments that are tried; `--whole` tries every one."""
STARTS = 4
"""After so many every switch is settled: two unconfirmed ones, the one that goes back, and one more."""


def run(device: Device, number: int, *words: str | Path, quick: bool = False) -> tuple[int, int]:
    """Exit code (-9: the power went) and, where it did not, how often the disk was touched."""
    command = ["/usr/bin/python3", PROGRAM, FILES, str(number), *(["--quick"] if quick else [])]
    ran = subprocess.run(
        [*command, "--settings", device.settings, *words], capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    count = ran.stdout.splitlines()[-1:] if ran.returncode != -9 else []
    return ran.returncode, int(count[0]) if count else 0


def start(device: Device, *, agent: bool) -> None:
    """The machine starts: the guard, then the agent, then the guard again, where the machine stays on for so long."""
    assert device.guard("boot")["exit"] == 0
    assert (device.base / "current" / "release.json").is_file(), "a start without a whole release"
    with device.restarts.open("a") as file:
        file.write("\n")
    if agent:
        device.guard("confirm")


def set_up(folder: Path, health: float = 1) -> Device:
    folder.mkdir()
    device = Device(folder)
    device.whole("1.0", "2.0", current="1.0")
    device.with_agent(health_seconds=health)
    return device


def cuts(folder: Path, words: tuple[str, ...]) -> int:
    """How many moments there are."""
    device = set_up(folder / "counted")
    with answering(device):
        code, count = run(device, 0, *words)
    assert (code, device.current()) == (0, "2.0")
    assert count > 20
    return count


def test_a_good_release_is_in_use_or_the_old_one_is(tmp_path: Path, sample: Sample) -> None:
    words = ("apply", "--version", "2.0")
    seen = set()
    for number in sample(range(1, cuts(tmp_path, words) + 1), MOST):
        device = set_up(tmp_path / str(number))
        with answering(device):
            assert run(device, number, *words)[0] == -9
            assert (device.base / "current" / "release.json").is_file(), number
            start(device, agent=True)
            state = device.guard("status")
            assert state["phase"] in ("idle", "confirmed", "rolled_back"), number
            assert device.current() == (state["target"] if state["phase"] == "confirmed" else "1.0"), number
            assert state["reason"] in ("", "interrupted"), number
            # What was only interrupted can be done again.
            device.guard("apply", "--version", "2.0")
            assert device.current() == "2.0", number
        seen.add(state["phase"])
    assert seen == {"idle", "confirmed", "rolled_back"}, "the cuts fell before, within and after the switch"


def test_a_bad_release_never_stays(tmp_path: Path, sample: Sample) -> None:
    """It fails, and the power goes while it is being taken back, too."""
    words = ("apply", "--version", "2.0")
    device = set_up(tmp_path / "counted", health=0)
    with answering(device, v2_0="dead"):
        code, count = run(device, 0, *words)
    assert (code, device.current()) == (1, "1.0")
    for number in sample(range(1, count + 1), MOST):
        device = set_up(tmp_path / str(number), health=0)
        with answering(device, v2_0="dead"):
            assert run(device, number, *words)[0] == -9
            start(device, agent=True)
            assert device.current() == "1.0", number
            assert device.guard("status")["phase"] in ("idle", "rolled_back"), number


def test_a_release_that_takes_the_machine_down_is_gone_after_two_starts(tmp_path: Path, sample: Sample) -> None:
    """Nothing ever gets as far as confirming, and each start is cut as well, at every moment of it."""
    device = set_up(tmp_path / "one", health=0)
    with answering(device, v2_0="dead"):
        switched = cut_after_the_switch(device)
    found = []
    for number in sample(range(9), 4):
        here = set_up(tmp_path / f"start-{number}")
        here.work.mkdir()
        (here.work / "state.json").write_text(json.dumps(switched), encoding="utf-8")
        (here.base / "current").unlink()
        (here.base / "current").symlink_to("releases/2.0")
        starts = 0
        while here.current() == "2.0":
            run(here, number, "boot")  # 0: not cut
            starts += 1
            assert (here.base / "current" / "release.json").is_file()
            assert starts < 40
            if starts > STARTS:
                start(here, agent=False)  # a start at last that is not cut
        found.append(starts)
        start(here, agent=False)
        assert here.guard("status")["phase"] == "rolled_back"
        assert here.current() == "1.0"
    assert found[0] == 3, "two starts with it, the third goes back"


def cut_after_the_switch(device: Device) -> dict[str, object]:
    for number in range(1, 200):
        if run(device, number, "apply", "--version", "2.0")[0] == -9 and device.current() == "2.0":
            found: dict[str, object] = json.loads((device.work / "state.json").read_text(encoding="utf-8"))
            assert found["phase"] == "switched"
            return found
        (device.base / "current").unlink()
        (device.base / "current").symlink_to("releases/1.0")
        (device.work / "state.json").unlink(missing_ok=True)
    raise AssertionError("never switched")


def test_staging_is_whole_or_not_there(tmp_path: Path, sample: Sample) -> None:
    keys = Keys()
    made = release(tmp_path, "2.0", keys)
    counted = staged_on(tmp_path / "counted", keys)
    code, count = run(counted, 0, "stage", made, quick=True)
    assert code == 0 and count > 20
    for number in sample(range(1, count + 1), MOST):
        device = staged_on(tmp_path / str(number), keys)
        assert run(device, number, "stage", made, quick=True)[0] == -9
        assert device.current() == "1.0", "what runs is never touched"
        start(device, agent=False)
        status = device.guard("status")
        assert status["current"] == "1.0"
        if number % 5:
            continue  # that it can be done again is seen at every fifth: it takes the longest
        assert run(device, 0, "stage", made, quick=True)[0] == 0, number
        assert device.guard("status")["target"] == "2.0"
        whole = {file.name for file in (device.base / "releases" / "2.0" / "bin").iterdir()}
        assert len(whole) == 2, number


def staged_on(folder: Path, keys: Keys) -> Device:
    folder.mkdir()
    device = Device(folder, keys)
    device.whole("1.0", current="1.0")
    return device


def test_every_rename_is_of_synced_bytes_and_synced_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill loses nothing that was written; a power cut loses what was not synced. So the order itself is held."""
    import os

    from borne_guard import state
    from borne_guard.settings import load_settings

    device = set_up(tmp_path / "device")
    settings = load_settings(device.settings)
    device.work.mkdir()
    events: list[tuple[str, str]] = []
    real_sync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        events.append(("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        real_sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        events.append(("replace", f"{source}"))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    state.save_state(settings, state.State())
    fresh = str(device.work / ".state.json.new")
    assert events == [("fsync", fresh), ("replace", fresh), ("fsync", str(device.work))]
    events.clear()
    state.point(settings, "2.0")
    assert events == [("replace", str(device.base / ".current.new")), ("fsync", str(device.base))]
