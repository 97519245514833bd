"""The traveller's own picture: true frames of the camera, only at the face step, not at the collector's cost."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.agent import preview
from border_agent.agent.eyes import Eyes, Seen
from border_agent.agent.preview import MOST, thinned
from border_agent.agent.runtime import Agent
from border_agent.api import frames as wire
from border_agent.api import traveller_routes
from border_agent.api.client import AgentClient, ApiRefused
from border_agent.api.frames import BadPreview, FrameReader, PreviewFrame, write_frame
from border_agent.config import CameraRole
from border_agent.decoding import Picture
from firmware_bridge.virtual.launch import CameraTwin
from tests.agent.conftest import Start
from tests.agent.face_kit import live_frames, spoilt
from tests.agent.kiosk_kit import kiosk_socket
from tests.agent.test_guidance import at_the_face_step
from tests.agent.test_local_api import READER
from tests.agent.test_promises import until


@pytest.fixture(scope="module")
def frames() -> list[Path]:
    return live_frames()


@pytest.fixture
def twin(frames: list[Path], tmp_path: Path) -> Iterator[CameraTwin]:
    """Shows two people, so that the face step lasts."""
    with CameraTwin() as camera:
        camera.show(spoilt("face.several", tmp_path, frames))
        yield camera


# --- the bytes -----------------------------------------------------------------------------------------------

SMALL = [PreviewFrame(2, 1, b"abcdef"), PreviewFrame(1, 3, b"123456789"), PreviewFrame(1, 1, b"xyz")]


@given(st.lists(st.integers(1, 12)))
def test_frames_are_read_wherever_they_are_cut(cuts: list[int]) -> None:
    raw = b"".join(map(write_frame, SMALL))
    reader, found, at = FrameReader("test"), [], 0
    for cut in [*cuts, len(raw)]:
        found += list(reader.feed(raw[at : at + cut]))
        at += cut
    assert found == SMALL
    assert reader.between_frames


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack(">IHH", 2**32 - 1, 640, 480),
        struct.pack(">IHH", 0, 0, 0),
        struct.pack(">IHH", 641 * 3, 641, 1),
        struct.pack(">IHH", 1281 * 3, 1, 1281),
        struct.pack(">IHH", 5, 2, 1),
        b"HTTP/1.1 500 oh no",
    ],
)
def test_what_is_no_frame_is_refused_before_any_of_it_is_held(raw: bytes) -> None:
    with pytest.raises(BadPreview):
        list(FrameReader("test").feed(raw))


def test_both_ends_agree_on_the_largest_frame() -> None:
    assert (wire.WIDEST, wire.TALLEST) == (preview.WIDEST, preview.TALLEST)


@pytest.mark.parametrize(
    ("size", "thin"),
    [((640, 480), (640, 480)), ((1280, 720), (640, 360)), ((641, 3), (321, 2)), ((1920, 1080), (640, 360)),
     ((1080, 1920), (540, 960)), ((3, 2561), (1, 854)), ((1, 1), (1, 1))],
)  # fmt: skip
def test_large_frames_are_thinned_by_whole_steps(size: tuple[int, int], thin: tuple[int, int]) -> None:
    width, height = size
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    small = thinned(Picture(width, height, pixels.tobytes()))
    assert (small.width, small.height) == thin and len(small.pixels) == 3 * thin[0] * thin[1]
    assert small.pixels[:3] == pixels[0, 0].tobytes()
    list(FrameReader("test").feed(write_frame(PreviewFrame(small.width, small.height, small.pixels))))


# --- the stream ----------------------------------------------------------------------------------------------


def test_the_window_sees_what_the_camera_sees_and_only_during_the_face_step(
    start: Start, folder: Path, twin: CameraTwin, tmp_path: Path
) -> None:
    agent, client = at_the_face_step(start, twin)
    with kiosk_socket(agent, folder) as window:
        case = window.start()
        until(lambda: window.inspection(case["id"])["step"] == "face")
        seen: list[PreviewFrame] = []
        ended: list[float] = []

        def end_the_step() -> None:
            client.skip(case["id"], "face")
            until(lambda: client.inspection(case["id"])["step"] is None)
            ended.append(time.monotonic())

        ending = threading.Thread(target=end_the_step)
        begun = time.monotonic()
        for frame in window.preview(case["id"]):
            seen.append(frame)
            if len(seen) == 20:
                took = time.monotonic() - begun
                ending.start()
        over = time.monotonic()
        ending.join()
        assert over - ended[0] < 0.5, "it ends with the step"
        assert took >= 19 / 16, "no more than fifteen frames a second"
        shown = [cv2.imread(str(file)) for file in sorted(tmp_path.glob("face.several-*.jpg"))]
        for frame in seen:
            pixels = np.frombuffer(frame.pixels, np.uint8).reshape(frame.height, frame.width, 3)
            assert min(int(np.abs(pixels.astype(int) - one).max()) for one in shown if one is not None) <= 2
        with pytest.raises(ApiRefused, match=r"409 preview\.closed"):
            next(window.preview(case["id"]))
        with pytest.raises(ApiRefused, match=r"404 inspection\.unknown"):
            next(window.preview("0" * 32))


def test_a_second_preview_is_allowed_a_third_is_not_and_places_come_free(start: Start, twin: CameraTwin) -> None:
    agent, client = at_the_face_step(start, twin)
    case = client.start()
    until(lambda: client.inspection(case["id"])["step"] == "face")
    open_ones = [client.preview(case["id"]) for _ in range(MOST)]
    assert all(next(one).width == 640 for one in open_ones)
    with pytest.raises(ApiRefused, match=r"409 preview\.taken") as refused:
        next(client.preview(case["id"]))
    assert refused.value.status == 409
    for one in open_ones:
        one.close()
    until(lambda: not agent.previews._open)
    assert next(client.preview(case["id"])).height == 480
    client.cancel(case["id"])
    until(lambda: not agent.previews._open)


def test_no_camera_no_preview(start: Start) -> None:
    _, client = start(READER)
    case = client.start()
    with pytest.raises(ApiRefused, match=r"409 preview\.closed"):
        next(client.preview(case["id"]))


def test_a_camera_that_is_unplugged_ends_the_preview(
    start: Start, twin: CameraTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "SILENT_SECONDS", 1.0)
    _, client = at_the_face_step(start, twin)
    case = client.start()
    until(lambda: client.inspection(case["id"])["step"] == "face")
    stream = client.preview(case["id"])
    next(stream)
    twin.kill()
    deadline = time.monotonic() + 10.0
    for _ in stream:
        assert time.monotonic() < deadline
    assert client.inspection(case["id"])["step"] == "face", "the inspection goes on"


def test_an_agent_that_goes_down_ends_it_at_once(start: Start, twin: CameraTwin) -> None:
    agent, client = at_the_face_step(start, twin)
    case = client.start()
    until(lambda: client.inspection(case["id"])["step"] == "face")
    held = agent.previews.open(case["id"])
    assert held.frame() is not None
    start.stop()
    begun = time.monotonic()
    assert held.frame() is None
    assert time.monotonic() - begun < 1.0
    held.close()


def test_a_deaf_window_loses_its_place(
    start: Start, folder: Path, twin: CameraTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traveller_routes, "DEAF_SECONDS", 0.3)
    agent, client = at_the_face_step(start, twin)
    case = client.start()
    until(lambda: client.inspection(case["id"])["step"] == "face")
    deaf = socket.socket(socket.AF_UNIX)
    with deaf:
        deaf.connect(str(folder / "agent.sock"))
        deaf.sendall(f"GET /v1/inspections/{case['id']}/preview HTTP/1.1\r\nHost: agent\r\n\r\n".encode())
        until(lambda: agent.previews._open[case["id"]] == 1)
        until(lambda: not agent.previews._open)
        assert next(client.preview(case["id"])).width == 640


def test_a_client_is_told_of_a_stream_that_is_cut(folder: Path) -> None:
    """A server that stops inside a frame, and one that sends rubbish."""
    for body, error in ((write_frame(SMALL[0])[:-1], "api.agent_gone"), (b"rubbish, no frame", "api.bad_preview")):
        with socket.socket(socket.AF_UNIX) as listener:
            path = folder / f"{error}.sock"
            listener.bind(str(path))
            listener.listen(1)
            raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

            def serve(listener: socket.socket = listener, raw: bytes = raw) -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(raw)

            thread = threading.Thread(target=serve)
            thread.start()
            with AgentClient(str(path)) as client, pytest.raises(Exception, match=error.replace(".", r"\.")):
                list(client.preview("0" * 32))
            thread.join()


# --- what it costs -------------------------------------------------------------------------------------------


def looks_in(agent: Agent, client: AgentClient, seconds: float, monkeypatch: pytest.MonkeyPatch, watched: int) -> int:
    """How many frames the collector looks at in so many seconds, while so many previews are watched."""
    looked: list[float] = []
    with monkeypatch.context() as counting:
        see = Eyes.look

        def noted(eyes: Eyes, role: CameraRole) -> Seen | None:
            looked.append(time.monotonic())
            return see(eyes, role)

        counting.setattr(Eyes, "look", noted)
        case = client.start()
        until(lambda: client.inspection(case["id"])["step"] == "face")
        threads = [threading.Thread(target=lambda: list(client.preview(case["id"]))) for _ in range(watched)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        client.cancel(case["id"])
        for thread in threads:
            thread.join(10.0)
    return len(looked)


def test_previews_do_not_slow_the_search(start: Start, twin: CameraTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = at_the_face_step(start, twin)
    alone = looks_in(agent, client, 3.0, monkeypatch, 0)
    watched = looks_in(agent, client, 3.0, monkeypatch, MOST)
    assert alone > 5 and watched >= 0.6 * alone


def test_its_answer_says_what_it_is_and_is_kept_by_nobody(start: Start, folder: Path, twin: CameraTwin) -> None:
    _, client = at_the_face_step(start, twin)
    case = client.start()
    until(lambda: client.inspection(case["id"])["step"] == "face")
    transport = httpx.HTTPTransport(uds=str(folder / "agent.sock"))
    with (
        httpx.Client(transport=transport, base_url="http://agent") as raw,
        raw.stream("GET", f"/v1/inspections/{case['id']}/preview") as answer,
    ):
        assert answer.headers["content-type"] == "application/x-borne-preview"
        assert answer.headers["cache-control"] == "no-store"
        first = next(answer.iter_raw(8))
    assert struct.unpack(">IHH", first) == (640 * 480 * 3, 640, 480)
