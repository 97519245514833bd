"""Questions to an ESC/POS printer and its answers, over a link that comes and goes.

Everything here ends by its deadline, in a NotPrinted if need be. A question whose answer was lost is asked again:
that costs nothing. Nothing that prints is ever sent again.
"""

from __future__ import annotations

import contextlib
import time

from firmware_bridge.devices.condition import Condition
from firmware_bridge.devices.serial_link import SerialLink
from firmware_bridge.errors import CoverOpen, NotPrinted, PaperOut, PrinterFailed, PrinterGone, PrinterSilent
from firmware_bridge.framing.escpos import (
    CLEAR_BUFFERS,
    REAL_TIME_STATUS,
    TRANSMIT_STATUS,
    AnswerParser,
    Cleared,
    PrinterStatus,
    RealTimeAnswer,
    TurnAnswer,
)
from firmware_bridge.roles import DeviceState, PrinterCondition

PIECE = 4096
"""Bytes handed over before the printer is listened to again."""

_PORT_QUEUE = 4096  # bytes a serial port may hold before the wire: a question waits behind them
_TRIES = 2
_TURNS = 2  # a broken line delivers a 00, which looks like an answer to GS r; two of them one by one do not happen
_BLOCKED = 0.02  # seconds; a pseudo-terminal does not wake who waits to write
_LOOK = 0.5
_ASK_AGAIN = 1.0
_CLEARING = 0.3


def trouble(name: str, status: PrinterStatus | None) -> NotPrinted | None:
    """What in this status keeps a slip from being printed."""
    if status is None:
        return None
    match status.condition:
        case PrinterCondition.paper_out:
            return PaperOut(name)
        case PrinterCondition.cover_open:
            return CoverOpen(name)
        case PrinterCondition.failed:
            return PrinterFailed(name, status.error or "off-line")
        case _:
            return None


class Dialogue:
    """One thread at a time."""

    def __init__(self, link: SerialLink, condition: Condition, patience: float) -> None:
        self.status: PrinterStatus | None = None
        """The newest of this connection, asked for or not."""
        self._link = link
        self._condition = condition
        self._name = condition.name
        self._patience = patience + _PORT_QUEUE * 10 / link.baudrate
        self._parser = AnswerParser()
        self._generation = -1
        self._real_time: list[int] = []  # answers to the question under way
        self._turn = False
        self._cleared = False

    def connect(self) -> bool:
        """Look for the printer where it is away and it is time to; True when this is a new connection."""
        data = self._link.receive(0.0)
        if not self._link.connected:
            if self._condition.state is DeviceState.failed:
                raise PrinterFailed(self._name, "port not usable")
            raise PrinterGone(self._name)
        new = self._link.generation != self._generation
        if new:
            self._generation = self._link.generation
            self._parser.idle()
            self.status = None
        self._hear(data)
        return new

    def ask(self, deadline: float) -> PrinterStatus:
        """The status of this moment. Raises PrinterSilent, PrinterGone."""
        octets = []
        for question in REAL_TIME_STATUS:
            octet = self._ask(question, deadline)
            if octet is None:
                raise PrinterSilent(self._name, "no answer to DLE EOT")
            octets.append(octet)
        self.status = PrinterStatus.from_real_time(*octets)
        return self.status

    def send(self, data: bytes, deadline: float, watchful: bool = False) -> None:
        """Hand everything over. `watchful`: stop as soon as the printer says of itself that it cannot print."""
        rest = memoryview(data)
        while rest:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise PrinterSilent(self._name, "does not take what is sent")
            rest = rest[self._link.send(rest[:PIECE], min(_BLOCKED, remaining)) :]
            self._listen(0.0)
            if watchful:
                self._raise_trouble()

    def wait_until_done(self, deadline: float) -> None:
        """Return when the printer has done everything sent so far; raise what keeps it from that."""
        for _ in range(_TURNS):
            self._turn = False
            asked = 0.0
            while not self._turn:
                self._raise_trouble()
                now = time.monotonic()
                if now >= deadline:
                    raise PrinterSilent(self._name, "not confirmed in time")
                if now >= asked + _ASK_AGAIN:
                    if asked:
                        # It is slow, or stopped and has not said why, or its answer was lost. No answer now says
                        # little, what was sent may still stand before the question: the deadline decides.
                        with contextlib.suppress(PrinterSilent):
                            self.ask(deadline)
                    self.send(TRANSMIT_STATUS, deadline, watchful=True)
                    asked = time.monotonic()
                if not self._turn:
                    self._listen(min(_LOOK, max(0.0, deadline - time.monotonic())))

    def clear(self, deadline: float) -> None:
        """Have the printer forget what it has not printed. Not every printer can, nor says so."""
        self._cleared = False
        self.send(CLEAR_BUFFERS, deadline)
        until = min(deadline, time.monotonic() + _CLEARING)
        while not self._cleared and time.monotonic() < until:
            self._listen(until - time.monotonic())

    def settle(self, seconds: float) -> None:
        """Let late answers to earlier questions come and go."""
        until = time.monotonic() + seconds
        while (remaining := until - time.monotonic()) > 0:
            self._listen(remaining)

    def _ask(self, question: bytes, deadline: float) -> int | None:
        for _ in range(_TRIES):
            self._listen(0.0)
            self._real_time.clear()
            until = min(deadline, time.monotonic() + self._patience)
            self.send(question, until)
            while not self._real_time and (remaining := until - time.monotonic()) > 0:
                self._listen(remaining)
            if self._real_time:
                return self._real_time[0]
        return None

    def _raise_trouble(self) -> None:
        if (found := trouble(self._name, self.status)) is not None:
            raise found

    def _listen(self, timeout: float) -> None:
        data = self._link.receive(timeout)
        if not self._link.is_open:
            raise PrinterGone(self._name, "closed")
        if not self._link.connected or self._link.generation != self._generation:
            raise PrinterGone(self._name, "unplugged")
        if data:
            self._hear(data)
        elif timeout > 0:
            self._parser.idle()

    def _hear(self, data: bytes) -> None:
        for answer in self._parser.feed(data):
            match answer:
                case RealTimeAnswer(octet):
                    self._real_time = self._real_time or [octet]
                case TurnAnswer():
                    self._turn = True
                case Cleared():
                    self._cleared = True
                case PrinterStatus():
                    self.status = answer
