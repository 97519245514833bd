"""The face camera's frames, newest first: a thread while an inspection is watched, and none else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from border_agent.api.client import AgentClient, AgentGone, ApiRefused
from border_agent.api.frames import BadPreview, PreviewFrame

AGAIN_SECONDS = 0.5


class Camera:
    """Keeps the newest frame only: a window that is slow misses frames and never shows old ones."""

    def __init__(self, socket: str, id_: str, wake: Callable[[], None]) -> None:
        self.id = id_
        self._socket = socket
        self._wake = wake
        self._ended = threading.Event()
        self._newest: PreviewFrame | None = None
        threading.Thread(target=self._run, name="preview", daemon=True).start()

    def take(self) -> PreviewFrame | None:
        """The newest frame that was not taken yet."""
        frame, self._newest = self._newest, None
        return frame

    def end(self) -> None:
        """Nobody watches any more."""
        self._ended.set()
        self._newest = None

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with AgentClient(self._socket, timeout=5.0, as_kiosk=True) as client:
                    for frame in client.preview(self.id):
                        if self._ended.is_set():
                            return
                        self._newest = frame
                        self._wake()
            except (AgentGone, ApiRefused, BadPreview):
                pass  # the step is over, or has not begun: whoever watches says when it is enough
            time.sleep(AGAIN_SECONDS)
