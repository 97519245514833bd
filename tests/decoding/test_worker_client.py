"""The agent's handle: pictures in, answers out, and what becomes of a worker that dies, hangs or lies."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from border_agent.decoding import (
    DecodedCode,
    DecoderCrashed,
    DecoderError,
    DecoderRefused,
    DecoderTimedOut,
    DecodingWorker,
    EmbeddingMode,
    EncodedPicture,
    Picture,
)
from border_agent.decoding.codes import drawn
from border_agent.decoding.protocol import MAX_ENCODED

STUB = Path(__file__).parent / "stub_worker.py"
EMPTY = Picture(64, 48, bytes(64 * 48 * 3))


def coloured(grey: np.ndarray) -> Picture:
    pixels = cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2BGR)
    return Picture(pixels.shape[1], pixels.shape[0], pixels.tobytes())


@pytest.fixture(scope="module")
def worker() -> Iterator[DecodingWorker]:
    with DecodingWorker() as started:
        yield started


def test_codes_come_back_byte_for_byte(worker: DecodingWorker) -> None:
    payload = bytes(range(256))
    assert worker.find_codes(coloured(drawn(payload))) == [DecodedCode(payload, "qrcode", "zxing")]
    assert worker.find_codes(EMPTY) == []
    assert worker.readers == ("zxing", "pyzbar")


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_encoded_pictures_are_decoded_inside(worker: DecodingWorker, extension: str) -> None:
    encoded = cv2.imencode(extension, drawn(b"RDB1A"))[1].tobytes()
    assert [code.data for code in worker.find_codes(EncodedPicture(encoded))] == [b"RDB1A"]


def test_no_face_in_nothing(worker: DecodingWorker) -> None:
    assert worker.find_faces(EMPTY, upsample=0) == []
    model = worker.model
    assert model is not None and len(model.sha256) == len(model.landmarks_sha256) == 64


HOSTILE = {
    "nothing": b"",
    "random": np.random.default_rng(1).bytes(5000),
    "text": b"P6 60000 60000 255\n",
    "torn jpeg": cv2.imencode(".jpg", np.full((300, 300, 3), 90, np.uint8))[1].tobytes()[:-40],
    "torn png": cv2.imencode(".png", np.full((300, 300, 3), 90, np.uint8))[1].tobytes()[:-20],
    "other format": cv2.imencode(".bmp", np.full((30, 30, 3), 90, np.uint8))[1].tobytes(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(worker: DecodingWorker, name: str) -> None:
    before = worker.starts
    with pytest.raises(DecoderRefused):
        worker.find_codes(EncodedPicture(HOSTILE[name]))
    assert worker.starts == before
    assert worker.find_codes(EMPTY) == []


def test_giants_are_refused(worker: DecodingWorker) -> None:
    giant = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    giant[16:24] = (20_000).to_bytes(4, "big") * 2
    with pytest.raises(DecoderRefused):
        worker.find_faces(EncodedPicture(bytes(giant)))
    jpeg = bytearray(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = (20_000).to_bytes(2, "big") * 2
    with pytest.raises(DecoderRefused, match="20000 x 20000"):
        worker.find_faces(EncodedPicture(bytes(jpeg)))
    with pytest.raises(DecoderRefused):
        worker.find_codes(EncodedPicture(bytes(MAX_ENCODED + 1)))
    for width, height, size in ((20_000, 20_000, 12), (-1, 5, 15), (0, 0, 0), (10, 10, 299), (9000, 10, 270_000)):
        with pytest.raises(DecoderRefused):
            worker.find_codes(Picture(width, height, bytes(size)))


def test_a_large_picture_does_not_grow_without_bound(worker: DecodingWorker) -> None:
    with pytest.raises(DecoderError):  # too slow or too large, but bounded, and the next call works
        worker.find_faces(Picture(4096, 4096, bytes(4096 * 4096 * 3)), timeout=0.2, upsample=2)
    assert worker.find_codes(EMPTY) == []


def test_a_killed_worker_is_a_typed_error_and_the_next_call_works(worker: DecodingWorker) -> None:
    assert worker.wait_ready()
    pid, before = worker.pid, worker.starts
    assert pid
    os.kill(pid, signal.SIGSTOP)  # in mid job for as long as we like
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(DecoderCrashed, match="SIGKILL"):
        worker.find_codes(EMPTY)
    assert worker.find_codes(EMPTY) == []
    assert worker.starts == before + 1
    assert worker.pid != pid


def test_a_worker_that_died_while_idle(worker: DecodingWorker) -> None:
    assert worker.wait_ready()
    assert worker.pid
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(DecoderCrashed):
        worker.find_codes(EMPTY)
    assert worker.find_codes(EMPTY) == []


def test_an_endless_job_meets_the_time_out(worker: DecodingWorker) -> None:
    assert worker.wait_ready()
    pid = worker.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(DecoderTimedOut):
        worker.find_codes(EMPTY, timeout=0.3)
    assert 0.25 < time.monotonic() - begun < 20.0
    assert worker.find_codes(EMPTY) == []
    assert worker.pid != pid


def test_the_worker_s_own_alarm_ends_an_endless_job() -> None:
    """Should the agent hang as well: nobody waits for this answer, and the worker still ends."""
    from border_agent.decoding.child import Child
    from border_agent.decoding.protocol import FindFaces, PictureShape, encode

    child = Child("border_agent.decoding.worker")
    try:
        child.receive(time.monotonic() + 30)
        shape = PictureShape(4096, 4096)
        request = FindFaces(1, 0.2, shape, 0, EmbeddingMode.none, 1)  # takes seconds
        child.send(encode(request), bytes(4096 * 4096 * 3), time.monotonic() + 60)
        deadline = time.monotonic() + 60
        while child.running and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not child.running
    finally:
        child.kill()


def test_many_threads_share_one_worker(worker: DecodingWorker) -> None:
    results: dict[int, list[bytes]] = {}

    def ask(number: int) -> None:
        picture = coloured(drawn(b"%d" % number))
        results[number] = [code.data for code in worker.find_codes(picture, timeout=60)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [b"%d" % number] for number in range(12)}


def test_waiting_for_others_counts_and_kills_nobody(worker: DecodingWorker) -> None:
    assert worker.wait_ready()
    pid = worker.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    answers: list[object] = []
    first = threading.Thread(target=lambda: answers.append(worker.find_codes(EMPTY, timeout=60)))
    first.start()
    while not worker._lock.locked():  # until the first one waits for its answer
        time.sleep(0.01)
    with pytest.raises(DecoderTimedOut, match="busy"):
        worker.find_codes(EMPTY, timeout=0.2)
    os.kill(pid, signal.SIGCONT)
    first.join()
    assert answers == [[]]
    assert worker.pid == pid


def test_not_started() -> None:
    with pytest.raises(DecoderCrashed, match="not started"):
        DecodingWorker().find_codes(EMPTY)
    assert not DecodingWorker().wait_ready()


def stub(mode: str, start_seconds: float = 20.0) -> DecodingWorker:
    return DecodingWorker(start_seconds=start_seconds, command=[sys.executable, "-I", str(STUB), mode])


LIES = ["megabyte_code", "megabyte_frame", "many_codes", "wrong_number", "wrong_answer", "half_an_answer"]


@pytest.mark.parametrize("mode", LIES)
def test_a_lying_worker_is_replaced(mode: str) -> None:
    with stub(mode) as liar:
        with pytest.raises(DecoderCrashed):
            liar.find_codes(EMPTY)
        assert liar.starts == 2


@pytest.mark.parametrize("mode", ["nan", "short_embedding"])
def test_embeddings_that_are_none_are_not_passed_on(mode: str) -> None:
    with stub(mode) as liar, pytest.raises(DecoderCrashed):
        liar.find_faces(EMPTY)


def test_a_worker_that_does_not_start(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), stub("dies_at_start") as broken:
        with pytest.raises(DecoderCrashed, match="no such library"):
            broken.find_codes(EMPTY)
        with pytest.raises(DecoderCrashed, match="no such library"):  # at once, without another start
            broken.find_codes(EMPTY)
        assert broken.starts == 1
    assert sum("does not start" in record.message for record in caplog.records) == 1
    with stub("garbage_at_start") as broken:
        assert not broken.wait_ready()
    with stub("never_ready", start_seconds=0.5) as broken, pytest.raises(DecoderCrashed, match="in time"):
        broken.find_codes(EMPTY)
    with DecodingWorker(command=["/nonexistent/python"]) as broken:
        assert not broken.wait_ready()


def test_stop_frees_a_call_that_waits() -> None:
    worker = DecodingWorker()
    worker.start()
    assert worker.wait_ready() and worker.pid
    os.kill(worker.pid, signal.SIGSTOP)
    threading.Timer(0.2, worker.stop).start()
    with pytest.raises(DecoderCrashed):
        worker.find_codes(EMPTY, timeout=20)
    assert worker.memory_bytes() == 0
