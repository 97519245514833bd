"""A chip's portrait: JPEG 2000 looked at before OpenCV sees it, and turned into a JPEG to be shown."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from border_agent.decoding import (
    DecoderCrashed,
    DecoderRefused,
    DecodingWorker,
    EmbeddingMode,
    EncodedPicture,
    pictures,
)
from border_agent.decoding.headers import PictureRefusedError, jpeg_size
from border_agent.decoding.jpeg2000 import CODESTREAM, JP2, jpeg2000_header
from border_agent.decoding.pictures import decode, portrait_jpeg
from border_agent.decoding.protocol import MAX_PORTRAIT, MAX_PORTRAIT_SIDE, PictureShape

ENCODED = PictureShape(0, 0)
STUB = Path(__file__).parent / "stub_worker.py"
SILVER = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "chip" / "face" / "silver.jp2"

SCENE = np.dstack([np.add.outer(np.arange(80) * step, np.arange(60) * 2) for step in (1, 2, 3)]).astype(np.uint8)
FILE = cv2.imencode(".jp2", SCENE)[1].tobytes()
BARE = FILE[FILE.index(CODESTREAM) :]
GREY_FILE = cv2.imencode(".jp2", np.ascontiguousarray(SCENE[..., 1]))[1].tobytes()
GREY_BARE = GREY_FILE[GREY_FILE.index(CODESTREAM) :]
EVERY = {"file": FILE, "codestream": BARE, "grey file": GREY_FILE, "grey codestream": GREY_BARE}


@pytest.fixture(scope="module")
def worker() -> Iterator[DecodingWorker]:
    with DecodingWorker() as started:
        yield started


@pytest.mark.parametrize("name", EVERY)
def test_sizes_and_pixels(name: str) -> None:
    grey = name.startswith("grey")
    assert jpeg2000_header(EVERY[name]) == (60, 80, 1 if grey else 3)
    pixels = decode(ENCODED, EVERY[name], portrait=True)
    wanted = np.repeat(SCENE[..., 1:2], 3, axis=2) if grey else SCENE
    assert np.abs(pixels.astype(int) - wanted).mean() < 2


def test_jpeg_2000_is_for_portraits_only(worker: DecodingWorker) -> None:
    with pytest.raises(PictureRefusedError, match="neither"):
        decode(ENCODED, FILE)
    for ask in (worker.find_codes, worker.find_mrz):
        with pytest.raises(DecoderRefused):
            ask(EncodedPicture(FILE))


@pytest.mark.parametrize("name", EVERY)
def test_torn_anywhere_it_is_refused(name: str) -> None:
    whole = EVERY[name]
    for length in range(len(whole)):
        with pytest.raises(PictureRefusedError):
            decode(ENCODED, whole[:length], portrait=True)


def with_size(**changed: int) -> bytes:
    """The codestream with other numbers in its marker SIZ (ISO/IEC 15444-1, A.5.1)."""
    names = ("right", "low", "left", "top", "tile_width", "tile_height", "tile_left", "tile_top")
    numbers = dict(zip(names, struct.unpack_from(">8I", BARE, 8), strict=True)) | changed
    components = numbers.pop("components", 3)
    return BARE[:8] + struct.pack(">8IH", *numbers.values(), components) + BARE[42:]


@pytest.mark.parametrize(
    "changed",
    [
        {"right": 20_000, "low": 20_000},
        {"right": 2**32 - 1},
        {"right": 0},
        {"left": 61},
        {"right": 4000, "low": 4000},
        {"tile_width": 1, "tile_height": 1},
        {"tile_width": 0},
        {"tile_left": 5},
        {"components": 16_384},
        {"components": 2},
        {"components": 0},
        {"right": 120},
    ],
    ids=str,
)
def test_bombs_are_refused_by_their_header(changed: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("OpenCV must not see it")

    monkeypatch.setattr(pictures.cv2, "imdecode", never)
    with pytest.raises(PictureRefusedError):
        decode(ENCODED, with_size(**changed), portrait=True)


def test_a_file_that_announces_another_size_than_its_picture_is_refused() -> None:
    place = FILE.index(b"ihdr") + 4
    with pytest.raises(PictureRefusedError, match="two sizes"):
        jpeg2000_header(FILE[:place] + struct.pack(">II", 81, 60) + FILE[place + 8 :])


def test_boxes_without_end_are_refused() -> None:
    empty = struct.pack(">I4s", 8, b"free")
    for data in (JP2, JP2 + empty * 5000, JP2 + struct.pack(">I4sQ", 1, b"free", 2**63), JP2 + bytes(64)):
        with pytest.raises(PictureRefusedError):
            jpeg2000_header(data)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([JP2, CODESTREAM, BARE[:60], FILE[:90]]))
def test_any_bytes_are_a_picture_or_refused(data: bytes, start: bytes) -> None:
    with pytest.raises(PictureRefusedError):
        decode(ENCODED, start + data, portrait=True)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(EVERY.values())), st.data())
def test_altered_pictures_are_decoded_or_refused(whole: bytes, data: st.DataObject) -> None:
    altered = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        altered[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(ENCODED, bytes(altered), portrait=True)
    except PictureRefusedError:
        return
    assert pixels.shape[2] == 3


@pytest.mark.parametrize("extension", [".jp2", ".jpg", ".png"])
def test_a_portrait_becomes_a_jpeg(worker: DecodingWorker, extension: str) -> None:
    shown = worker.portrait_jpeg(EncodedPicture(cv2.imencode(extension, SCENE)[1].tobytes()))
    assert jpeg_size(shown.data) == (60, 80)
    pixels = cv2.imdecode(np.frombuffer(shown.data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(pixels.astype(int) - SCENE).mean() < 4


def test_a_large_portrait_is_made_smaller() -> None:
    shown = portrait_jpeg(np.random.default_rng(1).integers(0, 256, (2400, 1500, 3)).astype(np.uint8))
    assert jpeg_size(shown) == (640, MAX_PORTRAIT_SIDE)
    assert len(shown) < MAX_PORTRAIT
    assert jpeg_size(portrait_jpeg(np.zeros((1, 8000, 3), np.uint8))) == (MAX_PORTRAIT_SIDE, 1)


@pytest.mark.skipif(not SILVER.is_file(), reason="the conformance set is not here")
def test_a_real_chip_s_portrait(worker: DecodingWorker) -> None:
    data = SILVER.read_bytes()
    for portrait in (data, data[data.index(CODESTREAM) :]):
        (face, *_) = worker.find_faces(EncodedPicture(portrait), embedding=EmbeddingMode.none)
        assert 150 < face.box[2] - face.box[0] < 413
        assert jpeg_size(worker.portrait_jpeg(EncodedPicture(portrait)).data) == (413, 531)


def test_torn_portraits_are_refused(worker: DecodingWorker) -> None:
    before = worker.starts
    for data in (b"", b"GIF89a", FILE[:-30], BARE[:100], with_size(components=16_384)):
        with pytest.raises(DecoderRefused):
            worker.portrait_jpeg(EncodedPicture(data))
    assert worker.starts == before


@pytest.mark.parametrize(
    "mode", ["portrait_of_nothing", "portrait_of_anything", "giant_portrait", "wide_portrait", "code_with_attachment"]
)
def test_a_worker_s_portrait_is_looked_at(mode: str) -> None:
    command = [sys.executable, str(STUB), mode]
    with DecodingWorker(command=command) as liar, pytest.raises(DecoderCrashed):
        if mode == "code_with_attachment":
            liar.find_codes(EncodedPicture(FILE))
        else:
            liar.portrait_jpeg(EncodedPicture(FILE))
