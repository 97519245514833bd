"""What a chip in software stands on to lie on a virtual card reader (`vpcd` under the true `pcscd`).

    with CardWire() as wire:                # laid on the reader
        while wire.serve(chip):             # one frame after the other
            ...                             # closed: taken away

A loop that also has other things to wait for uses `select` on the wire, and `serve()` when it is readable.
"""

from __future__ import annotations

import socket
import time
from types import TracebackType
from typing import Protocol, Self

from firmware_bridge.errors import CardGone, CardSilent, TwinFailed
from firmware_bridge.framing.vpcd import Control, VpcdFramer, control, vpcd_frame

VPCD_PORT = 35963
"""Of the reader "Virtual PCD 00 00"; its neighbour "00 01" listens on the next one."""

_RETRY = 0.05


class VirtualCard(Protocol):
    """What plays the card."""

    @property
    def atr(self) -> bytes: ...

    def power(self, on: bool) -> None:
        """Switched on, or off; a reset is off and on. Either way nothing of the session before is left."""
        ...

    def transmit(self, apdu: bytes) -> bytes:
        """Data and status word. Raises CardGone to be taken away, CardSilent to leave the reader without answer."""
        ...


class CardWire:
    """One card's connection to the reader, from being laid on it to being taken away."""

    def __init__(self, port: int = VPCD_PORT, host: str = "127.0.0.1", patience: float = 10.0) -> None:
        """Raises TwinFailed if no reader listens there within `patience` seconds (pcscd takes a second to start)."""
        self._framer = VpcdFramer()
        self._waiting: list[bytes] = []
        self._socket = _connect(host, port, patience)

    def fileno(self) -> int:
        return self._socket.fileno()

    def serve(self, card: VirtualCard) -> bool:
        """Take one frame, waiting for it, and let the card answer. False: the reader or the card has gone."""
        try:
            payload = self._receive()
            if payload is None:
                return False
            answer = _answer(card, payload)
            if answer is not None:
                self._socket.sendall(vpcd_frame(answer))
        except CardSilent:
            return True
        except (CardGone, OSError):
            self.close()
            return False
        return True

    def close(self) -> None:
        """Take the card away."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self) -> bytes | None:
        while not self._waiting:
            # vpcd sends length and payload apart: without this, each command waits 40 ms for a delayed
            # acknowledgement. The option wears off, hence every time.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            data = self._socket.recv(self._framer.missing)
            if not data:
                return None
            self._waiting += self._framer.feed(data)
        return self._waiting.pop(0)


def _answer(card: VirtualCard, payload: bytes) -> bytes | None:
    match control(payload):
        case Control.power_on:
            card.power(True)
        case Control.power_off:
            card.power(False)
        case Control.reset:
            card.power(False)
            card.power(True)
        case Control.send_atr:
            return card.atr
        case None:
            return card.transmit(payload)
    return None


def _connect(host: str, port: int, patience: float) -> socket.socket:
    deadline = time.monotonic() + patience
    while True:
        try:
            connection = socket.create_connection((host, port), timeout=max(0.1, deadline - time.monotonic()))
        except OSError as error:
            if time.monotonic() >= deadline:
                raise TwinFailed(f"{host}:{port}", f"no virtual reader: {error}") from None
            time.sleep(_RETRY)
            continue
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
