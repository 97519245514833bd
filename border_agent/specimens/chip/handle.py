"""The handle on a passport's twin: start its process, lay booklets on the reader, take them away, spoil them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.faults import Fault
from firmware_bridge.errors import TwinFailed
from firmware_bridge.virtual.card_wire import VPCD_PORT
from firmware_bridge.virtual.launch import PLUG_TIMEOUT, Twin


class PassportTwin(Twin):
    """A passport on a reader of `vpcd`. Raises TwinFailed where it does not start or cannot do as told."""

    module = "border_agent.specimens.chip"

    def __init__(self, port: int = VPCD_PORT, *, enter: Sequence[str] = ()) -> None:
        """`enter`: the command that runs another one where the reader is (its network namespace)."""
        super().__init__()
        self.port = port
        self._enter = enter
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="booklet-")
        self._launch()
        return self

    def place(self, booklet: Booklet | Path) -> None:
        """Lay a booklet (or a file of one) on the reader; returns when it lies there."""
        if isinstance(booklet, Booklet):
            if self._folder is None:
                raise TwinFailed(self.module, "is not running")
            file = Path(self._folder.name) / "booklet.json"
            booklet.save(file)
            booklet = file
        self._ask({"place": str(booklet)})

    def remove(self) -> None:
        """Take away what lies there."""
        self._ask({"remove": True})

    def fault(self, fault: Fault) -> None:
        """From the next APDU on; `at` counts from there."""
        self._ask({"fault": fault})

    def stop(self) -> None:
        super().stop()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _arguments(self) -> list[str]:
        return ["--connect", f"127.0.0.1:{self.port}"]

    def _command(self) -> list[str]:
        return [*self._enter, *super()._command()]

    def _ask(self, command: dict[str, Any]) -> None:
        self._tell(command)
        line = self._answer(PLUG_TIMEOUT)
        answer = msgspec.json.decode(line, type=dict[str, str]) if line else {"error": "does not answer"}
        if "error" in answer:
            raise TwinFailed(self.module, answer["error"])
