"""The caged capture loop: frames, loss, return; with a drawn camera and with the true driver on a virtual one."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from border_agent.decoding import CameraProcess, Confinement, camera
from firmware_bridge.roles import DeviceState
from firmware_bridge.virtual.launch import CameraTwin

STUB = Path(__file__).parent / "stub_camera.py"


@pytest.fixture
def plug(tmp_path: Path) -> Path:
    file = tmp_path / "plugged"
    file.touch()
    return file


def drawing(mode: str, plug: Path) -> CameraProcess:
    return CameraProcess("front", 0, command=[sys.executable, "-I", str(STUB), mode, str(plug)])


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def level(process: CameraProcess) -> int:
    picture = process.latest(60.0)
    assert picture is not None
    assert (picture.width, picture.height, len(picture.pixels)) == (32, 24, 32 * 24 * 3)
    return picture.pixels[0]


def test_frames_are_new_and_the_cage_is_closed(plug: Path) -> None:
    with drawing("steady", plug) as process:
        levels = [level(process) for _ in range(4)]
        assert levels == sorted(set(levels))
        assert process.state is DeviceState.ready
        assert process.confinement is Confinement.seccomp
        assert process.memory_bytes() > 2**20
        assert [problem.detail for problem in process.problems] == ["one picture"]
        pid = process.pid
    assert pid
    assert process.state is DeviceState.absent
    assert process.latest(5.0) is None
    assert wait_for(lambda: not Path(f"/proc/{pid}").exists())


def test_the_driver_cannot_open_a_file_any_more(plug: Path) -> None:
    with drawing("escapes", plug) as process:
        assert level(process) >= 100


def test_waiting_callers_share_a_frame(plug: Path) -> None:
    with drawing("steady", plug) as process:
        level(process)
        seen: list[int] = []
        threads = [threading.Thread(target=lambda: seen.append(level(process))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 6


def test_a_lost_camera_comes_back(plug: Path) -> None:
    with drawing("short", plug) as process:
        for _ in range(3):
            level(process)
        plug.unlink()
        assert wait_for(lambda: process.latest(0.1) is None and process.state is DeviceState.absent)
        plug.touch()
        level(process)
        assert process.starts >= 2


def test_a_killed_child_is_replaced(plug: Path) -> None:
    with drawing("steady", plug) as process:
        level(process)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        level(process)
        assert process.starts == 2


def test_a_camera_that_cannot_be_used(plug: Path) -> None:
    with drawing("unusable", plug) as process:
        assert wait_for(lambda: process.state is DeviceState.failed)
        assert process.latest(0.1) is None


def test_a_child_that_hangs_is_ended(plug: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "_SILENCE_SECONDS", 1.5)
    with drawing("hangs", plug) as process:
        level(process)
        assert process.latest(0.2) is None
        assert wait_for(lambda: process.starts >= 2)


def test_a_program_that_is_not_there() -> None:
    with CameraProcess("front", 0, command=["/nonexistent/python"]) as process:
        assert wait_for(lambda: process.state is DeviceState.failed)


def test_stop_does_not_wait_for_frames(plug: Path) -> None:
    plug.unlink()
    process = drawing("steady", plug)
    process.start()
    process.start()
    threading.Timer(0.3, process.stop).start()
    begun = time.monotonic()
    assert process.latest(20.0) is None
    assert time.monotonic() - begun < 15.0  # of the twenty
    process.stop()


def test_the_true_driver_on_a_virtual_camera(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "frame.jpg"
    cv2.imwrite(str(picture), np.full((480, 640, 3), (30, 120, 210), np.uint8))
    with CameraTwin() as twin:
        twin.show([str(picture)], fps=15)
        with CameraProcess("front", twin.url) as process:
            begun = time.monotonic()
            frame = process.latest(60.0)
            first = time.monotonic() - begun
            assert frame is not None
            assert (frame.width, frame.height) == (640, 480)
            assert process.confinement is Confinement.seccomp
            pixels = np.frombuffer(frame.pixels, np.uint8).reshape(480, 640, 3)
            assert np.abs(pixels.mean(axis=(0, 1)) - (30, 120, 210)).max() < 6
            with capsys.disabled():
                memory = process.memory_bytes() / 2**20
                print(f"\n[camera process: first frame after {first:.2f} s, {memory:.0f} MiB]")
            twin.stop()
            assert wait_for(lambda: process.state is not DeviceState.ready)
