"""A device's chip reader in the demo: the true PC/SC daemon in a network of its own, the passport on its reader."""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path

from border_agent.specimens.chip.handle import PassportTwin
from firmware_bridge.virtual.pcsc_stack import READER, PcscStack

SECTION = f"""
[devices.chip_reader]
name = "chip"
reader = "{READER}"
"""
"""Of the device's configuration."""


@cache
def obstacle() -> str:
    """Why no chip can be read on this machine; empty where they can."""
    return PcscStack.obstacle()


class ChipStand:
    """Daemon, reader and passport of one device. Raises TwinFailed where one of them does not do as told."""

    def __init__(self) -> None:
        self._stack = PcscStack()
        self._passport: PassportTwin | None = None
        self._there: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the agent must have in its environment to find the daemon."""
        return self._stack.environment

    def start(self) -> None:
        self._stack.start()
        self._passport = PassportTwin(enter=self._stack.entering).start()

    def lay(self, booklet: Path | None) -> None:
        """Lay a passport with this chip on the reader, in place of the last; None: one without a chip, or none."""
        if self._passport is None or booklet == self._there:
            return
        if booklet is None:
            self._passport.remove()
        else:
            self._passport.place(booklet)
        self._there = booklet

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        for twin in (self._passport, self._stack):
            if twin is not None:
                with contextlib.suppress(OSError):
                    twin.stop()
        self._passport, self._there = None, None
