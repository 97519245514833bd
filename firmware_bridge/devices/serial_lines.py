"""The common part of readers that send lines: link, framer, assembler, and the silence that ends a line."""

from __future__ import annotations

import time
from collections import deque

from firmware_bridge.devices.condition import Condition
from firmware_bridge.devices.serial_link import SerialLink
from firmware_bridge.framing.frames import Assembler, FrameError
from firmware_bridge.framing.lines import LineFramer
from firmware_bridge.roles import DeviceState, Reading


class SerialLineReader:
    """A reader on a serial port whose readings are made of lines. See `firmware_bridge.roles.Reader`."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        baudrate: int,
        framer: LineFramer,
        assembler: Assembler,
        quiet: float,
    ) -> None:
        """`quiet`: seconds of silence that end a line without an end mark, and a document that lacks lines.

        It must be longer than any pause the device makes within a reading. Raises DeviceMisconfigured.
        """
        self._condition = Condition(name)
        self.problems = self._condition.problems
        self._link = SerialLink(port, baudrate, self._condition)
        self._framer = framer
        self._assembler = assembler
        self._quiet = quiet
        self._generation = 0
        self._heard: float | None = None  # when the last byte came that no silence has followed yet
        self._readings: deque[Reading] = deque()  # those of one receive(), so bounded by its size

    @property
    def name(self) -> str:
        return self._condition.name

    @property
    def state(self) -> DeviceState:
        return self._condition.state

    def open(self) -> None:
        self._link.open()

    def close(self) -> None:
        self._link.close()

    def read(self, timeout: float) -> Reading | None:
        deadline = time.monotonic() + timeout
        while self._link.is_open:
            if self._readings:
                return self._readings.popleft()
            until = deadline if self._heard is None else min(deadline, self._heard + self._quiet)
            data = self._link.receive(max(0.0, until - time.monotonic()))
            now = time.monotonic()
            if self._link.generation != self._generation:
                self._start_over()
            if data:
                self._heard = now
                self._deliver(self._framer.feed(data), now)
            elif self._heard is not None and now >= self._heard + self._quiet:
                ended, self._heard = self._heard, None
                self._deliver(self._framer.idle(), ended)
                self._tell(self._assembler.quiet(), ended)
            if now >= deadline and not self._readings:
                return None
        return None

    def _start_over(self) -> None:
        """The device went or came: half a reading from before must not meet half a reading from after."""
        self._generation = self._link.generation
        self._framer.reset()
        self._assembler.reset()
        self._heard = None

    def _deliver(self, lines: list[bytes | FrameError], at: float) -> None:
        for line in lines:
            if isinstance(line, FrameError):
                self._tell([line], at)
                self._tell(self._assembler.quiet(), at)  # a dropped line breaks a document, too
            else:
                self._tell(self._assembler.add(line), at)

    def _tell(self, results: list[bytes | FrameError], at: float) -> None:
        for result in results:
            if isinstance(result, FrameError):
                self._condition.report(result.fault, result.detail)
            else:
                self._readings.append(Reading(result, self.name, at))
