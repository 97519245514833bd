"""The true camera driver against its twin: OpenCV reads MJPEG from a process on the loopback interface."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from firmware_bridge.devices.camera_opencv import OpenCvCamera
from firmware_bridge.errors import DeviceMisconfigured
from firmware_bridge.roles import Camera, DeviceState, Fault, Frame
from firmware_bridge.virtual.launch import CameraTwin


@pytest.fixture
def twin() -> Iterator[CameraTwin]:
    with CameraTwin() as running:
        yield running


@pytest.fixture
def camera(twin: CameraTwin) -> Iterator[OpenCvCamera]:
    driver = OpenCvCamera("camera1", twin.url, open_timeout=20, read_timeout=10)
    driver.open()
    yield driver
    driver.close()


def picture(folder: Path, grey: int, width: int = 320, height: int = 240) -> Path:
    path = folder / f"grey{grey}-{width}x{height}.jpg"
    cv2.imwrite(str(path), np.full((height, width, 3), grey, np.uint8))
    return path


def level(frame: Frame | None) -> int:
    """The mean grey of a frame, to tell pictures apart; -1 for none."""
    return -1 if frame is None else round(float(frame.pixels.mean()))


def until(condition: Callable[[], bool], timeout: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def show(twin: CameraTwin, path: Path) -> None:
    """Show a picture of one grey, sixty times a second; returns once another driver sees it."""
    grey = int(path.name.removeprefix("grey").split("-")[0])
    twin.show([path], fps=60)
    witness = OpenCvCamera("witness", twin.url, open_timeout=20, read_timeout=10)
    witness.open()
    assert until(lambda: level(witness.frame(20)) == grey)
    witness.close()


def test_frames_arrive(tmp_path: Path, twin: CameraTwin, camera: OpenCvCamera) -> None:
    assert camera.state is DeviceState.ready
    idle = camera.frame(60)
    assert idle is not None
    assert idle.pixels.shape == (480, 640, 3)
    assert idle.pixels.dtype == np.uint8
    assert abs(level(idle) - 128) < 3
    assert (idle.device, time.monotonic() - idle.at < 5) == ("camera1", True)

    twin.show([picture(tmp_path, 10), picture(tmp_path, 200)], fps=25)
    assert until(lambda: level(camera.frame(1)) in (10, 200))
    seen: set[int] = set()
    assert until(lambda: seen.add(level(camera.frame(20))) or seen == {10, 200}), seen
    twin.show([])
    assert until(lambda: abs(level(camera.frame(1)) - 128) < 3)
    assert not camera.problems


def test_a_slow_consumer_gets_the_newest_frame(tmp_path: Path, twin: CameraTwin, camera: OpenCvCamera) -> None:
    camera.frame(20)
    show(twin, picture(tmp_path, 20))
    time.sleep(1.0)  # sixty frames nobody asks for
    show(twin, picture(tmp_path, 220))
    time.sleep(0.3)
    # One or two may be in the driver's hands while this process waits for a processor; sixty may not.
    assert 220 in [level(camera.frame(20)) for _ in range(3)]


def test_a_camera_opened_long_before_it_is_used_gives_no_old_frames(
    tmp_path: Path, twin: CameraTwin, camera: OpenCvCamera
) -> None:
    show(twin, picture(tmp_path, 20))
    time.sleep(1.2)
    show(twin, picture(tmp_path, 220))
    assert level(camera.frame(20)) == 220


def test_twin_dies_and_comes_back(twin: CameraTwin, camera: OpenCvCamera, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert camera.frame(60) is not None
    url = twin.url
    twin.kill()
    assert until(lambda: camera.state is DeviceState.absent)
    assert camera.frame(0.5) is None
    twin.start()
    assert twin.url == url
    assert camera.frame(60) is not None
    assert camera.state is DeviceState.ready
    said = [record.getMessage().split()[3] for record in caplog.records if "camera1 is" in record.getMessage()]
    assert said == ["absent", "ready"]


def test_a_camera_that_is_not_there_yet(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    camera = OpenCvCamera("camera1", f"http://127.0.0.1:{port}/video")
    assert camera.frame(5) is None  # not opened: at once
    camera.open()
    assert camera.state is DeviceState.absent
    assert camera.frame(0.5) is None
    with CameraTwin(port):
        assert camera.frame(60) is not None
    camera.close()
    assert capfd.readouterr().err == ""  # the libraries are silent about attempts


def test_torn_and_absurd_pictures_are_skipped(
    tmp_path: Path, twin: CameraTwin, camera: OpenCvCamera, caplog: pytest.LogCaptureFixture
) -> None:
    good = picture(tmp_path, 200)
    torn, rubbish, bomb, empty = (tmp_path / name for name in ("torn", "rubbish", "bomb", "empty"))
    whole = good.read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])
    rubbish.write_bytes(bytes(range(256)) * 20)
    header = whole.index(b"\xff\xc0")
    bomb.write_bytes(whole[: header + 5] + b"\xff\xdc\xff\xdc" + whole[header + 9 :])  # 65500 x 65500 pixels
    empty.write_bytes(b"")
    twin.show([good, torn, rubbish, bomb, empty], fps=60)
    assert until(lambda: level(camera.frame(1)) == 200)
    seen: set[int] = set()
    wanted = {Fault.frame_torn, Fault.frame_too_large}
    assert until(lambda: seen.add(level(camera.frame(20))) or {one.fault for one in camera.problems} == wanted)
    assert seen | {level(camera.frame(20)) for _ in range(10)} == {200}
    assert {problem.fault for problem in camera.problems} == wanted
    assert sum("device.frame_torn" in record.getMessage() for record in caplog.records) == 1
    assert camera.state is DeviceState.ready


def test_frames_larger_than_allowed_are_dropped(tmp_path: Path, twin: CameraTwin) -> None:
    camera = OpenCvCamera("camera1", twin.url, max_size=(320, 240))
    camera.open()
    assert until(lambda: camera.frame(0.5) is not None or bool(camera.problems))
    assert camera.frame(0.5) is None  # the idle picture is 640 x 480
    assert {problem.fault for problem in camera.problems} == {Fault.frame_too_large}
    twin.show([picture(tmp_path, 50, 320, 240)])
    assert level(camera.frame(60)) == 50
    camera.close()


def test_close_from_another_thread_ends_a_wait(tmp_path: Path, twin: CameraTwin, camera: OpenCvCamera) -> None:
    rubbish = tmp_path / "rubbish.jpg"
    rubbish.write_bytes(b"nothing")
    twin.show([rubbish])
    time.sleep(0.2)
    while camera.frame(0.5) is not None:
        pass
    results: list[Frame | None] = []
    thread = threading.Thread(target=lambda: results.append(camera.frame(30)))
    thread.start()
    time.sleep(0.1)
    started = time.monotonic()
    camera.close()
    thread.join(25)
    assert results == [None]
    assert time.monotonic() - started < 20  # of the thirty
    assert camera.state is DeviceState.absent

    twin.show([])
    camera.open()
    assert camera.frame(60) is not None


def test_a_silent_camera_is_given_up_after_its_time_out() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        camera = OpenCvCamera("camera1", f"http://127.0.0.1:{mute.getsockname()[1]}/video", open_timeout=0.5)
        started = time.monotonic()
        camera.open()
        assert 0.4 < time.monotonic() - started < 20  # FFmpeg's own time-out is thirty
        assert camera.state is DeviceState.absent
        camera.close()


@pytest.mark.parametrize(
    ("source", "state"),
    [(99, DeviceState.absent), ("/dev/video99", DeviceState.absent), ("/dev/null", DeviceState.failed)],
)
def test_a_local_camera_that_cannot_be_had(
    source: int | str, state: DeviceState, capfd: pytest.CaptureFixture[str]
) -> None:
    camera = OpenCvCamera("camera1", source)
    camera.open()
    assert camera.frame(0.3) is None
    assert camera.state is state
    assert [problem.fault for problem in camera.problems] == [Fault.unusable] * (state is DeviceState.failed)
    camera.close()
    assert capfd.readouterr().err == ""


CONFINED = """
import os, resource, socket, sys
from firmware_bridge.devices.camera_opencv import OpenCvCamera
camera = OpenCvCamera("camera1", sys.argv[1], reopen=False)
camera.open()
# From here on no descriptor can be had: neither a file nor a socket.
most = max(int(name) for name in os.listdir("/proc/self/fd"))
while os.dup(0) <= most:
    pass
highest = max(int(name) for name in os.listdir("/proc/self/fd")) - 1
resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
try:
    socket.socket()
    sys.exit("a socket could be had")
except OSError:
    pass
for _ in range(10):
    assert camera.frame(60) is not None
sys.stdout.write("ok\\n")
sys.stdout.flush()
sys.stdin.readline()
while camera.frame(1) is not None or camera.state.value == "ready":
    pass  # what had arrived before; whoever waits for this process has a time-out
sys.stdout.write(camera.state.value + "\\n")
camera.close()
"""


def test_after_open_no_file_and_no_socket_is_needed(twin: CameraTwin) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CONFINED, twin.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ok\n"
    twin.kill()
    rest, _ = process.communicate("\n", timeout=60)
    assert rest == "absent\n"
    assert process.returncode == 0


@pytest.mark.parametrize("source", ["", -1])
def test_impossible_sources_are_errors(source: str | int) -> None:
    with pytest.raises(DeviceMisconfigured):
        OpenCvCamera("camera1", source)


def test_the_driver_fills_its_role(camera: OpenCvCamera) -> None:
    role: Camera = camera
    assert role.name == "camera1"
