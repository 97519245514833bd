"""A serial port that comes and goes: pyserial with re-opening, and reads and writes that can be ended.

The port is a path, best one under `/dev/serial/by-id/`, which names the device and not the order of plugging. It
is resolved anew at every attempt, so a device that comes back under another number is found.

Unplugging shows as `serial.SerialException` or another `OSError` out of a read, or as a hang-up in `poll`. Modem
lines are left alone: USB adapters and pseudo-terminals differ in which they have.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import termios
import threading
import time

import serial

from firmware_bridge.devices.condition import Backoff, Condition
from firmware_bridge.errors import DeviceMisconfigured
from firmware_bridge.roles import DeviceState, Fault

READ_SIZE = 4096
"""Most bytes taken at once; bounds what one read can add to memory."""

_GONE = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO, errno.ENOTDIR})
_FAULTS = {
    errno.EACCES: Fault.not_permitted,
    errno.EPERM: Fault.not_permitted,
    errno.EBUSY: Fault.busy,
    errno.EAGAIN: Fault.busy,
}


class SerialLink:
    """Bytes from and to a port, whether or not it is there. One thread reads and writes; any thread may close."""

    def __init__(self, port: str, baudrate: int, condition: Condition, rtscts: bool = False) -> None:
        """`rtscts`: the device stops what is sent by the CTS line, where the cable has one.

        Raises DeviceMisconfigured for an empty port or a baud rate that serial ports do not have.
        """
        if not port:
            raise DeviceMisconfigured(condition.name, "no port given")
        if baudrate not in serial.Serial.BAUDRATES:
            raise DeviceMisconfigured(condition.name, f"no such baud rate: {baudrate}")
        self.port = port
        self.baudrate = baudrate
        self._rtscts = rtscts
        self.generation = 0
        """Counts every opening and every loss: when it changes, an unfinished frame is void."""
        self._condition = condition
        self._backoff = Backoff()
        self._serial: serial.Serial | None = None
        self._guard = threading.Lock()  # held while the port is used
        self._closer = threading.Lock()  # held by the one who closes
        self._closing = False
        self._wake: int | None = None  # an eventfd that ends a wait; None while closed

    @property
    def is_open(self) -> bool:
        """Between `open()` and `close()`, whether or not the device is there."""
        return self._wake is not None and not self._closing

    @property
    def connected(self) -> bool:
        """Whether the device is there, as last seen."""
        return self._serial is not None

    def open(self) -> None:
        with self._guard:
            if self._wake is not None:
                return
            self._closing = False
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self._attempt()

    def close(self) -> None:
        with self._closer:
            if self._wake is None:
                return
            self._closing = True
            os.eventfd_write(self._wake, 1)
            with self._guard:
                os.close(self._wake)
                self._wake = None
                self._release()
                self._condition.become(DeviceState.absent, "closed", logging.INFO)

    def receive(self, timeout: float) -> bytes:
        """What has arrived, up to READ_SIZE bytes; empty after `timeout` seconds, on loss, and when closed."""
        deadline = time.monotonic() + timeout
        with self._guard:
            if self._closing or self._wake is None:
                return b""
            while self._serial is None:
                until = min(deadline, self._backoff.due)
                if self._wait(self._wake, until) or self._closing:
                    return b""
                if time.monotonic() >= self._backoff.due:
                    self._attempt()
                elif time.monotonic() >= deadline:
                    return b""
            return self._take(self._serial, self._wake, deadline)

    def send(self, data: bytes | memoryview, timeout: float) -> int:
        """Hand over what the port takes at once, if it takes anything within `timeout` seconds; how many bytes.

        None on loss, and when closed. Does not look for a device that is not there: `receive()` does.
        """
        deadline = time.monotonic() + timeout
        with self._guard:
            if self._closing or self._wake is None or self._serial is None:
                return 0
            try:
                port = self._serial.fileno()
                if not self._wait(self._wake, deadline, port, select.POLLOUT) or self._closing:
                    return 0
                return os.write(port, data)
            except BlockingIOError:
                return 0
            except OSError as error:
                self._lost(error)
                return 0

    def discard(self) -> None:
        """Drop what was handed over and has not left yet."""
        with self._guard:
            if self._serial is not None:
                self._drop_unsent(self._serial)

    def _take(self, port: serial.Serial, wake: int, deadline: float) -> bytes:
        try:
            if not self._wait(wake, deadline, port.fileno()) or self._closing:
                return b""
            data: bytes = port.read(READ_SIZE)
        except OSError as error:  # serial.SerialException is one
            self._lost(error)
            return b""
        if data:
            self._backoff.succeeded()
        return data

    def _wait(self, wake: int, until: float, port: int | None = None, event: int = select.POLLIN) -> bool:
        """Wait for the port (or for `close()`); False when the time is up."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        if port is not None:
            poll.register(port, event)
        return bool(poll.poll(max(0.0, until - time.monotonic()) * 1000))

    def _attempt(self) -> None:
        try:
            # Time-out 0: waiting is ours. Exclusive: two processes that share a reader each get half a document.
            self._serial = serial.Serial(self.port, self.baudrate, timeout=0, exclusive=True, rtscts=self._rtscts)
        except (OSError, ValueError) as error:
            self._backoff.failed()
            number = error.errno if isinstance(error, OSError) else None
            if number in _GONE:
                self._condition.become(DeviceState.absent, os.strerror(number or 0))
                return
            detail = os.strerror(number) if number else str(error)
            if self._condition.become(DeviceState.failed, detail):
                self._condition.report(_FAULTS.get(number or 0, Fault.unusable), detail)
            return
        self.generation += 1
        self._condition.become(DeviceState.ready, level=logging.INFO)

    def _lost(self, error: OSError) -> None:
        self._release()
        self._backoff.failed()
        self._condition.become(DeviceState.absent, f"lost: {type(error).__name__}")

    def _release(self) -> None:
        if self._serial is None:
            return
        self._drop_unsent(self._serial)  # or closing waits for a device that takes nothing, up to half a minute
        try:
            self._serial.close()
        except OSError:  # the device went first
            pass
        self._serial = None
        self.generation += 1

    @staticmethod
    def _drop_unsent(port: serial.Serial) -> None:
        try:
            port.reset_output_buffer()
        except (OSError, termios.error):  # the device went first
            pass
