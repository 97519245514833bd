"""The reader in its cage: answers, refusals, the time limit, and what a worker may say."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from msgspec import structs

from border_agent.decoding import (
    DecoderRefused,
    DecoderTimedOut,
    DecodingWorker,
    EncodedPicture,
    FoundMrz,
    Picture,
)
from border_agent.decoding.protocol import (
    FindMrz,
    MakePortrait,
    MrzFound,
    PictureShape,
    PortraitMade,
    ProtocolError,
    encode,
    read_reply,
    read_request,
)
from border_agent.documents.mrz import MrzFormat
from tests.mrz_pictures.pictures import CONDITIONS, some_lines, take


@pytest.fixture(scope="module")
def worker() -> Iterator[DecodingWorker]:
    with DecodingWorker() as started:
        yield started


RANDOM = np.random.default_rng(12)
TAKEN = take(some_lines(MrzFormat.TD3, RANDOM), MrzFormat.TD3, CONDITIONS["cam16"], RANDOM)
JPEG = cv2.imencode(".jpg", TAKEN.pixels)[1].tobytes()


def raw(pixels: np.ndarray) -> Picture:
    return Picture(pixels.shape[1], pixels.shape[0], np.ascontiguousarray(pixels).tobytes())


def test_raw_and_encoded_pictures(worker: DecodingWorker) -> None:
    for picture in (raw(TAKEN.pixels), EncodedPicture(JPEG)):
        found = worker.find_mrz(picture)
        assert found is not None and found.lines == TAKEN.lines
        assert 0.0 < found.least <= 1.0
    assert worker.find_mrz(raw(np.full((300, 400, 3), 200, np.uint8))) is None


@pytest.mark.parametrize("data", [b"", b"text", JPEG[:-200], JPEG[:20], RANDOM.bytes(3000)], ids=range(5))
def test_torn_and_hostile_files_are_refused(worker: DecodingWorker, data: bytes) -> None:
    before = worker.starts
    with pytest.raises(DecoderRefused):
        worker.find_mrz(EncodedPicture(data))
    assert worker.starts == before


def test_altered_pictures_never_end_the_worker(worker: DecodingWorker) -> None:
    assert worker.wait_ready()
    before = worker.starts
    random = np.random.default_rng(3)
    for _ in range(12):
        altered = bytearray(JPEG)
        for place in random.integers(20, len(JPEG) - 2, 4):
            altered[place] = int(random.integers(0, 255))
        try:
            worker.find_mrz(EncodedPicture(bytes(altered)))
        except DecoderRefused:
            continue
    assert worker.starts == before


def test_the_time_limit_holds(worker: DecodingWorker) -> None:
    assert worker.wait_ready()
    noise = np.random.default_rng(4).integers(0, 256, (4000, 4000, 3)).astype(np.uint8)
    begun = time.monotonic()
    with pytest.raises(DecoderTimedOut):
        worker.find_mrz(raw(noise), 0.05)
    assert time.monotonic() - begun < 20.0
    assert worker.find_mrz(EncodedPicture(JPEG)) is not None


GOOD = FoundMrz(
    format="TD3",
    lines=("P" + "<" * 43, "0" * 44),
    confidence=((0.5,) * 44, (1.0,) * 44),
    runner_up=("R" * 44, "O" * 44),
    corners=((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)),
)


def test_messages_travel() -> None:
    for request in (FindMrz(1, 2.0, PictureShape(3, 4)), MakePortrait(2, 1.0, PictureShape(0, 0))):
        assert read_request(encode(request)) == request
    for reply in (MrzFound(1, GOOD), MrzFound(2, None), PortraitMade(3)):
        assert read_reply(encode(reply)) == reply


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "TD9"},
        {"format": "TD1"},
        {"lines": ("P" + "<" * 43,)},
        {"lines": ("P" + "<" * 43, "0" * 45)},
        {"lines": ("P" + "<" * 42 + "\u00e9", "0" * 44)},
        {"runner_up": ("R" * 43, "O" * 44)},
        {"confidence": ((0.5,) * 44, (1.5,) * 44)},
        {"confidence": ((0.5,) * 44, (math.nan,) * 44)},
        {"confidence": ((0.5,) * 44,)},
        {"corners": ((0.0, 0.0),) * 3},
        {"corners": ((0.0, math.inf),) * 4},
    ],
)
def test_a_worker_may_not_tell_stories(wrong: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        read_reply(encode(MrzFound(1, structs.replace(GOOD, **wrong))))
