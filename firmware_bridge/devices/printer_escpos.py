"""Slip printers that speak ESC/POS on a serial port (RS-232, or USB as a virtual port).

Wire format: 8 data bits, no parity, 1 stop bit; commands and answers as in `framing/escpos.py`. The printer must
answer DLE EOT and GS r; it may know automatic status back, which tells of an empty roll while the wire is blocked.

When a slip is printed: the printer has answered GS r, which stands behind the cut, and then DLE EOT without any
trouble. DLE EOT alone proves nothing, it is answered while half of the slip still waits in the printer.

When it is not, it must not come out later either: the next traveller stands there. So what the printer has not
printed is cleared; and before the next slip an unfinished picture is brought to its end and what hangs out is cut.
"""

from __future__ import annotations

import threading
import time

from firmware_bridge.devices.condition import Condition
from firmware_bridge.devices.escpos_dialogue import Dialogue, trouble
from firmware_bridge.devices.serial_link import SerialLink
from firmware_bridge.errors import (
    CoverOpen,
    DeviceMisconfigured,
    NotPrinted,
    PaperOut,
    PrinterFailed,
    PrinterGone,
    PrinterSilent,
    SlipMalformed,
    SlipTooLong,
)
from firmware_bridge.framing.escpos import AUTOMATIC_STATUS, FEED_AND_CUT, INITIALIZE, raster_slip, rest_of_band
from firmware_bridge.roles import DeviceState, Fault, PrinterCondition

MAX_ROWS = 4000
"""Half a metre of paper at 8 dots a millimetre."""
MAX_DOTS = 2048

_ABSENT_POLL = 0.25
_RESTART = 5.0  # seconds, and what the wire needs for the bytes
_ABANDON = 0.2
_LATE = 1.5  # seconds between an answer to a question before a broken picture's end and its cut, and the one after

_CONDITIONS: dict[type[NotPrinted], PrinterCondition] = {
    PaperOut: PrinterCondition.paper_out,
    CoverOpen: PrinterCondition.cover_open,
    PrinterFailed: PrinterCondition.failed,
    PrinterSilent: PrinterCondition.failed,
}
_STATES = {PrinterCondition.absent: DeviceState.absent, PrinterCondition.failed: DeviceState.failed}


class EscPosPrinter:
    """A slip printer. A thread of its own looks at it about every second. See `firmware_bridge.roles.SlipPrinter`."""

    def __init__(
        self,
        name: str,
        port: str,
        baudrate: int = 115200,
        *,
        dots: int = 576,
        poll: float = 1.0,
        patience: float = 1.0,
        rtscts: bool = False,
    ) -> None:
        """`dots`: printable dots a row. Seconds: `poll` between two looks, `patience` for an answer. `rtscts`: the
        printer stops the wire by CTS when its buffer is full. Raises DeviceMisconfigured.
        """
        if dots % 8 or not 8 <= dots <= MAX_DOTS:
            raise DeviceMisconfigured(name, f"no paper is {dots} dots wide")
        self._condition = Condition(name)
        self.problems = self._condition.problems
        self._link = SerialLink(port, baudrate, self._condition, rtscts)
        self._dialogue = Dialogue(self._link, self._condition, patience)
        self._dots = dots
        self._row_bytes = dots // 8
        self._poll = poll
        self._restart_time = _RESTART + 10 * len(rest_of_band(self._row_bytes)) / baudrate
        self._turn = threading.Lock()  # held while the printer is spoken to
        self._life = threading.Lock()  # held while it is opened or closed
        self._ending = threading.Event()
        self._watcher: threading.Thread | None = None
        self._seen = PrinterCondition.absent  # while the port is usable
        self._doubtful = True  # the printer may hold something of an earlier slip
        self._interrupted = False  # and some of it may hang out

    @property
    def name(self) -> str:
        return self._condition.name

    @property
    def condition(self) -> PrinterCondition:
        match self._condition.state:
            case DeviceState.absent:
                return PrinterCondition.absent
            case DeviceState.failed:
                return PrinterCondition.failed
        return self._seen

    @property
    def state(self) -> DeviceState:
        return _STATES.get(self.condition, DeviceState.ready)

    def open(self) -> None:
        """Look for the printer, and at it if it is there (a silent one takes twice `patience`), and watch it."""
        with self._life:
            if self._watcher is not None:
                return
            self._ending = threading.Event()
            self._link.open()
            with self._turn:
                self._look()
            self._watcher = threading.Thread(
                target=self._watch, args=(self._ending,), name=f"printer-{self.name}", daemon=True
            )
            self._watcher.start()

    def close(self) -> None:
        self._ending.set()
        self._link.close()  # first: it ends what holds the locks
        with self._life:
            self._ending.set()  # again: it may have been opened meanwhile
            self._link.close()
            if self._watcher is not None:
                self._watcher.join()
                self._watcher = None

    def print_rows(self, rows: bytes, width: int, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        if width != self._dots or not rows or len(rows) % self._row_bytes:
            raise SlipMalformed(self.name, f"{len(rows)} bytes of rows of {width} dots")
        if len(rows) > MAX_ROWS * self._row_bytes:
            raise SlipTooLong(self.name, f"{len(rows) // self._row_bytes} rows of at most {MAX_ROWS}")
        if not self._turn.acquire(timeout=max(0.0, timeout)):
            raise PrinterSilent(self.name, "another slip is printing")
        try:
            self._make_ready(deadline)
            self._print(rows, deadline)
            self._note(None)
        except PrinterSilent:  # the time may have been too short: whether it is silent is for the watcher to say
            raise
        except NotPrinted as error:
            self._note(error)
            raise
        finally:
            self._turn.release()

    def _print(self, rows: bytes, deadline: float) -> None:
        self._doubtful = self._interrupted = True
        try:
            for piece in raster_slip(rows, self._row_bytes):
                self._dialogue.send(piece, deadline, watchful=True)
            self._dialogue.wait_until_done(deadline)
            self._require_ready(deadline)
        except NotPrinted as error:
            error.begun = True
            self._abandon()
            raise
        self._doubtful = self._interrupted = False

    def _abandon(self) -> None:
        self._link.discard()
        try:
            self._dialogue.clear(time.monotonic() + _ABANDON)
        except NotPrinted:  # then before the next slip
            pass

    def _watch(self, ending: threading.Event) -> None:
        while not ending.wait(self._poll if self._link.connected else _ABSENT_POLL):
            with self._turn:
                if not ending.is_set():
                    self._look()

    def _look(self) -> None:
        try:
            self._make_ready(time.monotonic() + 60)  # bounded by the patience with each question
        except NotPrinted as error:
            self._note(error)

    def _make_ready(self, deadline: float) -> None:
        """Return when a slip may be sent; raise what keeps it from that."""
        if self._dialogue.connect():
            self._doubtful = True
        try:
            self._require_ready(deadline)
        except PrinterSilent as silence:
            # A stopped printer with a full buffer takes no question; if it has said why, that is the answer.
            raise trouble(self.name, self._dialogue.status) or silence from None
        if self._doubtful:
            self._restart(min(deadline, time.monotonic() + self._restart_time))
        self._note(None)

    def _require_ready(self, deadline: float) -> None:
        if (found := trouble(self.name, self._dialogue.ask(deadline))) is not None:
            raise found

    def _restart(self, deadline: float) -> None:
        """Leave nothing of an earlier slip in the printer, nor hanging out of it."""
        interrupted = self._interrupted
        self._dialogue.clear(deadline)
        cut = FEED_AND_CUT if interrupted else b""
        self._dialogue.send(rest_of_band(self._row_bytes) + INITIALIZE + AUTOMATIC_STATUS + cut, deadline)
        self._interrupted = False  # one cut, even if its confirmation is lost
        self._dialogue.wait_until_done(deadline)
        if interrupted:
            self._dialogue.settle(_LATE)
        self._doubtful = False

    def _note(self, error: NotPrinted | None) -> None:
        """Keep what has been seen; what is wrong is reported when it is new."""
        if error is None:
            self._condition.become(DeviceState.ready)
            status = self._dialogue.status
            self._seen = status.condition if status is not None else PrinterCondition.ready
            return
        if isinstance(error, PrinterGone) or not self._link.connected:  # the link says so itself
            self._seen = PrinterCondition.absent
            return
        before, seen = self.condition, _CONDITIONS.get(type(error), PrinterCondition.failed)
        self._seen = seen
        if seen is PrinterCondition.failed:
            self._condition.become(DeviceState.failed, error.detail)
        else:
            self._condition.become(DeviceState.ready)
        if seen is not before:
            self._condition.report(Fault(error.code), error.detail)
