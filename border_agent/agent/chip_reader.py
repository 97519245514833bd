"""The reader of chips: one reading at a time, and its health asked for while nobody reads.

A reading may hang in the driver for seconds after it was cancelled. Whoever reads next waits for a moment, and then
goes on without: a reader that dies is a problem of this device, never an outage.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from border_agent.documents.chip.budget import Allowance
from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipOutcome, ChipProgress, ChipReading, ChipReadPolicy
from border_agent.errors import BorneError
from firmware_bridge.roles import CardReader, DeviceProblem, DeviceState

_log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""From one look at an idle reader to the next."""
BUSY_SECONDS = 3.0
"""How long a reading waits for one that was cancelled to let the reader go."""

Read = Callable[[str, ChipOutcome, float], None]
"""Told of each reading: protocol (or empty), outcome, milliseconds."""


class NoChipReader(BorneError):
    """This device has no chip reader, or it does not work now."""

    code = "chip.no_reader"


class ChipReader:
    """The chip reader of this appliance. Calls may come from any thread."""

    def __init__(self, reader: CardReader) -> None:
        self.problems = 0
        """Problems the driver reported since the start."""
        self.last_problem: DeviceProblem | None = None
        self._reader = reader
        self._told: list[Read] = []
        self._busy = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"chips-{reader.name}", daemon=True)

    @property
    def name(self) -> str:
        return self._reader.name

    @property
    def state(self) -> DeviceState:
        return self._reader.state

    def on_read(self, told: Read) -> None:
        """Tell `told` of every reading that is over, from now on."""
        self._told.append(told)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the reader go; a reading under way ends without a chip."""
        self._ending.set()
        self._reader.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def read(
        self,
        mrz_information: str,
        policy: ChipReadPolicy,
        seconds: float,
        progress: Callable[[ChipProgress], None],
        cancelled: Callable[[], bool],
    ) -> ChipReading:
        """Read the chip that this key opens, within so many seconds from when it lies there.

        Whatever goes wrong is an outcome.
        """
        if not self._busy.acquire(timeout=BUSY_SECONDS):
            return ChipReading(outcome=ChipOutcome.absent, error=NoChipReader.code)
        try:
            if self._reader.state is not DeviceState.ready:
                self._reader.look()
            if self._reader.state is not DeviceState.ready:
                return ChipReading(outcome=ChipOutcome.absent, error=NoChipReader.code)
            reading = read_chip(
                self._reader.card,
                MrzPassword(mrz_information),
                policy=policy,
                allowance=Allowance(seconds=seconds),
                progress=progress,
                cancelled=cancelled,
            )
        finally:
            self._drain()
            self._busy.release()
        for told in self._told:
            told(reading.access, reading.outcome, reading.ms.get("total", 0.0))
        return reading

    def _watch(self) -> None:
        self._reader.open()
        while not self._ending.wait(LOOK_SECONDS):
            if self._busy.acquire(blocking=False):
                try:
                    self._reader.look()
                    self._drain()
                finally:
                    self._busy.release()

    def _drain(self) -> None:
        while self._reader.problems:
            self.last_problem = self._reader.problems.popleft()
            self.problems += 1
            _log.info("chip reader %s: %s", self.name, self.last_problem.code)
