"""Signs of life to systemd: only while frames reach the window, so that a frozen picture is a dead service.

The agent is told by `Link`, once a second. systemd's protocol: sd_notify(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Final

BEAT_SECONDS: Final = 2.0


class Watchdog:
    """`beat` is called on Kivy's thread every BEAT_SECONDS; it asks for a frame and reports the one before."""

    def __init__(self, frames: Callable[[], int], ask_frame: Callable[[], None], address: str | None = None) -> None:
        self._frames = frames
        self._ask_frame = ask_frame
        self._address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._seen = -1
        self._ready = False

    def beat(self, *_: object) -> None:
        """One turn. Where no frame came since the last, systemd hears nothing and in the end restarts the window."""
        frames = self._frames()
        if frames != self._seen and frames:
            self._tell("WATCHDOG=1" if self._ready else "READY=1\nWATCHDOG=1")
            self._ready = True
        self._seen = frames
        self._ask_frame()

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            try:
                notify.sendto(words.encode(), address)
            except OSError:
                return  # nobody listens: then nobody waits for it either
