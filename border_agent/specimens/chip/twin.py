"""A passport on a virtual reader: a process that plays the chip for `vpcd`.

    python -m border_agent.specimens.chip --connect HOST:PORT

Prints "ready", then takes one JSON object a line on standard input and answers each with one line, `{}` when it is
done or `{"error": "..."}`:

    {"place": "<file of a booklet>"}    lay it on the reader; what lay there is taken away
    {"remove": true}                    take it away
    {"fault": {"kind": "bad_mac", ...}} from the next APDU on (see `faults`; `at` counts from there)
    {"quit": true}                      as does the end of standard input
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from pathlib import Path

import msgspec

from border_agent.errors import BorneError
from border_agent.specimens.chip.booklet import load_booklet
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.faults import Fault
from firmware_bridge.errors import DeviceError
from firmware_bridge.virtual.card_wire import VPCD_PORT, CardWire
from firmware_bridge.virtual.commands import PARENT_CHECK, Commands

_PATIENCE = 3.0
"""Seconds to wait for a reader when a booklet is laid down."""
_SWAP = 1.0
"""Least seconds between two booklets: no hand is quicker, and pcscd looks for a card 2.5 times a second. One that is
swapped in between is the old one to it, gone mute."""
_AGAIN = 0.5
"""Seconds between looks for a reader that has gone while a booklet lay on it."""


class Command(msgspec.Struct, forbid_unknown_fields=True):
    place: str = ""
    remove: bool = False
    fault: Fault | None = None
    quit: bool = False


class ChipTwin:
    """The twin's loop: commands and frames in, frames out, in one thread."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._chip: VirtualChip | None = None
        self._wire: CardWire | None = None
        self._lifted = 0.0
        """When the last booklet was taken away, `time.monotonic()`."""
        self._back_at: float | None = None
        """When a booklet that is not on the reader is laid there (again); None: never by itself."""

    def run(self) -> None:
        commands = Commands(sys.stdin.fileno(), Command)
        looked = time.monotonic()
        while not commands.ended:
            sources: list[int] = [commands.descriptor]
            if self._wire is not None:
                sources.append(self._wire.fileno())
            wait = PARENT_CHECK if self._back_at is None else max(0.0, self._back_at - time.monotonic())
            readable, _, _ = select.select(sources, [], [], min(wait, PARENT_CHECK))
            if self._wire is not None and self._wire.fileno() in readable:
                self._serve(self._wire)
            for command in commands.take() if commands.descriptor in readable else ():
                if command.quit:
                    return
                sys.stdout.write(msgspec.json.encode(self._obey(command)).decode() + "\n")
                sys.stdout.flush()
            self._come_back()
            if time.monotonic() - looked >= PARENT_CHECK:
                looked = time.monotonic()
                if commands.orphaned():
                    return

    def _obey(self, command: Command) -> dict[str, str]:
        try:
            if command.remove or command.place:
                self._lift()
                self._chip = None
            if command.place:
                self._chip = VirtualChip(load_booklet(Path(command.place)))
                time.sleep(max(0.0, self._lifted + _SWAP - time.monotonic()))
                self._wire = CardWire(self._port, self._host, _PATIENCE)
            if command.fault is not None:
                if self._chip is None:
                    return {"error": "no booklet on the reader"}
                self._chip.wrongs.add(command.fault)
        except (BorneError, DeviceError) as error:
            self._chip = None
            return {"error": str(error)}
        return {}

    def _serve(self, wire: CardWire) -> None:
        """One frame; when the card or the reader has gone, when to try again."""
        assert self._chip is not None
        if wire.serve(self._chip):
            return
        self._lift()
        pulled = self._chip.wrongs.pulled
        if pulled is None:
            self._back_at = time.monotonic() + _AGAIN
        elif pulled.seconds:
            self._back_at = time.monotonic() + pulled.seconds

    def _come_back(self) -> None:
        if self._back_at is None or self._chip is None or time.monotonic() < self._back_at:
            return
        try:
            self._wire = CardWire(self._port, self._host, patience=0.0)
        except DeviceError:
            self._back_at = time.monotonic() + _AGAIN
            return
        self._back_at = None
        self._chip.reset()

    def _lift(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._lifted = time.monotonic()
        self._wire = None
        self._back_at = None


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="a passport's chip on a virtual card reader")
    parser.add_argument("--connect", default=f"127.0.0.1:{VPCD_PORT}", help="HOST:PORT of vpcd")
    host, _, port = parser.parse_args().connect.rpartition(":")
    twin = ChipTwin(host, int(port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    twin.run()
