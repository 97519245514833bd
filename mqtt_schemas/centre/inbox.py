"""The queue between the network's thread, which must never wait, and the one that commits."""

from __future__ import annotations

import threading
from collections import deque

from mqtt_schemas.centre.desk import Incoming

LARGEST = 64 * 1024 * 1024
"""Bytes that may wait. What comes beyond is dropped: its device, unanswered, sends it again."""

_OVERHEAD = 256
"""What an empty message costs, so that many of them are bounded too."""


class Inbox:
    """Messages in the order they came."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._largest = largest
        self._waiting: deque[Incoming] = deque()
        self._size = 0
        self._woken = False
        self._changed = threading.Condition()

    def put(self, message: Incoming) -> bool:
        """Add a message, without waiting; False where there is no room."""
        size = len(message.payload) + _OVERHEAD
        with self._changed:
            if self._size + size > self._largest:
                return False
            self._size += size
            self._waiting.append(message)
            self._changed.notify()
            return True

    def take(self, most: int, timeout: float) -> list[Incoming]:
        """Up to `most` messages; none after `timeout` seconds, or when woken."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._woken, timeout)
            self._woken = False
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._size -= sum(len(message.payload) + _OVERHEAD for message in taken)
            return taken

    def wake(self) -> None:
        """Make `take` return though nothing came."""
        with self._changed:
            self._woken = True
            self._changed.notify()
