"""Slips: rows of dots that the window has drawn, printed and cut by the device's printer, one at a time."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator

from border_agent.agent.desk import Desk
from border_agent.errors import BorneError
from border_agent.inspection.errors import WrongPhase
from border_agent.inspection.machine import Phase
from firmware_bridge import errors as device
from firmware_bridge.roles import SlipPrinter

WIDEST = 576
"""Dots of an 80 mm printer's head."""
MOST_ROWS = 2000
"""250 mm at 8 dots a millimetre."""
MOST_SLIPS = 3
"""Of one inspection: a lost one may be printed again, a roll not be emptied."""
MOST_BEGUN = 6
"""Of one inspection, those included of which the printer never said that they are done."""
PRINT_SECONDS = 30.0
"""The longest slip takes 13 s on a wire of 115200 baud."""
_REMEMBERED = 200
"""Inspections whose slips are counted; the desk keeps as many that have ended."""

NO_PRINTER = "none"


class SlipsError(BorneError):
    """Base: no slip comes out."""

    code = "printer"


class NoPrinter(SlipsError):
    """This device has no printer."""

    code = "printer.none"


class PrinterBusy(SlipsError):
    """Another slip is being printed."""

    code = "printer.busy"


class PaperOut(SlipsError):
    code = "printer.paper_out"


class CoverOpen(SlipsError):
    code = "printer.cover_open"


class PrinterAbsent(SlipsError):
    """Not there, or not answering."""

    code = "printer.absent"


class PrinterFailed(SlipsError):
    """There, but it did not print."""

    code = "printer.failed"


class SlipRefused(SlipsError):
    """Rows that do not fit this printer's paper."""

    code = "printer.refused"


class SlipsSpent(BorneError):
    """This inspection has had all its slips."""

    code = "slip.spent"


_ERRORS: tuple[tuple[type[device.NotPrinted], type[SlipsError]], ...] = (
    (device.PaperOut, PaperOut),
    (device.CoverOpen, CoverOpen),
    (device.PrinterGone, PrinterAbsent),
    (device.SlipTooLong, SlipRefused),
    (device.SlipMalformed, SlipRefused),
    (device.NotPrinted, PrinterFailed),
)


class _Count:
    """Slips of one inspection."""

    def __init__(self) -> None:
        self.begun = 0
        self.done = 0


class Slips:
    """The printer, and how many slips each inspection has had. Calls may come from any thread."""

    def __init__(self, printer: SlipPrinter | None, desk: Desk) -> None:
        self.printer = printer
        self._desk = desk
        self._printing = threading.Lock()
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    @property
    def condition(self) -> str:
        """How the printer is; `none` where there is none."""
        return self.printer.condition.value if self.printer is not None else NO_PRINTER

    def print_slip(self, inspection: str, rows: bytes, width: int) -> int:
        """Print an inspection's slip and cut it; how many more it may have.

        Raises NoSuchInspection, WrongPhase (before the proposal, or cancelled), SlipsSpent, SlipsError.
        """
        phase = self._desk.case(inspection).phase
        if phase not in (Phase.PROPOSED, Phase.CONFIRMED):
            raise WrongPhase(inspection, phase)
        with self._turn() as printer:
            count = self._counts.setdefault(inspection, _Count())
            while len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)
            if count.done >= MOST_SLIPS or count.begun >= MOST_BEGUN:
                raise SlipsSpent(inspection)
            try:
                printer.print_rows(rows, width, PRINT_SECONDS)
            except device.NotPrinted as error:
                count.begun += error.begun
                raise _told(error) from None
            count.begun += 1
            count.done += 1
            return MOST_SLIPS - count.done

    def print_test(self) -> None:
        """Print a small slip of bars, in which a dead dot of the head shows as a white line. Raises SlipsError."""
        with self._turn() as printer:
            try:
                printer.print_rows(bar_pattern(), WIDEST, PRINT_SECONDS)
            except device.NotPrinted as error:
                raise _told(error) from None

    @contextlib.contextmanager
    def _turn(self) -> Iterator[SlipPrinter]:
        if self.printer is None:
            raise NoPrinter("printer")
        # Nobody queues here: each waiting request would hold a thread that others need.
        if not self._printing.acquire(blocking=False):
            raise PrinterBusy(self.printer.name)
        try:
            yield self.printer
        finally:
            self._printing.release()


def bar_pattern() -> bytes:
    """Full black, bars of 32, 8 and 2 dots: rows as `SlipPrinter` takes them."""
    row = WIDEST // 8
    bars = (b"\xff" * row, b"\xff\xff\xff\xff\x00\x00\x00\x00" * (row // 8), b"\xff\x00" * (row // 2), b"\xcc" * row)
    return b"".join(bar * 24 for bar in bars)


def _told(error: device.NotPrinted) -> SlipsError:
    """What the printer's error is to a client."""
    told = next(told for kind, told in _ERRORS if isinstance(error, kind))
    return told(error.where, error.detail)
