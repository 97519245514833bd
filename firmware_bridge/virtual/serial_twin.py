"""A virtual serial device: a process on a pseudo-terminal that a symbolic link points to.

    python -m firmware_bridge.virtual.serial_twin --link PATH [--wire JSON]

Prints "ready" when PATH is there. Takes one JSON object a line on standard input:

    {"emit": "<base64>", "pace": bytes per second or null}   after what was emitted before
    {"unplug": true}     the port goes with everything that is on its way; emissions are lost until
    {"plug": true}       it is back, under another number
    {"quit": true}       as does the end of standard input

`--wire` damages what is sent, see wire.py. The link stands for `/dev/serial/by-id/...`.

Bytes written before the driver is there are lost, and so are those written while it opens: pyserial then empties
the input. So the twin waits until it has seen that happen. It holds no descriptor of the driver's side (else the
driver's absence never shows); packet mode (`TIOCPKT`) tells of the flush, and inotify of every closing, also one
that was followed by another opening before this process got to run.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import os
import random
import select
import struct
import sys
import termios
import time
import tty
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

from firmware_bridge.virtual.commands import PARENT_CHECK, Commands
from firmware_bridge.virtual.wire import Wire

SETTLE = 0.15
"""Seconds after which an open port counts as ready even if its driver never flushed it."""
_NO_DRIVER_PAUSE = 0.005
_PIECES_AT_ONCE = 256  # then commands are looked at again
_IN_CLOSE = 0x18  # IN_CLOSE_WRITE | IN_CLOSE_NOWRITE, <sys/inotify.h>
_FLUSHED = 0x01  # TIOCPKT_FLUSHREAD, <linux/tty.h>: the driver emptied its input


class Command(msgspec.Struct, forbid_unknown_fields=True):
    emit: bytes | None = None
    pace: float | None = None
    unplug: bool = False
    plug: bool = False
    quit: bool = False


class Port:
    """The device's end of a pseudo-terminal."""

    def __init__(self, link: Path) -> None:
        self._link = link
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
        # What the driver sends is taken and dropped: these devices have no commands.
        with contextlib.suppress(OSError):
            packet = os.read(self.descriptor, 4096)
            if packet[0] & _FLUSHED:
                self._flushed = True

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


class SerialTwin:
    """The twin's loop: commands in, bytes out, in one thread."""

    def __init__(self, link: Path, wire: Wire) -> None:
        self._link = link
        self._wire = wire
        self._rng = random.Random(wire.seed)  # noqa: S311 - damage that can be repeated, no secret
        self._port: Port | None = Port(link)
        self._waiting: deque[tuple[bytes, float | None]] = deque()
        self._pieces: Iterator[tuple[float, bytes]] = iter(())
        self._piece = b""
        self._due = 0.0

    def run(self) -> None:
        commands = Commands(sys.stdin.fileno(), Command)
        looked = time.monotonic()
        try:
            while not commands.ended:
                wait = self._work()
                sources = [commands.descriptor] if self._port is None else [commands.descriptor, self._port.closings]
                readable, _, _ = select.select(sources, [], [], wait)
                if self._port is not None and self._port.closings in readable:
                    self._port.driver_ready()
                for command in commands.take() if commands.descriptor in readable else ():
                    if command.quit:
                        return
                    self._obey(command)
                if time.monotonic() - looked >= PARENT_CHECK:
                    looked = time.monotonic()
                    if commands.orphaned():
                        return
        finally:
            self._unplug()

    def _obey(self, command: Command) -> None:
        if command.unplug:
            self._unplug()
        if command.plug and self._port is None:
            self._port = Port(self._link)
        if command.emit is not None and self._port is not None:
            self._waiting.append((command.emit, command.pace))

    def _unplug(self) -> None:
        if self._port is not None:
            self._port.close()
        self._port = None
        self._waiting.clear()
        self._pieces, self._piece = iter(()), b""

    def _work(self) -> float:
        """Send what is due; give the seconds until there may be more to do."""
        if self._port is None:
            return PARENT_CHECK
        for _ in range(_PIECES_AT_ONCE):
            if not self._piece and not self._next_piece():
                return PARENT_CHECK
            if not self._port.driver_ready():
                return _NO_DRIVER_PAUSE
            pause = self._due - time.monotonic()
            if pause > 0:
                return pause
            sent = self._port.write(self._piece)
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


def main() -> None:
    parser = argparse.ArgumentParser(description="a virtual serial device on a pseudo-terminal")
    parser.add_argument("--link", type=Path, required=True, help="symbolic link to make to the port")
    parser.add_argument("--wire", default="{}", help="faults of the wire, as JSON")
    arguments = parser.parse_args()
    if arguments.link.exists() and not arguments.link.is_symlink():
        parser.error(f"{arguments.link} is there and is no symbolic link")
    twin = SerialTwin(arguments.link, msgspec.json.decode(arguments.wire, type=Wire))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    twin.run()


if __name__ == "__main__":
    main()
