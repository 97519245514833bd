"""Tag, length, value: what is written is read, and no bytes are anything but elements or a typed error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.documents.tlv import (
    MOST_ELEMENTS,
    Tlv,
    TlvError,
    find,
    read_all,
    read_header,
    read_only,
    read_tlv,
    write_length,
    write_tlv,
)

TAGS = (0x04, 0x61, 0x77, 0x7C, 0x80, 0x5F1F, 0x5F2E, 0x7F49, 0x7F61, 0x7F8101)


@given(st.sampled_from(TAGS), st.binary(max_size=400), st.binary(max_size=5))
def test_what_is_written_is_read(tag: int, value: bytes, rest: bytes) -> None:
    written = write_tlv(tag, value)
    assert read_tlv(written + rest) == Tlv(tag, value, len(written))
    assert read_tlv(rest + written, len(rest)).value == value
    assert read_only(written, tag) == value
    header = read_header(written[:8])
    assert (header.tag, header.length, header.end) == (tag, len(value), len(written))


@pytest.mark.parametrize(
    ("length", "written"),
    [(0, "00"), (127, "7f"), (128, "8180"), (255, "81ff"), (256, "820100"), (65536, "83010000")],
)
def test_lengths_are_as_short_as_can_be(length: int, written: str) -> None:
    assert write_length(length).hex() == written


@given(st.binary(max_size=300))
def test_any_bytes_are_elements_or_a_typed_error(data: bytes) -> None:
    for read in (read_header, read_tlv, read_all, lambda data: find(data, 0x7C)):
        try:
            read(data)
        except TlvError:
            pass


@pytest.mark.parametrize(
    "data",
    [
        "",
        "61",
        "6101",
        "6180",
        "6181",
        "618200",
        "6185000000000000",
        "61FFFFFFFF",
        "6184FFFFFFFF00",
        "5F",
        "5F81",
        "5F818181810100",
        "7FFFFFFF0100",
    ],
)
def test_lengths_that_lie_and_tags_without_end_are_refused(data: str) -> None:
    with pytest.raises(TlvError):
        read_tlv(bytes.fromhex(data))


def test_one_element_alone() -> None:
    with pytest.raises(TlvError):
        read_only(bytes.fromhex("7C0000"), 0x7C)
    with pytest.raises(TlvError):
        read_only(bytes.fromhex("7C00"), 0x7D)
    with pytest.raises(TlvError):
        read_tlv(b"\x7c\x00", 2)


def test_elements_side_by_side_are_bounded() -> None:
    data = bytes.fromhex("8000") * 5
    assert len(read_all(data)) == 5 and find(data + bytes.fromhex("8101FF"), 0x81) == b"\xff"
    assert find(data, 0x82) is None
    with pytest.raises(TlvError):
        read_all(data, most=4)
    with pytest.raises(TlvError):
        read_all(b"\x80\x00" * (MOST_ELEMENTS + 1))
