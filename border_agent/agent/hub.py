"""Changes, to whoever listens: a stream begins with a snapshot and never blocks the one who publishes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator


class Hub:
    """Tells listeners in event loops that the thing under a key has changed.

    Only the fact travels: a listener reads the present state itself, so a slow one misses intermediate states
    but never the last, and a full queue loses nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._told: dict[str, list[Callable[[], None]]] = {}

    @contextlib.contextmanager
    def listen(self, *keys: str) -> Iterator[asyncio.Event]:
        """An event of the running loop that is set whenever one of `keys` changes; the listener clears it."""
        listener = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            for key in keys:
                self._listeners.setdefault(key, set()).add(listener)
        try:
            yield listener[1]
        finally:
            with self._lock:
                for key in keys:
                    self._listeners[key].discard(listener)
                    if not self._listeners[key]:
                        del self._listeners[key]

    def tell(self, key: str, told: Callable[[], None]) -> None:
        """Call `told` whenever `key` changes, in whichever thread says so, from now on: it must not wait."""
        with self._lock:
            self._told.setdefault(key, []).append(told)

    def publish(self, key: str) -> None:
        """From any thread: `key` has changed."""
        with self._lock:
            listeners = list(self._listeners.get(key, ()))
            told = list(self._told.get(key, ()))
        for one in told:
            one()
        for loop, event in listeners:
            with contextlib.suppress(RuntimeError):  # the loop has ended; so has its listener
                loop.call_soon_threadsafe(event.set)
