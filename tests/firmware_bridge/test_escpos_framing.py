"""ESC/POS without a wire: what is sent against a printer's insides, what is answered in every division."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from firmware_bridge.framing.escpos import (
    AUTOMATIC_STATUS,
    BAND_ROWS,
    CLEAR_BUFFERS,
    FEED_AND_CUT,
    INITIALIZE,
    REAL_TIME_STATUS,
    TRANSMIT_STATUS,
    Answer,
    AnswerParser,
    Cleared,
    PrinterStatus,
    RealTimeAnswer,
    TurnAnswer,
    raster_slip,
    rest_of_band,
)
from firmware_bridge.roles import PrinterCondition
from firmware_bridge.virtual.printer_engine import BUFFER, Paper, PrinterEngine

READY = PrinterStatus(online=True, cover_open=False, paper_low=False, paper_out=False)
ENDLESS = 1_000_000

# Every kind of answer, whole and in parts, and what a glitching line delivers.
ANSWERS = [b"\x12", b"\x1a", b"\x00", b"\x03", b"\x10\x00\x00\x0f", b"\x38\x00\x0c\x0f", b"\x37\x25\x00"]
streams = st.lists(st.sampled_from([*ANSWERS, b"\x10", b"\x37", b"\x25", b"\x11", b"\x13", b"\xff", b"\x80"])).map(
    b"".join
)


def cut(data: bytes, marks: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(mark % (len(data) + 1) for mark in marks)})
    return [data[start:end] for start, end in pairwise(edges)]


def answers(data: bytes) -> list[Answer]:
    return AnswerParser().feed(data)


# --- what is sent


def test_a_slip_in_epsons_bytes() -> None:
    pieces = list(raster_slip(b"\xff" * 72 + bytes(72), 72))
    assert pieces == [
        b"\x1b@\x1da\x0e",
        b"\x1dv0\x00\x48\x00\x02\x00" + b"\xff" * 72 + bytes(72),
        b"\x1dVB\x18",
    ]


@given(st.integers(1, 1000), st.integers(1, 256))
def test_bands_are_small_and_lose_no_row(count: int, row_bytes: int) -> None:
    first, *bands, last = raster_slip(bytes(count * row_bytes), row_bytes)
    assert (first, last) == (INITIALIZE + AUTOMATIC_STATUS, FEED_AND_CUT)
    heights = [int.from_bytes(band[6:8], "little") for band in bands]
    assert max(heights) <= BAND_ROWS <= 256 and sum(heights) == count
    assert all(len(band) == 8 + height * row_bytes for band, height in zip(bands, heights, strict=True))


class Tray:
    """A printer's insides, and what has been cut."""

    def __init__(self, dots: int) -> None:
        self.slips: list[bytes] = []
        self.engine = PrinterEngine(dots, self._cut)

    def _cut(self, picture: Image.Image) -> None:
        self.slips.append(bytes(octet ^ 0xFF for octet in picture.tobytes()))

    def take(self, data: bytes) -> bytes:
        told = b""
        while data:
            room = self.engine.room
            assert room > 0, "the printer is stopped and full"
            self.engine.receive(data[:room])
            data = data[room:]
            self.engine.run(ENDLESS)
            told += self.engine.take_answers()
        return told


pictures = st.integers(1, 9).flatmap(
    lambda width: st.tuples(
        st.just(width), st.integers(1, 300).flatmap(lambda n: st.binary(min_size=n * width, max_size=n * width))
    )
)


@given(pictures, st.lists(st.integers(0, 10_000), max_size=20))
def test_the_paper_shows_the_rows_however_they_arrive(picture: tuple[int, bytes], marks: list[int]) -> None:
    row_bytes, rows = picture
    tray = Tray(row_bytes * 8)
    told = b"".join(tray.take(part) for part in cut(b"".join(raster_slip(rows, row_bytes)), marks))
    assert answers(told) == [READY]  # nothing within the picture was obeyed
    (slip,) = tray.slips
    added = [(want, got) for want, got in zip(rows, slip, strict=True) if want != got]
    assert set(added) <= {(0x10, 0x18)} and len(added) == len(re.findall(rb"\x10(?=[\x04\x05\x14])", rows))


@pytest.mark.parametrize("command", [*REAL_TIME_STATUS, CLEAR_BUFFERS, b"\x10\x05\x02", b"\x10\x14\x02\x01\x08"])
@pytest.mark.parametrize("at", [0, 69, 72 * BAND_ROWS - 1])
def test_a_picture_never_holds_a_real_time_command(command: bytes, at: int) -> None:
    rows = bytearray(72 * (BAND_ROWS + 1))
    rows[at : at + len(command)] = command  # also across rows and across bands
    assert command[:2] not in b"".join(list(raster_slip(bytes(rows), 72))[1:-1])


@pytest.mark.parametrize("sent", [8, 8 + 5, 8 + 72 * 5, 8 + 72 * BAND_ROWS - 1])
@pytest.mark.parametrize("cleared", [True, False])
def test_a_picture_that_was_broken_off_does_not_spoil_the_next(sent: int, cleared: bool) -> None:
    rows = b"\xaa" * 72 * BAND_ROWS
    tray = Tray(576)
    _, band, _ = raster_slip(rows, 72)
    tray.take(band[:sent] + (CLEAR_BUFFERS if cleared else b""))
    tray.take(rest_of_band(72) + INITIALIZE + FEED_AND_CUT)
    tray.take(b"".join(raster_slip(rows, 72)))
    assert tray.slips[-1] == rows


# --- what is answered


def test_answers_are_told_apart() -> None:
    assert answers(b"\x12\x00\x10\x00\x00\x0f\x37\x25\x00\x03\x1a") == [
        RealTimeAnswer(0x12),
        TurnAnswer(),
        READY,
        Cleared(),
        TurnAnswer(),
        RealTimeAnswer(0x1A),
    ]


@given(streams, st.lists(st.integers(0, 10_000)))
def test_any_division_of_a_stream_gives_the_same_answers(data: bytes, marks: list[int]) -> None:
    parser = AnswerParser()
    found = [answer for part in cut(data, marks) for answer in parser.feed(part)]
    assert found == answers(data)


@given(st.binary(max_size=500), st.integers(0, 50))
def test_noise_never_raises_and_never_holds_up_the_next_answer_after_a_silence(data: bytes, at: int) -> None:
    parser = AnswerParser()
    parser.feed(data)
    parser.idle()
    expected = [Cleared(), READY, RealTimeAnswer(0x12), TurnAnswer()]
    assert parser.feed(b"\x37\x25\x00\x10\x00\x00\x0f\x12\x00") == expected
    damaged = bytearray(b"".join(ANSWERS))
    damaged[at : at + len(data)] = data
    answers(bytes(damaged))


@pytest.mark.parametrize("head", [b"\x10", b"\x10\x00", b"\x10\x00\x00", b"\x37", b"\x37\x25"])
def test_half_an_answer_never_becomes_part_of_the_next(head: bytes) -> None:
    assert answers(head + b"\x12") == [RealTimeAnswer(0x12)]
    assert answers(head + b"\x10\x00\x00\x0f") == [READY]
    parser = AnswerParser()
    assert parser.feed(head) == []
    parser.idle()
    assert parser.feed(b"\x00") == [TurnAnswer()]


@given(st.binary(max_size=300))
def test_glitches_are_no_real_time_answer(data: bytes) -> None:
    """What twins' wires and broken lines deliver: 00 and octets with the high bit."""
    glitches = bytes(octet if octet & 0x80 else 0 for octet in data)
    assert all(isinstance(answer, TurnAnswer) for answer in answers(glitches))


@pytest.mark.parametrize(
    ("octets", "condition"),
    [
        ((0x12, 0x12, 0x12, 0x12), PrinterCondition.ready),
        ((0x16, 0x12, 0x12, 0x12), PrinterCondition.ready),  # the drawer's contact
        ((0x12, 0x12, 0x12, 0x1E), PrinterCondition.paper_low),
        ((0x12, 0x12, 0x16, 0x12), PrinterCondition.ready),  # on-line: a bit that this printer leaves undefined
        ((0x1A, 0x32, 0x12, 0x7E), PrinterCondition.paper_out),
        ((0x1A, 0x36, 0x12, 0x7E), PrinterCondition.cover_open),
        ((0x1A, 0x52, 0x1A, 0x12), PrinterCondition.failed),
        ((0x1A, 0x12, 0x12, 0x12), PrinterCondition.failed),
    ],
)
def test_the_four_answers_are_one_condition(octets: tuple[int, int, int, int], condition: PrinterCondition) -> None:
    assert PrinterStatus.from_real_time(*octets).condition is condition


def test_errors_have_epsons_names() -> None:
    assert PrinterStatus.from_real_time(0x1A, 0x52, 0x3A, 0x12).error == "autocutter, unrecoverable"
    assert PrinterStatus.from_automatic(0x18, 0x44, 0x00).error == "recoverable, automatically recoverable"


# --- the twin's insides against the framing


@pytest.mark.parametrize(
    ("paper", "cover_open", "condition"),
    [
        (Paper.ok, False, PrinterCondition.ready),
        (Paper.low, False, PrinterCondition.paper_low),
        (Paper.out, False, PrinterCondition.paper_out),
        (Paper.ok, True, PrinterCondition.cover_open),
        (Paper.out, True, PrinterCondition.cover_open),
    ],
)
def test_both_ways_of_asking_give_the_same_status(
    paper: Paper, cover_open: bool, condition: PrinterCondition
) -> None:
    tray = Tray(576)
    assert answers(tray.take(AUTOMATIC_STATUS)) == [READY]
    tray.engine.change_paper(paper)
    tray.engine.cover_open = cover_open
    automatic = answers(tray.engine.take_answers()) or [READY]
    octets = [
        answer.octet
        for answer in answers(tray.take(b"".join(REAL_TIME_STATUS)))
        if isinstance(answer, RealTimeAnswer)
    ]
    assert automatic == [PrinterStatus.from_real_time(*octets)]
    assert automatic[0].condition is condition  # type: ignore[union-attr]


def test_an_answer_in_turn_waits_for_the_paper() -> None:
    tray = Tray(576)
    tray.engine.change_paper(Paper.out)
    assert answers(tray.take(TRANSMIT_STATUS)) == []
    assert len(answers(tray.take(REAL_TIME_STATUS[0]))) == 1  # at once
    tray.engine.change_paper(Paper.low)
    tray.engine.run(ENDLESS)
    assert answers(tray.engine.take_answers()) == [TurnAnswer()]


def test_a_stopped_printer_takes_what_its_buffer_holds() -> None:
    tray = Tray(576)
    tray.engine.cover_open = True
    tray.engine.receive(bytes(BUFFER))
    assert tray.engine.room == 0
    tray.engine.receive(CLEAR_BUFFERS)
    assert tray.engine.room == BUFFER
    assert answers(tray.engine.take_answers()) == [Cleared()]
