"""Pictures are looked at before OpenCV sees them."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from border_agent.decoding import pictures
from border_agent.decoding.headers import PictureRefusedError, jpeg_size, png_size
from border_agent.decoding.pictures import decode
from border_agent.decoding.protocol import MAX_PIXELS, PictureShape

ENCODED = PictureShape(0, 0)
SCENE = np.add.outer(np.arange(40) * 3, np.arange(60) * 2).astype(np.uint8)
COLOUR = cv2.cvtColor(SCENE, cv2.COLOR_GRAY2BGR)
PNG = cv2.imencode(".png", COLOUR)[1].tobytes()
JPEG = cv2.imencode(".jpg", COLOUR)[1].tobytes()
PROGRESSIVE = cv2.imencode(".jpg", COLOUR, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
RESTARTS = cv2.imencode(".jpg", COLOUR, [cv2.IMWRITE_JPEG_RST_INTERVAL, 1])[1].tobytes()
GREY_JPEG = cv2.imencode(".jpg", SCENE)[1].tobytes()


def test_sizes_are_read_from_the_header() -> None:
    assert png_size(PNG) == (60, 40)
    for jpeg in (JPEG, PROGRESSIVE, RESTARTS, GREY_JPEG):
        assert jpeg_size(jpeg) == (60, 40)


def test_pixels_are_as_opencv_gives_them() -> None:
    assert np.array_equal(decode(ENCODED, PNG), COLOUR)
    for jpeg in (JPEG, PROGRESSIVE, RESTARTS, GREY_JPEG, JPEG + b"\0\0padding"):
        pixels = decode(ENCODED, jpeg)
        assert pixels.shape == COLOUR.shape and pixels.flags.c_contiguous
        assert np.abs(pixels.astype(int) - COLOUR).mean() < 5
    raw = decode(PictureShape(60, 40), COLOUR.tobytes())
    assert np.array_equal(raw, COLOUR)


@pytest.mark.parametrize("whole", [PNG, JPEG, PROGRESSIVE, RESTARTS], ids=["png", "jpeg", "progressive", "restarts"])
def test_a_picture_torn_anywhere_is_refused(whole: bytes) -> None:
    for length in range(len(whole)):
        with pytest.raises(PictureRefusedError):
            decode(ENCODED, whole[:length])


def test_a_damaged_png_is_refused() -> None:
    damaged = bytearray(PNG)
    damaged[len(damaged) // 2] ^= 1
    with pytest.raises(PictureRefusedError, match="damaged"):
        decode(ENCODED, bytes(damaged))


def png_of(width: int, height: int, content: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(20_000, 20_000), (0, 5), (8193, 1), (1, 8193), (2**31, 2**31), (4097, 4096)]
)
def test_a_giant_is_refused_by_its_header(width: int, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("OpenCV must not see it")

    monkeypatch.setattr(pictures.cv2, "imdecode", never)
    with pytest.raises(PictureRefusedError):
        decode(ENCODED, png_of(width, height, zlib.compress(b"")))
    frame = JPEG.index(b"\xff\xc0")
    size = struct.pack(">HH", min(height, 65535), min(width, 65535))
    with pytest.raises(PictureRefusedError):
        decode(ENCODED, JPEG[: frame + 5] + size + JPEG[frame + 9 :])
    with pytest.raises(PictureRefusedError):
        decode(PictureShape(width, height), b"")


def test_a_small_file_of_many_pixels_ends_quickly() -> None:
    """4096 x 4096 pixels of nothing in 50 kB is allowed; no more than that comes out of it."""
    bomb = png_of(4096, 4096, zlib.compress(bytes((3 * 4096 + 1) * 4096), 9))
    assert len(bomb) < 100_000
    assert decode(ENCODED, bomb).size == 3 * MAX_PIXELS


def test_a_header_that_disagrees_with_its_content_is_refused() -> None:
    with pytest.raises(PictureRefusedError):
        decode(ENCODED, png_of(100, 100, zlib.compress(b"short")))


def test_other_formats_are_refused() -> None:
    for extension in (".bmp", ".webp", ".tiff", ".ppm", ".jp2"):
        with pytest.raises(PictureRefusedError, match="neither"):
            decode(ENCODED, cv2.imencode(extension, COLOUR)[1].tobytes())


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xda"]))
@example(b"\xff" * 200, b"\xff\xd8\xff")
def test_any_bytes_are_a_picture_or_refused(data: bytes, start: bytes) -> None:
    try:
        pixels = decode(ENCODED, start + data)
    except PictureRefusedError:
        return
    assert 0 < pixels.size <= 3 * MAX_PIXELS


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([PNG, JPEG, PROGRESSIVE]), st.data())
def test_altered_pictures_are_decoded_or_refused(whole: bytes, data: st.DataObject) -> None:
    altered = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        altered[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(ENCODED, bytes(altered))
    except PictureRefusedError:
        return
    assert 0 < pixels.size <= 3 * MAX_PIXELS
