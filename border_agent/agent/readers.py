"""A thread for each serial device that only reads and hands on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from firmware_bridge.roles import DeviceProblem, Reader, Reading

_log = logging.getLogger(__name__)

READ_SECONDS = 0.5


class ReaderThread:
    """Reads one device for as long as the agent runs; the driver itself copes with unplugging."""

    def __init__(self, reader: Reader, deliver: Callable[[Reading], None]) -> None:
        self.reader = reader
        self.problems = 0
        """Problems the driver reported since the start."""
        self.last_problem: DeviceProblem | None = None
        self._deliver = deliver
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"reader-{reader.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self.reader.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        self.reader.open()
        while not self._ending.is_set():
            reading = self.reader.read(READ_SECONDS)
            while self.reader.problems:
                self.last_problem = self.reader.problems.popleft()
                self.problems += 1
            if reading is not None:
                self._deliver(reading)
