"""The device's end of a pseudo-terminal that a symbolic link points to, and what is on its way from there.

Bytes written before the driver is there are lost, and so are those written while it opens: pyserial then empties
the input. So a twin waits until it has seen that happen. It holds no descriptor of the driver's side (else the
driver's absence never shows); packet mode (`TIOCPKT`) tells of the flush, and inotify of every closing, also one
that was followed by another opening before this process got to run.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import random
import select
import struct
import termios
import time
import tty
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from firmware_bridge.virtual.commands import PARENT_CHECK
from firmware_bridge.virtual.wire import Wire

SETTLE = 0.15
"""Seconds after which an open port counts as ready even if its driver never flushed it."""
_READ = 4096
_NO_DRIVER_PAUSE = 0.005
_PIECES_AT_ONCE = 256  # then commands are looked at again
_IN_CLOSE = 0x18  # IN_CLOSE_WRITE | IN_CLOSE_NOWRITE, <sys/inotify.h>
_FLUSHED = 0x01  # TIOCPKT_FLUSHREAD, <linux/tty.h>: the driver emptied its input


class Port:
    """What the driver sends goes to `heard`, at most `room()` bytes at once; without them it is dropped."""

    def __init__(
        self, link: Path, heard: Callable[[bytes], None] | None = None, room: Callable[[], int] | None = None
    ) -> None:
        self._link = link
        self._heard = heard
        self._room = room
        self.descriptor, driver_side = os.openpty()
        tty.setraw(driver_side)
        fcntl.ioctl(self.descriptor, termios.TIOCPKT, struct.pack("i", 1))
        os.set_blocking(self.descriptor, False)
        name = os.ttyname(driver_side)
        os.close(driver_side)
        self.closings = _watch_closings(name)
        self._opened_at: float | None = None
        self._flushed = False
        fresh = link.with_name(link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(name)
        fresh.replace(link)

    @property
    def opened(self) -> bool:
        """Whether a driver has the port open, as last seen by `driver_ready()`."""
        return self._opened_at is not None

    def close(self) -> None:
        self._link.unlink(missing_ok=True)
        os.close(self.descriptor)
        os.close(self.closings)

    def driver_ready(self) -> bool:
        """Whether a driver has the port open and has done flushing it."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        events = poll.poll(0)
        if events and events[0][1] & select.POLLHUP:
            self._closed_since_last_look()
            self._opened_at, self._flushed = None, False
            return False
        # In this order: a flush that is read here and belongs to a driver that has closed since does not count.
        if events:
            self._listen()
        if self._closed_since_last_look() or self._opened_at is None:
            self._opened_at = time.monotonic()
        return self._flushed or time.monotonic() - self._opened_at >= SETTLE

    def _listen(self) -> None:
        room = _READ if self._room is None else min(self._room(), _READ)
        if room <= 0:
            return
        with contextlib.suppress(OSError):
            packet = os.read(self.descriptor, 1 + room)
            if packet[0] & _FLUSHED:
                self._flushed = True
            if packet[0] == 0 and self._heard is not None:
                self._heard(packet[1:])

    def _closed_since_last_look(self) -> bool:
        try:
            os.read(self.closings, 4096)
        except BlockingIOError:
            return False
        self._flushed = False
        return True

    def write(self, data: bytes) -> int:
        """Bytes that fitted; 0 when the driver does not take them or has gone."""
        try:
            return os.write(self.descriptor, data)
        except OSError:
            return 0


class Outlet:
    """What the device has to say, in order, through a wire with its faults."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._rng = random.Random(wire.seed)  # noqa: S311 - damage that can be repeated, no secret
        self._waiting: deque[tuple[bytes, float | None]] = deque()
        self._pieces: Iterator[tuple[float, bytes]] = iter(())
        self._piece = b""
        self._due = 0.0

    def put(self, data: bytes, pace: float | None = None) -> None:
        """`pace`: bytes per second, None: at once."""
        self._waiting.append((data, pace))

    def clear(self) -> None:
        self._waiting.clear()
        self._pieces, self._piece = iter(()), b""

    def work(self, port: Port) -> float:
        """Send what is due; give the seconds until there may be more to do."""
        for _ in range(_PIECES_AT_ONCE):
            if not self._piece and not self._next_piece():
                return PARENT_CHECK
            if not port.driver_ready():
                return _NO_DRIVER_PAUSE
            pause = self._due - time.monotonic()
            if pause > 0:
                return pause
            sent = port.write(self._piece)
            self._piece = self._piece[sent:]
            if self._piece:
                return _NO_DRIVER_PAUSE
        return 0.0

    def _next_piece(self) -> bool:
        while True:
            for pause, piece in self._pieces:
                self._due = time.monotonic() + pause
                self._piece = piece
                return True
            if not self._waiting:
                return False
            data, pace = self._waiting.popleft()
            self._pieces = self._wire.pieces(data, pace, self._rng)


def _watch_closings(path: str) -> int:
    """A descriptor that is readable once `path` has been closed by anybody (inotify(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, path.encode(), _IN_CLOSE) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    return descriptor
