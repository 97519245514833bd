"""The worker's life: started in the background, greeted when warm, replaced when it has died."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from border_agent.decoding.child import Child, ChildGoneError, ChildLateError
from border_agent.decoding.errors import DecoderCrashed
from border_agent.decoding.protocol import Hello, ProtocolError, read_reply
from border_agent.decoding.values import Confinement

_log = logging.getLogger(__name__)

WHERE: Final = "decoding worker"
"""Where the errors happened, as they say it."""

_MODULE: Final = "border_agent.decoding.worker"
_RETRY_SECONDS: Final = 2.0
"""After a failed start, before the next is tried: calls in between fail at once."""


class WorkerKeeper:
    """One worker at a time. Not thread-safe: the client locks, except for `interrupt`, `pid` and `memory_bytes`."""

    def __init__(self, start_seconds: float, command: Sequence[str] | None) -> None:
        self.hello: Hello | None = None
        """What the worker said when it was ready the last time."""
        self.ready_seconds = 0.0
        """From start to warm and caged, the last time."""
        self.starts = 0
        self.failed_starts = 0
        """In a row; 0 once a worker is warm."""
        self._start_seconds = start_seconds
        self._command = command
        # The kernel ends a child with the *thread* that started it: this one lives until close().
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decoding-keeper")
        self._child: Child | None = None
        self._warm = False
        self._started_at = 0.0
        self._failed_at = float("-inf")
        self._failure = ""

    def begin(self) -> None:
        """Start a worker and return: it warms up by itself. What goes wrong is told by `ready`."""
        if self._child is not None:
            return
        self._started_at = time.monotonic()
        self.starts += 1
        try:
            self._child = self._thread.submit(Child, _MODULE, command=self._command).result()
        except ChildGoneError as error:
            self._fail(str(error))

    def ready(self) -> Child:
        """The worker, warm, waiting for it where need be. Raises DecoderCrashed where it does not start."""
        if self._child is None and time.monotonic() - self._failed_at >= _RETRY_SECONDS:
            self.begin()
        child = self._child
        if child is None:
            raise DecoderCrashed(WHERE, self._failure)
        if not self._warm:
            self._greet(child)
        return child

    def _greet(self, child: Child) -> None:
        try:
            hello = read_reply(child.receive(self._started_at + self._start_seconds)[0])
            if not isinstance(hello, Hello):
                raise ProtocolError("spoke out of turn")
        except (ChildLateError, ChildGoneError, ProtocolError) as error:
            self._fail(": ".join(filter(None, (str(error), child.complaint()))))
            raise DecoderCrashed(WHERE, self._failure) from error
        child.hush()
        self.hello, self._warm, self.failed_starts = hello, True, 0
        self.ready_seconds = time.monotonic() - self._started_at
        _log.info("decoding worker ready after %.2f s, confined by %s", self.ready_seconds, hello.confinement)
        if hello.confinement is Confinement.none:
            _log.warning("the decoding worker runs without a system-call filter")

    def _fail(self, detail: str) -> None:
        self._failed_at, self._failure = time.monotonic(), detail
        self.failed_starts += 1
        _log.error("the decoding worker does not start: %s", detail)
        self.discard()

    def discard(self) -> None:
        """End the worker."""
        child, self._child, self._warm = self._child, None, False
        if child is not None:
            child.kill()

    def interrupt(self) -> None:
        """End the worker from another thread: whoever waits for its answer is told that it is gone."""
        child = self._child
        if child is not None:
            child.interrupt()

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child else None

    def memory_bytes(self) -> int:
        """Resident memory; 0 while no worker runs."""
        child = self._child
        return child.memory_bytes() if child else 0

    def close(self) -> None:
        """End the worker and the thread it hangs on."""
        self.discard()
        self._thread.shutdown()
