"""The queue between the network's thread, which must never wait, and the one that commits."""

from __future__ import annotations

import threading
from collections import deque

from mqtt_schemas.centre.desk import Incoming
from mqtt_schemas.topics import Channel

LARGEST = 64 * 1024 * 1024
"""Bytes that may wait. What comes beyond is dropped: its device, unanswered, sends it again."""

LARGEST_EVIDENCE = 16 * 1024 * 1024
"""Bytes of evidence that may wait beside them, so that photos never take the room of entries."""

EVIDENCE_AT_ONCE = 8
"""Parts of evidence in one commit: an entry that comes now waits behind no more than these."""

_OVERHEAD = 256
"""What an empty message costs, so that many of them are bounded too."""

_EVIDENCE = f"/{Channel.EVIDENCE.value}"


class Inbox:
    """Messages in the order they came; evidence in its own order, when nothing else waits."""

    def __init__(self, largest: int = LARGEST, largest_evidence: int = LARGEST_EVIDENCE) -> None:
        self._waiting = _Queue(largest)
        self._evidence = _Queue(largest_evidence)
        self._woken = False
        self._changed = threading.Condition()

    def put(self, message: Incoming) -> bool:
        """Add a message, without waiting; False where there is no room."""
        queue = self._evidence if message.topic.endswith(_EVIDENCE) else self._waiting
        with self._changed:
            taken = queue.put(message)
            if taken:
                self._changed.notify()
            return taken

    def take(self, most: int, timeout: float) -> list[Incoming]:
        """Up to `most` messages; none after `timeout` seconds, or when woken."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting.messages or self._evidence.messages or self._woken, timeout)
            self._woken = False
            return self._waiting.take(most) or self._evidence.take(min(most, EVIDENCE_AT_ONCE))

    def wake(self) -> None:
        """Make `take` return though nothing came."""
        with self._changed:
            self._woken = True
            self._changed.notify()


class _Queue:
    def __init__(self, largest: int) -> None:
        self.messages: deque[Incoming] = deque()
        self._largest = largest
        self._size = 0

    def put(self, message: Incoming) -> bool:
        size = len(message.payload) + _OVERHEAD
        if self._size + size > self._largest:
            return False
        self._size += size
        self.messages.append(message)
        return True

    def take(self, most: int) -> list[Incoming]:
        taken = [self.messages.popleft() for _ in range(min(most, len(self.messages)))]
        self._size -= sum(len(message.payload) + _OVERHEAD for message in taken)
        return taken
