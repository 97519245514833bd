"""A virtual serial device: a process on a pseudo-terminal that a symbolic link points to.

    python -m firmware_bridge.virtual.serial_twin --link PATH [--wire JSON]

Prints "ready" when PATH is there. Takes one JSON object a line on standard input:

    {"emit": "<base64>", "pace": bytes per second or null}   after what was emitted before
    {"unplug": true}     the port goes with everything that is on its way; emissions are lost until
    {"plug": true}       it is back, under another number
    {"quit": true}       as does the end of standard input

`--wire` damages what is sent, see wire.py. The link stands for `/dev/serial/by-id/...`. What the driver sends is
taken and dropped: these devices have no commands.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from pathlib import Path

import msgspec

from firmware_bridge.virtual.commands import PARENT_CHECK, Commands
from firmware_bridge.virtual.port import Outlet, Port
from firmware_bridge.virtual.wire import Wire


class Command(msgspec.Struct, forbid_unknown_fields=True):
    emit: bytes | None = None
    pace: float | None = None
    unplug: bool = False
    plug: bool = False
    quit: bool = False


class SerialTwin:
    """The twin's loop: commands in, bytes out, in one thread."""

    def __init__(self, link: Path, wire: Wire) -> None:
        self._link = link
        self._outlet = Outlet(wire)
        self._port: Port | None = Port(link)

    def run(self) -> None:
        commands = Commands(sys.stdin.fileno(), Command)
        looked = time.monotonic()
        try:
            while not commands.ended:
                wait = PARENT_CHECK if self._port is None else self._outlet.work(self._port)
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
            self._outlet.put(command.emit, command.pace)

    def _unplug(self) -> None:
        if self._port is not None:
            self._port.close()
        self._port = None
        self._outlet.clear()


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
