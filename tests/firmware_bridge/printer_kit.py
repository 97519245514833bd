"""What tests of the slip printer share: a driver over its twin, and what the paper shows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from firmware_bridge.devices.printer_escpos import EscPosPrinter
from firmware_bridge.roles import Fault, PrinterCondition
from firmware_bridge.virtual.launch import PrinterTwin

WIDTH = 576
ROW = WIDTH // 8

# Longer than a twin may be kept waiting for a processor; and what a test takes that has to see a silence.
PATIENCE = 10.0
SHORT = 0.3
TIMEOUT = 60.0


def picture(rows: int, seed: int = 1) -> bytes:
    """Dots without rhyme, but for the octets that a slip may have to change."""
    return random.Random(seed).randbytes(rows * ROW).replace(b"\x10", b"\x30")


SLIP = picture(900)


@contextmanager
def opened(link: Path, patience: float = PATIENCE, poll: float = 0.1) -> Iterator[EscPosPrinter]:
    printer = EscPosPrinter("printer1", str(link), patience=patience, poll=poll)
    printer.open()
    try:
        yield printer
    finally:
        printer.close()


def on_paper(slip: Path) -> bytes:
    with Image.open(slip) as image:
        assert (image.mode, image.width) == ("1", WIDTH)
        return bytes(octet ^ 0xFF for octet in image.tobytes())  # a picture's 1 is white


def papers(twin: PrinterTwin) -> list[bytes]:
    return [on_paper(slip) for slip in twin.slips()]


def becomes(condition: PrinterCondition, printer: EscPosPrinter, timeout: float = 60.0) -> bool:
    return until(lambda: printer.condition is condition, timeout)


def until(done: Callable[[], bool], timeout: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def faults(printer: EscPosPrinter) -> list[Fault]:
    return [problem.fault for problem in printer.problems]
