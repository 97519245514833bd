"""A thin line between real sockets: a relay with rate, delay, loss, cuts and silence, in one thread of user space.

    with SlowLine(("127.0.0.1", broker.port), Quality(rate=128_000, delay=0.3)) as line:
        ...  # connect to line.port instead; `mqtts://localhost:<line.port>` passes the broker's certificate

Simulated is what happens to bytes between the two ends; TCP's own handshake and congestion control are not: both ends
speak to a relay on loopback, which answers at once. Every connection through one SlowLine shares its rate.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from tests.line.wire import Quality, Wire

SEGMENT = 1460
HEADERS = 40
"""Of IP and TCP, added to each segment's size."""
BUFFER = 32_768
"""Bytes of a connection that may wait before the sender is made to wait: what a modem holds."""

_HOST = "127.0.0.1"
# Below Linux's ephemeral ports: while the line is cut nobody else may get its port.
_PORTS = range(20000, 32000)
_IDLE = 3600.0


@dataclass(frozen=True)
class Reading:
    """What has passed up to a moment: bytes with their headers, from the connecting side (up) and to it (down)."""

    at: float
    up: int
    down: int


@dataclass(eq=False)
class _End:
    """One socket of a pair. What it reads goes on `wire`; what comes off the other wire is written to it."""

    connection: socket.socket
    wire: Wire[tuple[_End, bytes]]
    peer: _End | None = None
    unsent: bytearray = field(default_factory=bytearray)
    finished: bool = False
    """It has sent its last byte."""
    ending: bool = False
    """After `unsent` nothing more comes for it."""


class SlowLine:
    """A relay to one address. A context manager; every method may be called from any thread."""

    def __init__(
        self, target: tuple[str, int], quality: Quality, *, down: Quality | None = None, seed: int = 0
    ) -> None:
        """`quality` is the way up, from who connects, and the way down too unless `down` says otherwise."""
        self.port = 0
        self._target = target
        self._up: Wire[tuple[_End, bytes]] = Wire(quality, seed)
        self._down: Wire[tuple[_End, bytes]] = Wire(down or quality, seed + 1)
        self._ends: set[_End] = set()
        self._orders: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._silent = False
        self._over = False
        self._waker, self._woken = socket.socketpair()
        self._listener: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="slow line", daemon=True)

    def __enter__(self) -> SlowLine:
        self._listen()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._order(self._end)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """As a device's settings name a broker."""
        return f"mqtts://localhost:{self.port}"

    def reading(self) -> Reading:
        """What has passed by now."""
        taken: list[Reading] = []
        self._order(lambda: taken.append(Reading(time.monotonic(), self._up.carried, self._down.carried)))
        return taken[0]

    def used(self, since: Reading, until: Reading) -> float:
        """Share of the way up's rate that was used between two readings."""
        return (until.up - since.up) * 8 / (self._up.quality.rate * (until.at - since.at))

    def change(self, quality: Quality, down: Quality | None = None) -> None:
        """Another quality from now on."""

        def order() -> None:
            self._up.quality, self._down.quality = quality, down or quality

        self._order(order)

    def cut(self) -> None:
        """Every connection is reset, new ones are refused."""
        self._order(self._cut)

    def mend(self) -> None:
        """After `cut` or `silence`: as before."""
        self._order(self._mend)

    def silence(self) -> None:
        """Nothing passes, nobody is told: a cable pulled out."""
        self._order(lambda: setattr(self, "_silent", True))

    # The relay's thread, but for `_order` and `_listen` at the start.

    def _order(self, what: Callable[[], None]) -> None:
        done = threading.Event()

        def order() -> None:
            what()
            done.set()

        with self._lock:
            self._orders.append(order)
        self._waker.send(b"\0")
        assert done.wait(10), "the line's thread has died"

    def _listen(self) -> None:
        for port in (self.port,) if self.port else random.sample(_PORTS, 100):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((_HOST, port))
            except OSError:
                listener.close()
                continue
            listener.listen(64)
            listener.setblocking(False)
            self.port, self._listener = port, listener
            return
        raise OSError("no free port")

    def _run(self) -> None:
        while not self._over:
            self._wait()
            with self._lock:
                orders, self._orders = self._orders, []
            for order in orders:
                order()
            if not self._silent:
                self._hand_out()

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            if self._listener is not None and not self._silent:
                selector.register(self._listener, selectors.EVENT_READ)
            now = time.monotonic()
            times = [now + _IDLE]
            if not self._silent:
                times += [due for wire in (self._up, self._down) if (due := wire.deadline()) is not None]
                for end in self._ends:
                    wanted = selectors.EVENT_WRITE if end.unsent else 0
                    if not end.finished and end.wire.waiting(end, now) < BUFFER:
                        wanted |= selectors.EVENT_READ
                    if wanted:
                        selector.register(end.connection, wanted, end)
            for key, events in selector.select(max(0.0, min(times) - now)):
                if key.fileobj is self._woken:
                    self._woken.recv(4096)
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.data in self._ends:
                    self._serve(key.data, events)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            near, _ = self._listener.accept()
        except OSError:
            return
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            _reset(near)
            return
        near_end, far_end = _End(near, self._up), _End(far, self._down)
        near_end.peer, far_end.peer = far_end, near_end
        for end in (near_end, far_end):
            end.connection.setblocking(False)
            end.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ends.add(end)

    def _serve(self, end: _End, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._write(end)
            if events & selectors.EVENT_READ:
                data = end.connection.recv(SEGMENT)
                end.finished = not data
                end.wire.put(end, (end, data), len(data) + HEADERS, time.monotonic())
        except BlockingIOError:
            return
        except OSError:
            self._drop(end)

    def _hand_out(self) -> None:
        now = time.monotonic()
        for wire in (self._up, self._down):
            for _, (end, data) in wire.due(now):
                if end not in self._ends or end.peer is None:
                    continue
                end.peer.unsent += data
                end.peer.ending = end.peer.ending or not data
                try:
                    self._write(end.peer)
                except OSError:
                    self._drop(end)

    def _write(self, end: _End) -> None:
        with contextlib.suppress(BlockingIOError):
            while end.unsent:
                del end.unsent[: end.connection.send(end.unsent)]
        if end.unsent or not end.ending:
            return
        with contextlib.suppress(OSError):
            end.connection.shutdown(socket.SHUT_WR)
        if end.finished:
            self._drop(end)

    def _drop(self, end: _End) -> None:
        for one in (end, end.peer):
            if one is not None and one in self._ends:
                self._ends.discard(one)
                one.wire.forget(one)
                _reset(one.connection)

    def _cut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for end in list(self._ends):
            self._drop(end)

    def _mend(self) -> None:
        self._silent = False
        if self._listener is None:
            self._listen()

    def _end(self) -> None:
        self._cut()
        self._over = True


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
