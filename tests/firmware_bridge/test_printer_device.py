"""The true printer driver against its twin: every slip on paper as it was given, once, over every wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from printer_kit import (
    PATIENCE,
    ROW,
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

from firmware_bridge.devices.printer_escpos import MAX_ROWS, EscPosPrinter
from firmware_bridge.errors import (
    DeviceMisconfigured,
    NotPrinted,
    PrinterFailed,
    PrinterGone,
    PrinterSilent,
    SlipMalformed,
    SlipTooLong,
)
from firmware_bridge.framing.escpos import BAND_ROWS
from firmware_bridge.roles import DeviceState, Fault, PrinterCondition, SlipPrinter
from firmware_bridge.virtual.launch import PrinterTwin
from firmware_bridge.virtual.wire import Wire

WIRES = {
    "perfect": Wire(),
    "one byte at a time": Wire(chunk=1, gap=0.002),
    "delayed": Wire(chunk=2, gap=0.03),
    "noise before and after": Wire(noise=20, seed=3),
    "lossy": Wire(loss=0.05, seed=11),
    "lossy, noisy, one byte at a time": Wire(loss=0.02, noise=8, chunk=1, seed=5),
}


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "usb-Maker_Printer_0001-if00"


@pytest.fixture
def twin(link: Path, tmp_path: Path) -> Iterator[PrinterTwin]:
    with PrinterTwin(link, tmp_path / "slips") as running:
        yield running


@pytest.mark.parametrize("wire", WIRES)
def test_a_slip_is_printed_whole_over_every_wire(wire: str, link: Path, tmp_path: Path) -> None:
    # A lost answer costs its patience: short where answers are lost.
    patience = 1.5 if WIRES[wire].loss else PATIENCE
    with PrinterTwin(link, tmp_path / "slips", WIRES[wire]) as twin, opened(link, patience) as printer:
        asked = 0
        for number in range(3):
            rows = picture(300, number)
            for _ in range(5):
                try:
                    asked += 1
                    printer.print_rows(rows, WIDTH, TIMEOUT)
                except PrinterSilent:  # the caller decides; this one tries again
                    assert WIRES[wire].loss
                else:
                    break
            assert papers(twin)[-1] == rows
        assert 3 <= len(twin.slips()) <= asked
        assert until(lambda: printer.state is DeviceState.ready)


@pytest.mark.parametrize("rows", [1, BAND_ROWS - 1, BAND_ROWS, BAND_ROWS + 1, MAX_ROWS])
def test_slips_of_every_length(rows: int, link: Path, twin: PrinterTwin) -> None:
    with opened(link) as printer:
        printer.print_rows(picture(rows), WIDTH, TIMEOUT)
        assert papers(twin) == [picture(rows)]


def test_an_octet_that_the_printer_would_obey_gets_another_dot(link: Path, twin: PrinterTwin) -> None:
    rows = b"\x10\x04\x01\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08".ljust(ROW, b"\xff")
    with opened(link) as printer:
        printer.print_rows(rows, WIDTH, TIMEOUT)
    assert papers(twin) == [b"\x18\x04\x01\x18\x14\x08\x01\x03\x14\x01\x06\x02\x08".ljust(ROW, b"\xff")]


def test_printed_means_cut_not_sent(link: Path, tmp_path: Path) -> None:
    """The wire takes everything long before the paper has it, and the printer answers DLE EOT all the while."""
    rows = picture(150)  # 10800 bytes: what the terminal and the printer's buffer hold
    with PrinterTwin(link, tmp_path / "slips", speed=100) as twin, opened(link) as printer:
        for number in (1, 2):
            started = time.monotonic()
            printer.print_rows(rows, WIDTH, TIMEOUT)
            assert time.monotonic() - started > 1.3
            assert len(twin.slips()) == number
        assert papers(twin) == [rows, rows]


def test_a_slip_that_takes_too_long_does_not_come_out_later(link: Path, tmp_path: Path) -> None:
    with PrinterTwin(link, tmp_path / "slips", speed=200) as twin, opened(link) as printer:
        started = time.monotonic()
        with pytest.raises(PrinterSilent) as caught:
            printer.print_rows(SLIP, WIDTH, 1.0)  # of the 4.5 s
        assert caught.value.begun
        assert time.monotonic() - started < 3.0
        assert until(lambda: len(twin.slips()) == 1)  # cut off
        (torn,) = papers(twin)
        assert torn != SLIP and SLIP.startswith(torn[: 100 * ROW])
        printer.print_rows(picture(100), WIDTH, TIMEOUT)
        assert papers(twin)[1:] == [picture(100)]


def test_no_time_at_all(link: Path, twin: PrinterTwin) -> None:
    with opened(link) as printer:
        with pytest.raises(PrinterSilent) as caught:
            printer.print_rows(SLIP, WIDTH, 0.0)
        assert not caught.value.begun
        assert printer.condition is PrinterCondition.ready  # it was the caller's time, not the printer's silence
        printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert papers(twin) == [SLIP]


# --- unplugging


def test_unplug_in_the_middle_and_replug(link: Path, twin: PrinterTwin) -> None:
    with opened(link) as printer:
        twin.unplug_after(300)
        with pytest.raises(PrinterGone) as caught:
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert caught.value.begun
        assert (printer.condition, printer.state) == (PrinterCondition.absent, DeviceState.absent)
        with pytest.raises(PrinterGone) as caught:
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert not caught.value.begun
        twin.plug()
        assert becomes(PrinterCondition.ready, printer)
        printer.print_rows(SLIP, WIDTH, TIMEOUT)
        torn, whole = papers(twin)
        assert whole == SLIP
        assert torn != SLIP and SLIP.startswith(torn[: 300 * ROW])


def test_five_replugs_are_seen_by_a_printer_that_nobody_uses(link: Path, twin: PrinterTwin) -> None:
    with opened(link) as printer:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            twin.unplug()
            assert becomes(PrinterCondition.absent, printer)
            twin.plug()
            assert becomes(PrinterCondition.ready, printer)
        assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
        printer.print_rows(SLIP, WIDTH, TIMEOUT)
        assert papers(twin) == [SLIP]
        assert printer.state is DeviceState.ready


def test_a_printer_that_is_not_there_yet(link: Path, tmp_path: Path) -> None:
    with opened(link) as printer:
        assert (printer.condition, printer.state) == (PrinterCondition.absent, DeviceState.absent)
        with pytest.raises(PrinterGone):
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        with PrinterTwin(link, tmp_path / "slips") as twin:
            assert becomes(PrinterCondition.ready, printer)
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
            assert papers(twin) == [SLIP]
        assert becomes(PrinterCondition.absent, printer)


# --- several at once, opening and closing


def test_two_drivers_cannot_share_a_port(link: Path, twin: PrinterTwin) -> None:
    with opened(link) as first, opened(link) as second:
        assert (first.condition, second.condition) == (PrinterCondition.ready, PrinterCondition.failed)
        with pytest.raises(PrinterFailed) as caught:
            second.print_rows(SLIP, WIDTH, TIMEOUT)
        assert not caught.value.begun
        first.print_rows(SLIP, WIDTH, TIMEOUT)
        assert faults(second) == [Fault.busy]
        first.close()
        assert becomes(PrinterCondition.ready, second)
        second.print_rows(picture(50), WIDTH, TIMEOUT)
    assert papers(twin) == [SLIP, picture(50)]


def test_slips_of_several_threads_come_out_one_by_one(link: Path, twin: PrinterTwin) -> None:
    slips = [picture(200, seed) for seed in range(4)]
    with opened(link) as printer:
        threads = [threading.Thread(target=printer.print_rows, args=(slip, WIDTH, TIMEOUT)) for slip in slips]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(papers(twin)) == sorted(slips)


def test_close_from_another_thread_ends_a_slip(link: Path, tmp_path: Path) -> None:
    with PrinterTwin(link, tmp_path / "slips", speed=100) as twin, opened(link) as printer:
        caught: list[NotPrinted] = []

        def printing() -> None:
            try:
                printer.print_rows(SLIP, WIDTH, TIMEOUT)
            except NotPrinted as error:
                caught.append(error)

        thread = threading.Thread(target=printing)
        thread.start()
        time.sleep(0.5)
        started = time.monotonic()
        printer.close()
        thread.join(15)
        assert time.monotonic() - started < 8  # of the nine
        assert [type(error) for error in caught] == [PrinterGone] and caught[0].begun
        assert printer.condition is PrinterCondition.absent
        with pytest.raises(PrinterGone):
            printer.print_rows(SLIP, WIDTH, TIMEOUT)
        printer.close()  # again: nothing
        printer.open()
        printer.open()  # likewise
        printer.print_rows(picture(20), WIDTH, TIMEOUT)
        assert papers(twin)[-1] == picture(20)
    assert not [thread for thread in threading.enumerate() if thread.name == "printer-printer1"]


# --- what cannot be printed


@pytest.mark.parametrize(
    ("rows", "width", "error"),
    [
        (b"", WIDTH, SlipMalformed),
        (bytes(ROW - 1), WIDTH, SlipMalformed),
        (bytes(ROW), 384, SlipMalformed),
        (bytes(48), 384, SlipMalformed),
        (bytes(ROW), 0, SlipMalformed),
        (bytes(ROW * (MAX_ROWS + 1)), WIDTH, SlipTooLong),
    ],
)
def test_what_is_no_slip_is_refused(rows: bytes, width: int, error: type[NotPrinted], link: Path) -> None:
    printer: SlipPrinter = EscPosPrinter("printer1", str(link))
    with pytest.raises(error) as caught:
        printer.print_rows(rows, width, TIMEOUT)
    assert not caught.value.begun


@pytest.mark.parametrize("settings", [{"dots": 570}, {"dots": 0}, {"dots": 80_000}, {"baudrate": 12345}])
def test_impossible_settings_are_errors(settings: dict[str, int]) -> None:
    with pytest.raises(DeviceMisconfigured):
        EscPosPrinter("printer1", "/dev/x", **settings)  # type: ignore[arg-type]


def test_narrow_paper_and_hardware_flow_control(link: Path, tmp_path: Path) -> None:
    with PrinterTwin(link, tmp_path / "slips", dots=384) as twin:
        printer = EscPosPrinter("printer1", str(link), 9600, dots=384, rtscts=True)
        printer.open()
        printer.print_rows(bytes(range(48)).replace(b"\x10", b"\x30"), 384, TIMEOUT)
        printer.close()
        with Image.open(twin.slips()[0]) as image:
            assert image.size == (384, 1)
