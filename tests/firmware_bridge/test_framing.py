"""Framers: no input or output, so every division of every stream can be tried."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from firmware_bridge.framing.codes import CodeLine
from firmware_bridge.framing.frames import FrameError
from firmware_bridge.framing.jpeg import jpeg_size
from firmware_bridge.framing.lines import LineFramer
from firmware_bridge.framing.mrz import JOINED, LINES_OF, MrzGrouper
from firmware_bridge.roles import Fault

Framed = list[bytes | FrameError]

# Few different octets, so that line ends are common.
streams = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"A", b"<<", b"\x00", b"\xff", b"12345"])).map(b"".join)


def payloads(results: Framed) -> list[bytes]:
    return [result for result in results if isinstance(result, bytes)]


def faults(results: Framed) -> list[Fault]:
    return [result.fault for result in results if isinstance(result, FrameError)]


def cut(data: bytes, marks: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(mark % (len(data) + 1) for mark in marks)})
    return [data[start:end] for start, end in pairwise(edges)]


# --- lines


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r\n"])
def test_every_line_end_is_understood(end: bytes) -> None:
    framer = LineFramer()
    assert framer.feed(b"one" + end + b"two" + end) == [b"one", b"two"]
    assert framer.idle() == []


def test_silence_ends_a_line() -> None:
    framer = LineFramer()
    assert framer.feed(b"no end") == []
    assert framer.idle() == [b"no end"]
    assert framer.idle() == []


def test_limit_is_exact() -> None:
    framer = LineFramer(5)
    assert framer.feed(b"12345\r") == [b"12345"]
    assert faults(framer.feed(b"123456\r")) == [Fault.frame_too_long]


def test_endless_frame_is_reported_once_and_the_next_is_whole() -> None:
    framer = LineFramer(100)
    said: Framed = []
    for _ in range(10_000):
        said += framer.feed(b"x" * 997)
        assert framer.pending <= 100
    assert faults(said) == [Fault.frame_too_long]
    assert framer.feed(b"tail\rnext\r") == [b"next"]


def test_silence_ends_an_endless_frame_too() -> None:
    framer = LineFramer(10)
    framer.feed(b"x" * 50)
    assert framer.idle() == []
    assert framer.feed(b"next\r") == [b"next"]


def test_a_framer_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="max_length"):
        LineFramer(0)


@given(streams, st.lists(st.integers(0, 10_000)), st.integers(1, 12))
def test_any_division_of_a_stream_gives_the_same_lines(data: bytes, marks: list[int], limit: int) -> None:
    whole = LineFramer(limit)
    expected = whole.feed(data) + whole.idle()
    divided = LineFramer(limit)
    found: Framed = []
    for part in cut(data, marks):
        found += divided.feed(part)
        assert divided.pending <= limit
    assert found + divided.idle() == expected


@given(st.binary(max_size=300), st.integers(1, 40))
def test_lines_are_never_empty_never_too_long_and_never_hold_an_end(data: bytes, limit: int) -> None:
    framer = LineFramer(limit)
    for line in payloads(framer.feed(data) + framer.idle()):
        assert 0 < len(line) <= limit
        assert not {0x0D, 0x0A} & set(line)


# --- machine readable zones


# The specimens of ICAO 9303 parts 4 (TD3), 6 (TD2) and 5 (TD1).
SPECIMENS = {
    44: [b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", b"L898902C36UTO7408122F1204159ZE184226B<<<<<10"],
    36: [b"I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", b"D231458907UTO7408122F1204159<<<<<<<6"],
    30: [b"I<UTOD231458907<<<<<<<<<<<<<<<", b"7408122F1204159UTO<<<<<<<<<<<6", b"ERIKSSON<<ANNA<MARIA<<<<<<<<<<"],
}


@pytest.mark.parametrize("length", sorted(LINES_OF))
def test_lines_become_a_document(length: int) -> None:
    grouper = MrzGrouper()
    results = [result for line in SPECIMENS[length] for result in grouper.add(line)]
    assert results == [b"\n".join(SPECIMENS[length])]
    assert grouper.quiet() == []


@pytest.mark.parametrize("length", sorted(LINES_OF))
def test_a_reader_that_joins_the_lines_gives_the_same_document(length: int) -> None:
    assert MrzGrouper().add(b"".join(SPECIMENS[length])) == [b"\n".join(SPECIMENS[length])]


def test_glitches_at_the_ends_of_a_line_are_taken_off() -> None:
    grouper = MrzGrouper()
    first, second = SPECIMENS[44]
    assert grouper.add(b"\x02\xff" + first) == []
    assert grouper.add(b"\x00\x00") == []
    assert grouper.add(second + b"\x03") == [first + b"\n" + second]


@pytest.mark.parametrize("rubbish", [b"?", b"A" * 43, b"A" * 20 + b"\xff" + b"A" * 23, b"B" * 36])
def test_rubbish_between_two_lines_costs_the_document(rubbish: bytes) -> None:
    """The second line of one document was damaged: its first line must not meet the next document's."""
    grouper = MrzGrouper()
    first, second = SPECIMENS[44]
    assert grouper.add(first) == []
    said = grouper.add(rubbish)
    assert payloads(said) == []
    assert Fault.incomplete in faults(said)
    later = grouper.add(first) + grouper.add(second)
    assert payloads(later) == [first + b"\n" + second]


def test_silence_ends_an_unfinished_document() -> None:
    grouper = MrzGrouper()
    grouper.add(b"Z" * 44)
    assert faults(grouper.quiet()) == [Fault.incomplete]
    first, second = SPECIMENS[44]
    assert grouper.add(first) + grouper.add(second) == [first + b"\n" + second]


@pytest.mark.parametrize("length", sorted(LINES_OF))
def test_a_line_that_is_lost_costs_its_document_only(length: int) -> None:
    """Without any silence between: what is left of one document never makes another with the next."""
    documents = [[line.replace(b"UTO", issuer) for line in SPECIMENS[length]] for issuer in (b"XXA", b"XXB", b"XXC")]
    sent = [line for document in documents for line in document]
    whole = [b"\n".join(document) for document in documents]
    for lost in range(len(sent)):
        grouper = MrzGrouper()
        found = payloads([result for line in sent[:lost] + sent[lost + 1 :] for result in grouper.add(line)])
        assert found == [document for number, document in enumerate(whole) if number != lost // len(documents[0])]


@pytest.mark.parametrize("length", sorted(LINES_OF))
def test_joined_lines_out_of_order_are_no_document(length: int) -> None:
    joined = b"".join(reversed(SPECIMENS[length]))
    assert faults(MrzGrouper().add(joined)) == [Fault.noise]


def test_a_misread_name_does_not_hold_up_a_document() -> None:
    first, second = SPECIMENS[44]
    misread = first.replace(b"O", b"0")
    grouper = MrzGrouper()
    assert grouper.add(misread) + grouper.add(second) == [misread + b"\n" + second]


@given(st.lists(st.one_of(st.binary(max_size=100), st.sampled_from([b"A" * n for n in (30, 36, 44, 72, 88, 90)]))))
def test_whatever_comes_a_document_has_the_shape_of_one(lines: list[bytes]) -> None:
    grouper = MrzGrouper()
    results = [result for line in lines for result in grouper.add(line)] + grouper.quiet()
    for document in payloads(results):
        parts = document.split(b"\n")
        assert {len(part) for part in parts} in [{length} for length in LINES_OF]
        assert len(parts) == LINES_OF[len(parts[0])]
        assert sum(map(len, parts)) in JOINED


# --- codes


@pytest.mark.parametrize(
    "line", [b"RDB1AAAA", "visa délivré à Yaoundé".encode(), b"]C1\x1d01234", b'{"data":\t1}', b"\xf0\x9f\x98\x80"]
)
def test_text_passes_as_it_is(line: bytes) -> None:
    assert CodeLine().add(line) == [line]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"RDB1\x00AAAA", Fault.not_text),
        (b"\xdc\x03\x80\xffbinary", Fault.not_text),
        (b"caf\xe9 latin", Fault.not_text),
        (b"abc", Fault.noise),
    ],
)
def test_what_is_no_text_is_reported(line: bytes, fault: Fault) -> None:
    said = CodeLine().add(line)
    assert faults(said) == [fault]
    assert payloads(said) == []


def test_glitches_around_a_code_are_taken_off_and_alone_are_nothing() -> None:
    assert CodeLine().add(b"\x00\xff\x02RDB1\x03\x00") == [b"RDB1"]
    assert CodeLine().add(b"\x00\xff\x00") == []


@given(st.binary(max_size=200))
def test_a_code_is_always_text_of_some_length(line: bytes) -> None:
    for code in payloads(CodeLine(4).add(line)):
        assert len(code) >= 4
        assert b"\x00" not in code.decode().encode()


# --- pictures


def jpeg(width: int, height: int, **options: object) -> bytes:
    data = io.BytesIO()
    Image.effect_noise((width, height), 80).convert("RGB").save(data, "JPEG", **options)
    return data.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"c" * 5000}, {"quality": 100}])
def test_size_of_a_whole_picture(options: dict[str, object]) -> None:
    assert jpeg_size(jpeg(48, 32, **options)) == (48, 32)
    assert jpeg_size(jpeg(48, 32, **options) + b"\0" * 100) == (48, 32)


PICTURE = jpeg(40, 40)


@given(st.integers(0, len(PICTURE) - 1))
def test_a_torn_picture_has_no_size(at: int) -> None:
    assert jpeg_size(PICTURE[:at]) is None


@given(st.binary(max_size=300), st.integers(0, 50))
def test_no_bytes_break_the_look_at_a_picture(data: bytes, at: int) -> None:
    whole = bytearray(b"\xff\xd8" + data + b"\xff\xd9")
    size = jpeg_size(bytes(whole))
    assert size is None or min(size) > 0
    changed = bytearray(PICTURE)
    changed[at : at + len(data)] = data
    jpeg_size(bytes(changed))
