"""The true serial drivers against their twins: the same reading over every kind of bad wire."""

from __future__ import annotations

import logging
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware_bridge.devices.serial_lines import SerialLineReader
from firmware_bridge.devices.serial_mrz import SerialMrzReader
from firmware_bridge.devices.serial_scanner import SerialCodeScanner
from firmware_bridge.errors import DeviceMisconfigured
from firmware_bridge.roles import CodeScanner, DeviceState, DocumentReader, Fault, Reader, Reading
from firmware_bridge.virtual.launch import SerialTwin
from firmware_bridge.virtual.wire import Wire

# The specimens of ICAO 9303 parts 4 and 5, and a code of the length of a signed visa.
TD3 = [b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", b"L898902C36UTO7408122F1204159ZE184226B<<<<<10"]
TD1 = [b"I<UTOD231458907<<<<<<<<<<<<<<<", b"7408122F1204159UTO<<<<<<<<<<<6", b"ERIKSSON<<ANNA<MARIA<<<<<<<<<<"]
CODE = b"RDB1" + b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 8

WIRES = {
    "perfect": Wire(),
    "one byte at a time": Wire(chunk=1),
    "delayed": Wire(chunk=40, gap=0.03),
    "noise before and after": Wire(noise=20, seed=3),
    "lossy": Wire(loss=0.002, seed=11),
    "lossy, noisy, one byte at a time": Wire(loss=0.001, noise=8, chunk=1, seed=5),
}


# Longer than this process or a twin may be kept waiting for a processor in the midst of an emission.
QUIET = 1.0
PATIENCE = 60.0


def mrz_reader(port: Path, quiet: float = QUIET) -> SerialLineReader:
    return SerialMrzReader("mrz1", str(port), quiet=quiet)


def code_scanner(port: Path, quiet: float = QUIET) -> SerialLineReader:
    return SerialCodeScanner("scanner1", str(port), quiet=quiet)


END = (b"\r", b"\n")

# Name: driver, what the device sends, what the reading is.
DEVICES: dict[str, tuple[Callable[..., SerialLineReader], bytes, bytes]] = {
    "passport, CR LF": (mrz_reader, b"\r\n".join(TD3) + b"\r\n", b"\n".join(TD3)),
    "passport, joined, no end": (mrz_reader, b"".join(TD3), b"\n".join(TD3)),
    "card, CR": (mrz_reader, b"\r".join(TD1) + b"\r", b"\n".join(TD1)),
    "code, CR": (code_scanner, CODE + b"\r", CODE),
    "code, no end": (code_scanner, CODE, CODE),
}


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "usb-Maker_Reader_0001-if00"


@pytest.fixture
def twin(link: Path) -> Iterator[SerialTwin]:
    with SerialTwin(link) as running:
        yield running


def until(condition: Callable[[], bool], reader: Reader | None = None, timeout: float = 60.0) -> bool:
    """Wait, reading meanwhile where a device must be watched."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        if reader is None:
            time.sleep(0.01)
        else:
            assert reader.read(0.02) is None
    return True


def drain(reader: Reader, timeout: float) -> list[bytes]:
    readings = []
    while (reading := reader.read(timeout)) is not None:
        readings.append(reading.raw)
    return readings


def collected(reader: Reader, count: int) -> list[bytes]:
    """So many readings, however long a busy machine takes for them, and whatever comes after them."""
    readings = []
    while len(readings) < count:
        reading = reader.read(PATIENCE)
        assert reading is not None, readings
        readings.append(reading.raw)
    return readings + drain(reader, 0.3)


def faults(reader: Reader) -> list[Fault]:
    return [problem.fault for problem in reader.problems]


@pytest.fixture(params=WIRES)
def faulty_twin(request: pytest.FixtureRequest, link: Path) -> Iterator[SerialTwin]:
    """One for each test: what is still on its way when a test ends would be read by the next."""
    with SerialTwin(link, WIRES[request.param]) as running:
        yield running


@pytest.mark.parametrize("device", DEVICES)
def test_a_reading_arrives_whole_or_not_at_all(device: str, faulty_twin: SerialTwin) -> None:
    """There is no acknowledgement: the device repeats (the traveller presents again) until a reading is there."""
    make, sent, expected = DEVICES[device]
    wire = faulty_twin.wire
    reader = make(faulty_twin.link)
    reader.open()
    patience = wire.gap * len(sent) / (wire.chunk or len(sent)) + 0.3 + (0 if sent.endswith(END) else QUIET)
    readings: list[bytes] = []
    for _ in range(40):
        faulty_twin.emit(sent)
        while expected not in readings and (reading := reader.read(patience)) is not None:
            readings.append(reading.raw)
        if expected in readings:
            break
    readings += drain(reader, 0.1)
    assert expected in readings
    if make is code_scanner and wire.loss:
        # A code on this wire has no length and no checksum: a lost byte shows in the seal's signature only.
        assert all(len(found) < len(expected) for found in readings if found != expected)
    else:
        assert set(readings) == {expected}
    assert reader.state is DeviceState.ready
    reader.close()


def test_what_a_reading_carries(link: Path, twin: SerialTwin) -> None:
    reader = mrz_reader(link)
    reader.open()
    before = time.monotonic()
    twin.emit(b"\r".join(TD3) + b"\r", pace=960)
    reading = reader.read(PATIENCE)
    assert reading == Reading(b"\n".join(TD3), "mrz1", reading.at if reading else 0.0)
    assert reading is not None
    # 90 bytes at 960 a second: the twin keeps the pace of a 9600 baud line.
    assert 0.09 <= reading.at - before < 30
    reader.close()


def test_bytes_emitted_before_the_driver_opens_are_not_lost(link: Path, twin: SerialTwin) -> None:
    twin.emit(CODE + b"\r")
    time.sleep(0.2)
    for _ in range(10):
        scanner = code_scanner(link)
        scanner.open()
        reading = scanner.read(PATIENCE)
        assert reading is not None and reading.raw == CODE
        scanner.close()
        twin.emit(CODE + b"\r")


def test_two_codes_in_one_burst_are_two_readings(link: Path, twin: SerialTwin) -> None:
    scanner = code_scanner(link)
    scanner.open()
    twin.emit(b"first code\r\nsecond code\r\n")
    assert collected(scanner, 2) == [b"first code", b"second code"]
    scanner.close()


def test_a_megabyte_in_one_frame_costs_one_report_and_no_memory(
    link: Path, twin: SerialTwin, caplog: pytest.LogCaptureFixture
) -> None:
    scanner = code_scanner(link)
    scanner.open()
    peaks = []
    for _ in range(3):  # the first one also pays for building the command to the twin
        twin.emit(b"x" * 1_000_000 + b"\r" + CODE + b"\r")
        reading = scanner.read(PATIENCE)
        assert reading is not None and reading.raw == CODE
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert faults(scanner) == [Fault.frame_too_long] * 3
    assert [record.levelno for record in caplog.records].count(logging.WARNING) == 1
    assert peaks[2] - peaks[0] < 512  # KiB
    scanner.close()


def test_a_frame_without_end_does_not_hold_a_read_beyond_its_time(link: Path, twin: SerialTwin) -> None:
    reader = mrz_reader(link)
    reader.open()
    twin.emit(b"A" * 200_000, pace=10_000)
    started = time.monotonic()
    assert reader.read(1.5) is None
    assert time.monotonic() - started < 10  # of the twenty that it takes
    assert faults(reader) == [Fault.frame_too_long]
    reader.close()


def test_rubbish_that_goes_on_is_logged_once(link: Path, twin: SerialTwin, caplog: pytest.LogCaptureFixture) -> None:
    scanner = code_scanner(link)
    scanner.open()
    twin.emit(b"\x80rubbish\r" * 200 + CODE + b"\r")
    assert collected(scanner, 1) == [CODE]
    assert len(scanner.problems) == 64
    assert sum("device.not_text" in record.getMessage() for record in caplog.records) == 1
    assert "rubbish" not in caplog.text
    scanner.close()


@pytest.mark.parametrize("device", ["passport, CR LF", "code, CR"])
def test_unplug_in_the_middle_and_replug(
    device: str, link: Path, twin: SerialTwin, caplog: pytest.LogCaptureFixture
) -> None:
    """The device is found again through its link, under another number, by the same driver."""
    caplog.set_level(logging.INFO)
    make, sent, expected = DEVICES[device]
    # A quiet interval longer than the outage: what is unfinished must go because the device went.
    reader = make(link, 60)
    reader.open()
    first_port = link.resolve()
    cut = len(sent) // 3
    twin.emit(sent[:cut])
    twin.emit(sent[cut:], pace=0.05)  # one more byte, and the others under way when the plug is pulled
    assert reader.read(0.3) is None
    held = os.open(first_port, os.O_RDWR | os.O_NOCTTY)  # so that the number is not free again
    twin.unplug()
    assert until(lambda: reader.state is DeviceState.absent, reader)
    started = time.monotonic()
    assert reader.read(0.6) is None
    assert 0.5 < time.monotonic() - started < 15  # a missing device neither raises nor spins

    twin.plug()
    assert link.resolve() != first_port
    assert until(lambda: reader.state is DeviceState.ready, reader)
    twin.emit(sent[cut + 1 :])  # must not complete the first part
    # A code's second part is a line like any other; a passport's is no document.
    assert expected not in collected(reader, 1 if make is code_scanner else 0)
    twin.emit(sent)
    assert collected(reader, 1) == [expected]
    said = [record.getMessage() for record in caplog.records]
    states = [line.split()[3] for line in said if line.startswith(f"device {reader.name} is ")]
    assert states == ["ready", "absent", "ready"]
    reader.close()
    os.close(held)


def test_five_replugs(link: Path, twin: SerialTwin) -> None:
    scanner = code_scanner(link)
    scanner.open()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        twin.unplug()
        assert until(lambda: scanner.state is DeviceState.absent, scanner)
        twin.plug()
        twin.emit(b"code %d\r" % number)
        reading = scanner.read(PATIENCE)
        assert reading is not None and reading.raw == b"code %d" % number
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
    scanner.close()


def test_a_device_that_is_not_there_yet(link: Path, caplog: pytest.LogCaptureFixture) -> None:
    scanner = code_scanner(link)
    assert scanner.state is DeviceState.absent
    assert scanner.read(5) is None  # not opened: at once
    scanner.open()
    assert scanner.state is DeviceState.absent
    assert scanner.read(0.5) is None
    with SerialTwin(link) as twin:
        twin.emit(CODE + b"\r")
        reading = scanner.read(PATIENCE)
    assert reading is not None and reading.raw == CODE
    assert not [record for record in caplog.records if "absent" in record.getMessage()]  # it never changed
    scanner.close()


def test_two_drivers_cannot_share_a_port(link: Path, twin: SerialTwin) -> None:
    first, second = code_scanner(link), code_scanner(link)
    first.open()
    second.open()
    assert (first.state, second.state) == (DeviceState.ready, DeviceState.failed)
    assert second.read(0.5) is None
    assert faults(second) == [Fault.busy]  # several attempts, one report
    first.close()
    assert until(lambda: second.state is DeviceState.ready, second)
    second.close()


def test_what_is_no_serial_port_is_failed_not_absent(link: Path) -> None:
    link.write_bytes(b"")
    scanner = code_scanner(link)
    scanner.open()
    states = [scanner.state]
    assert faults(scanner) == [Fault.unusable]
    scanner.close()
    states.append(scanner.state)
    assert states == [DeviceState.failed, DeviceState.absent]


@pytest.mark.parametrize("plugged", [True, False])
def test_close_from_another_thread_ends_a_read(plugged: bool, link: Path, twin: SerialTwin) -> None:
    if not plugged:
        twin.unplug()
    scanner = code_scanner(link)
    scanner.open()
    results: list[Reading | None] = []
    thread = threading.Thread(target=lambda: results.append(scanner.read(30)))
    thread.start()
    time.sleep(0.2)
    started = time.monotonic()
    scanner.close()
    thread.join(20)
    assert results == [None]
    assert time.monotonic() - started < 15  # of the thirty
    scanner.close()  # again: nothing

    if not plugged:
        twin.plug()
    scanner.open()
    twin.emit(CODE + b"\r")
    reading = scanner.read(PATIENCE)
    assert reading is not None and reading.raw == CODE
    scanner.close()


@pytest.mark.parametrize("settings", [{"port": ""}, {"port": "/dev/x", "baudrate": 12345}])
def test_impossible_settings_are_errors(settings: dict[str, object]) -> None:
    with pytest.raises(DeviceMisconfigured) as caught:
        SerialCodeScanner("scanner1", **settings)  # type: ignore[arg-type]
    assert caught.value.code == "device.misconfigured"


def test_the_drivers_fill_their_roles(link: Path) -> None:
    document_reader: DocumentReader = mrz_reader(link)
    scanner: CodeScanner = code_scanner(link)
    assert (document_reader.name, scanner.name) == ("mrz1", "scanner1")
