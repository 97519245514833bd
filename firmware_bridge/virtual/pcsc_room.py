"""A PC/SC daemon of one's own, with a virtual reader, where nobody else sees it. Started by `PcscStack`.

    unshare --net --mount --pid --fork --kill-child python -m firmware_bridge.virtual.pcsc_room --folder PATH

`vpcd` listens on every address, hence a network of its own; the daemon's folder is fixed, hence mounts of its own,
under which it is PATH; and whatever was started in here ends with this process, hence its own process numbers.
USB is hidden, so a true reader that is plugged into the machine stays with the machine's own daemon.

Prints "ready" when the daemon answers. Takes one JSON object a line on standard input:

    {"daemon": false}    the daemon is killed, as a crash would
    {"daemon": true}     it is started again
    {"quit": true}       as does the end of standard input
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from firmware_bridge.virtual.card_wire import VPCD_PORT
from firmware_bridge.virtual.commands import PARENT_CHECK, Commands

RUN = Path("/run/pcscd")
SOCKET = "pcscd.comm"
_USB = Path("/dev/bus/usb")
_START = 15.0
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_TCP_LISTEN = "0A"


class Command(msgspec.Struct, forbid_unknown_fields=True):
    daemon: bool | None = None
    quit: bool = False


class Room:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._daemon: subprocess.Popen[bytes] | None = None

    def furnish(self) -> None:
        """Loopback up, the daemon's folder in place, USB out of sight. Raises OSError, CalledProcessError."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            request = struct.pack("16sh14x", b"lo", 0)
            flags = struct.unpack("16xh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[0]
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
        if not RUN.is_dir():  # without the right to make it there, /run as a whole is laid over
            try:
                RUN.mkdir(parents=True)
            except OSError:
                _mount("-t", "tmpfs", "none", str(RUN.parent))
                RUN.mkdir()
        _mount("--bind", str(self._folder), str(RUN))
        if _USB.is_dir():
            _mount("-t", "tmpfs", "none", str(_USB))

    def start(self) -> None:
        """Start the daemon; return when it and its readers answer. Raises TimeoutError, ChildProcessError."""
        if self._daemon is not None:
            return
        for left in (SOCKET, "pcscd.pid"):
            (self._folder / left).unlink(missing_ok=True)
        with (self._folder / "pcscd.log").open("ab") as log:  # every card that goes is an error to it
            self._daemon = subprocess.Popen(
                ["pcscd", "--foreground"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + _START
        while not (_answers(self._folder / SOCKET) and _listens(VPCD_PORT)):
            if self._daemon.poll() is not None:
                raise ChildProcessError(f"pcscd ended with {self._daemon.returncode}")
            if time.monotonic() >= deadline:
                raise TimeoutError("pcscd does not answer")
            time.sleep(0.02)

    def kill(self) -> None:
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.kill()
            daemon.wait()

    def run(self) -> None:
        commands = Commands(sys.stdin.fileno(), Command)
        while not commands.ended:
            readable, _, _ = select.select([commands.descriptor], [], [], PARENT_CHECK)
            for command in commands.take() if readable else ():
                if command.quit:
                    return
                if command.daemon is True:
                    self.start()
                elif command.daemon is False:
                    self.kill()
                _say("done")
            if commands.orphaned():
                return


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(str(path))
        return True
    return False


def _listens(port: int) -> bool:
    """Looked up, not tried: a connection is a card."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [row.split() for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == _TCP_LISTEN for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="pcsc_room")
    parser.add_argument("--folder", type=Path, required=True)
    # The first process in here: no signal has an effect on it that it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = parser.parse_args().folder
    room = Room(folder)
    try:
        room.furnish()
        room.start()
    except (OSError, subprocess.CalledProcessError) as error:
        _say(f"failed: {error}")
        sys.exit(1)
    _say("ready")
    try:
        room.run()
    finally:
        room.kill()
        shutil.rmtree(folder, ignore_errors=True)  # whoever started this may have been killed


if __name__ == "__main__":
    main()
