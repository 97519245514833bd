"""A virtual slip printer: a process on a pseudo-terminal that writes every slip it cuts as a picture.

    python -m firmware_bridge.virtual.printer_twin --link PATH --folder PATH [--wire JSON] [--dots 576] [--speed 0]

Prints "ready" when the link is there. Slips are `slip-0001.png` and so on in the folder, each there as a whole or
not at all. `--speed`: rows a second, 0 for as fast as it goes. `--wire` damages what the printer answers, see
wire.py. Takes one JSON object a line on standard input:

    {"paper": "ok"|"low"|"out"}
    {"cover": "open"|"closed"}
    {"mute": true|false}    it prints, but does not answer
    {"unplug": true}        the port goes; what is in the buffer stays, and is printed
    {"plug": true}          it is back, under another number
    {"quit": true}          as does the end of standard input

With "after": N a command takes effect when N more rows have been printed, to the row.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from pathlib import Path
from typing import Literal

import msgspec
from PIL import Image

from firmware_bridge.virtual.commands import PARENT_CHECK, Commands
from firmware_bridge.virtual.port import Outlet, Port
from firmware_bridge.virtual.printer_engine import Paper, PrinterEngine
from firmware_bridge.virtual.wire import Wire

_NO_DRIVER_PAUSE = 0.02  # a port that nobody has open is always readable, so it is looked at instead
_STEP = 0.01  # seconds of printing at once
_NEVER = sys.maxsize


class Command(msgspec.Struct, forbid_unknown_fields=True):
    paper: Paper | None = None
    cover: Literal["open", "closed"] | None = None
    mute: bool | None = None
    unplug: bool = False
    plug: bool = False
    quit: bool = False
    after: int = 0


class Slips:
    """The folder of slips; goes on after those that are there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._number = 1

    def keep(self, picture: Image.Image) -> None:
        while (path := self._folder / f"slip-{self._number:04}.png").exists():
            self._number += 1
        fresh = path.with_suffix(".new")
        picture.save(fresh, "PNG")
        fresh.replace(path)


class PrinterTwin:
    """The twin's loop: commands and bytes in, answers and pictures out, in one thread."""

    def __init__(self, link: Path, folder: Path, wire: Wire, dots: int, speed: float) -> None:
        self._link = link
        self._engine = PrinterEngine(dots, Slips(folder).keep)
        self._outlet = Outlet(wire)
        self._speed = speed
        self._due = 0.0
        self._later: list[tuple[int, Command]] = []  # by the row from which they hold
        self._heard = False
        self._port: Port | None = self._new_port()

    def _new_port(self) -> Port:
        return Port(self._link, self._receive, lambda: self._engine.room)

    def _receive(self, data: bytes) -> None:
        self._engine.receive(data)
        self._heard = True

    def run(self) -> None:
        commands = Commands(sys.stdin.fileno(), Command)
        looked = time.monotonic()
        try:
            while not commands.ended:
                wait, sources = self._work()
                readable, _, _ = select.select([commands.descriptor, *sources], [], [], wait)
                for command in commands.take() if commands.descriptor in readable else ():
                    if command.quit:
                        return
                    self._later.append((self._engine.rows + command.after, command))
                if time.monotonic() - looked >= PARENT_CHECK:
                    looked = time.monotonic()
                    if commands.orphaned():
                        return
        finally:
            self._unplug()

    def _work(self) -> tuple[float, list[int]]:
        """Do what can be done now; seconds until there may be more, and descriptors that say so earlier."""
        self._heard = False
        if self._port is not None:
            self._port.driver_ready()  # also takes what has come
        pause = self._print()
        answers = self._engine.take_answers()
        if self._port is None:
            return pause, []
        if not self._port.opened:  # what nobody hears is lost
            self._outlet.clear()
            return min(pause, _NO_DRIVER_PAUSE), []
        if answers:
            self._outlet.put(answers)
        wait = min(pause, self._outlet.work(self._port))
        sources = [self._port.closings, *([self._port.descriptor] if self._engine.room else [])]
        return (0.0 if self._heard else wait), sources

    def _print(self) -> float:
        """Print what is due; seconds until more is."""
        self._obey_due()
        while (pause := self._due - time.monotonic()) <= 0:
            rows = self._engine.rows
            step = rows + max(1, int(self._speed * _STEP)) if self._speed else _NEVER
            stopped_there = self._engine.run(min([step, *(row for row, _ in self._later)]))
            if self._speed:
                self._due = time.monotonic() + (self._engine.rows - rows) / self._speed
            self._obey_due()
            if not stopped_there:
                return PARENT_CHECK
        return pause

    def _obey_due(self) -> None:
        due = [command for row, command in self._later if row <= self._engine.rows]
        self._later = [(row, command) for row, command in self._later if row > self._engine.rows]
        for command in due:
            self._obey(command)

    def _obey(self, command: Command) -> None:
        if command.paper is not None:
            self._engine.change_paper(command.paper)
        if command.cover is not None:
            self._engine.cover_open = command.cover == "open"
        if command.mute is not None:
            self._engine.muted = command.mute
        if command.unplug:
            self._unplug()
        if command.plug and self._port is None:
            self._port = self._new_port()

    def _unplug(self) -> None:
        if self._port is not None:
            self._port.close()
        self._port = None
        self._outlet.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description="a virtual slip printer on a pseudo-terminal")
    parser.add_argument("--link", type=Path, required=True, help="symbolic link to make to the port")
    parser.add_argument("--folder", type=Path, required=True, help="where the slips go, as PNG")
    parser.add_argument("--wire", default="{}", help="faults of the wire, as JSON")
    parser.add_argument("--dots", type=int, default=576, help="printable dots a row")
    parser.add_argument("--speed", type=float, default=0.0, help="rows a second; 0: as fast as it goes")
    arguments = parser.parse_args()
    if arguments.link.exists() and not arguments.link.is_symlink():
        parser.error(f"{arguments.link} is there and is no symbolic link")
    wire = msgspec.json.decode(arguments.wire, type=Wire)
    twin = PrinterTwin(arguments.link, arguments.folder, wire, arguments.dots, arguments.speed)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    twin.run()


if __name__ == "__main__":
    main()
