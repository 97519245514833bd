"""What keeps a slip from being printed: paper, cover, silence. No slip comes out twice, nor too late."""

from __future__ import annotations

import os
import re
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from printer_kit import (
    ROW,
    SHORT,
    SLIP,
    TIMEOUT,
    WIDTH,
    becomes,
    faults,
    opened,
    papers,
    picture,
    until,
)

from firmware_bridge.errors import CoverOpen, NotPrinted, PaperOut, PrinterSilent
from firmware_bridge.framing.escpos import BAND_ROWS
from firmware_bridge.roles import DeviceState, Fault, PrinterCondition
from firmware_bridge.virtual.launch import PrinterTwin
from firmware_bridge.virtual.printer_engine import BUFFER


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "usb-Maker_Printer_0001-if00"


@pytest.fixture
def twin(link: Path, tmp_path: Path) -> Iterator[PrinterTwin]:
    with PrinterTwin(link, tmp_path / "slips") as running:
        yield running


# --- paper and cover


def test_paper_out_before(link: Path, twin: PrinterTwin) -> None:
    with opened(link) as printer:
        twin.paper("out")
        assert becomes(PrinterCondition.paper_out, printer)
        assert printer.state is DeviceState.ready  # the device is well, the roll is not
        with pytest.raises(PaperOut) as caught:
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert not caught.value.begun
        assert faults(printer) == [Fault.paper_out]
        twin.paper("low")
        assert becomes(PrinterCondition.paper_low, printer)
        printer.print_rows(SLIP, WIDTH, TIMEOUT)  # low is not out
        assert printer.condition is PrinterCondition.paper_low
        assert papers(twin) == [SLIP]


def test_paper_out_in_the_middle(link: Path, twin: PrinterTwin) -> None:
    with opened(link) as printer:
        twin.paper("out", after=300)
        started = time.monotonic()
        with pytest.raises(PaperOut) as caught:
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert caught.value.begun
        assert time.monotonic() - started < 30  # it says so itself: nobody waits for the end of the time
        assert printer.condition is PrinterCondition.paper_out
        assert twin.slips() == []
        twin.paper("ok")
        assert becomes(PrinterCondition.ready, printer)
        printer.print_rows(SLIP, WIDTH, TIMEOUT)
        # What the terminal and the printer still held was cleared, or came out as a piece of its own.
        assert papers(twin)[-1] == SLIP
        assert all(len(paper) <= 2 * BUFFER + BAND_ROWS * ROW for paper in papers(twin)[:-1])
        assert faults(printer) == [Fault.paper_out]


def test_a_stopped_printer_with_a_full_buffer_is_not_taken_for_a_silent_one(link: Path, twin: PrinterTwin) -> None:
    with opened(link, SHORT) as printer:
        twin.paper("out", after=300)
        with pytest.raises(PaperOut):
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        for _ in range(4):  # it takes no question now
            time.sleep(0.5)
            assert printer.condition is PrinterCondition.paper_out
        with pytest.raises(PaperOut) as caught:
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert not caught.value.begun


def test_what_was_not_printed_is_cleared_even_if_nobody_is_there_any_more(link: Path, twin: PrinterTwin) -> None:
    rows = picture(40)  # fits into the printer's buffer as a whole, cut and all
    with opened(link) as printer:
        twin.cover("open", after=10)
        with pytest.raises(CoverOpen):
            printer.print_rows(rows, WIDTH, TIMEOUT)
    twin.cover("closed")
    time.sleep(0.5)
    assert twin.slips() == []


def test_cover_open_before_and_in_the_middle(link: Path, twin: PrinterTwin) -> None:
    with opened(link) as printer:
        twin.cover("open")
        assert becomes(PrinterCondition.cover_open, printer)
        with pytest.raises(CoverOpen) as caught:
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert not caught.value.begun
        twin.cover("closed")
        assert becomes(PrinterCondition.ready, printer)

        twin.cover("open", after=300)
        with pytest.raises(CoverOpen) as caught:
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert caught.value.begun
        twin.cover("closed")
        assert becomes(PrinterCondition.ready, printer)
        assert until(lambda: len(twin.slips()) == 1)  # what hung out is cut off before anybody takes it
        printer.print_rows(SLIP, WIDTH, TIMEOUT)
        torn, whole = papers(twin)
        assert whole == SLIP
        assert torn != SLIP and SLIP.startswith(torn[: 300 * ROW])
        assert faults(printer) == [Fault.cover_open, Fault.cover_open]


# --- silence


def test_a_printer_that_never_answers_is_failed(link: Path, twin: PrinterTwin) -> None:
    twin.mute()
    with opened(link, SHORT) as printer:
        assert (printer.condition, printer.state) == (PrinterCondition.failed, DeviceState.failed)
        with pytest.raises(PrinterSilent) as caught:
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert not caught.value.begun
        time.sleep(1.5)
        assert faults(printer) == [Fault.printer_silent]  # many looks, one report
    assert twin.slips() == []
    twin.mute(False)
    with opened(link) as printer:
        printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert papers(twin) == [SLIP]


def test_a_lost_answer_never_prints_a_slip_twice(link: Path, twin: PrinterTwin) -> None:
    with opened(link, SHORT) as printer:
        twin.mute(after=900)  # the slip is out, and nobody hears it
        started = time.monotonic()
        with pytest.raises(PrinterSilent) as caught:
            printer.print_rows(SLIP, WIDTH, 3.0)
        assert caught.value.begun
        assert 2.9 < time.monotonic() - started < 15
        assert becomes(PrinterCondition.failed, printer)
        assert papers(twin) == [SLIP]
        twin.mute(False)
        assert becomes(PrinterCondition.ready, printer)
        time.sleep(0.5)
        assert papers(twin) == [SLIP]
        printer.print_rows(picture(200), WIDTH, TIMEOUT)
        assert papers(twin) == [SLIP, picture(200)]


class Scripted:
    """A printer that knows neither automatic status nor clearing, with its own ideas about what follows a cut."""

    def __init__(self, link: Path, at_cut: bytes, real_time: bytes, in_turn: bytes) -> None:
        self._descriptor, driver_side = os.openpty()
        tty.setraw(driver_side)
        link.symlink_to(os.ttyname(driver_side))
        self._held_open = driver_side
        self._answers = {b"\x10\x04": b"\x12", b"\x1dr": b"\x00", b"\x1dVB": at_cut}
        self._after_cut = {b"\x10\x04": real_time, b"\x1dr": in_turn}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        said = b""
        while not said.endswith(b"end"):
            said += os.read(self._descriptor, 4096)
            while found := re.search(rb"\x10\x04[\1-\4]|\x1dr\x01|\x1dVB.", said, re.DOTALL):
                command = found[0][:-1]
                os.write(self._descriptor, self._answers[command])
                if command == b"\x1dVB":
                    self._answers |= self._after_cut
                said = said[found.end() :]

    def stop(self) -> None:
        os.write(self._held_open, b"end")
        self._thread.join()
        os.close(self._held_open)
        os.close(self._descriptor)


@pytest.mark.parametrize(
    ("at_cut", "real_time", "in_turn", "error"),
    [
        (b"", b"\x12", b"\x00", None),
        (b"\x00", b"\x12", b"", PrinterSilent),  # one break of the line is no confirmation
        (b"", b"", b"\x00", PrinterSilent),  # nor is a printer that then is silent
        (b"", b"\x72", b"", PaperOut),  # what it does not say of itself it is asked
        (b"", b"\x72", b"\x00", PaperOut),
    ],
)
def test_what_confirms_a_slip(
    at_cut: bytes, real_time: bytes, in_turn: bytes, error: type[NotPrinted] | None, link: Path
) -> None:
    scripted = Scripted(link, at_cut, real_time, in_turn)
    try:
        with opened(link, SHORT, poll=60) as printer:
            if error is None:
                printer.print_rows(picture(10), WIDTH, 20.0)
            else:
                with pytest.raises(error) as caught:
                    printer.print_rows(picture(10), WIDTH, 4.0)
                assert caught.value.begun
    finally:
        scripted.stop()
