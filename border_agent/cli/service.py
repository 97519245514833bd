"""What the agent tells systemd of itself: ready, alive, stopping. Protocol: sd_notify(3).

Alive means that the local API answers a question, asked as a client asks it: a process whose threads have stopped
running still exists, and to systemd would look healthy for ever.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Final

from border_agent.api.client import AgentClient, AgentGone, ApiRefused

_log = logging.getLogger(__name__)

_SHARE: Final = 4
"""So many signs of life in the time after which systemd gives a service up."""


class Service:
    """This process as a unit of systemd; without systemd nobody is told anything."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        period = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self.turn_seconds = int(period) / 1_000_000 / _SHARE if period.isdecimal() and int(period) and mine else None
        """From one sign of life to the next; None: none are awaited."""

    def ready(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def stay(self, ended: threading.Event, alive: Callable[[float], bool]) -> None:
        """Until `ended`: one sign of life a turn, as long as `alive` says so, which has a turn's time to find out."""
        while not ended.wait(self.turn_seconds):
            if alive(self.turn_seconds or 0.0):
                self._tell("WATCHDOG=1")

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            try:
                notify.sendto(words.encode(), address)
            except OSError as error:
                _log.warning("systemd does not hear %s: %s", words, error)


def answers(path: str, seconds: float) -> bool:
    """Whether the local API answers within so many seconds."""
    try:
        with AgentClient(path, timeout=seconds) as client:
            client.capabilities()
    except (AgentGone, ApiRefused) as error:
        _log.error("the local API does not answer: %s", error)
        return False
    return True
