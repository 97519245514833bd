"""What the next page says once: kept here, not in an address that somebody else could have written."""

from __future__ import annotations

import threading
from collections import OrderedDict

from msgspec import Struct

MOST_SESSIONS = 200
MOST_EACH = 5


class Message(Struct, frozen=True):
    """A key with its places."""

    key: str
    params: dict[str, str]
    good: bool = True


class Messages:
    """Messages by session. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, list[Message]] = OrderedDict()

    def put(self, session: str, message: Message) -> None:
        with self._lock:
            waiting = self._waiting.setdefault(session, [])
            waiting.append(message)
            del waiting[:-MOST_EACH]
            while len(self._waiting) > MOST_SESSIONS:
                self._waiting.popitem(last=False)

    def take(self, session: str) -> tuple[Message, ...]:
        with self._lock:
            return tuple(self._waiting.pop(session, ()))
