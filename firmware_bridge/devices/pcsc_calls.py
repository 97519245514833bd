"""The calls of PC/SC a card reader needs, each within a time; over pyscard's plain interface.

What has to be known of it:

- Most calls of libpcsclite wait for the daemon without end: a chip that does not answer, or a daemon that is stopped,
  would hold the thread for ever. A watchdog shuts the library's socket to the daemon, and the call returns. So no
  thread is left behind, and none is needed for each command.
- A context dies with its daemon and stays dead: everything fails, until a new one is established.
- A failed transmission gives a buffer of whatever was in memory: its data must not be looked at.
"""

from __future__ import annotations

import ctypes
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from firmware_bridge.errors import DeviceMisconfigured

try:
    # First by itself: where Debian's libpcsclite1 is missing, pyscard says so on standard output, in the middle of
    # whatever a command prints there, and goes on.
    ctypes.CDLL("libpcsclite.so.1")
    from smartcard import scard
except (ImportError, OSError):  # not installed: said where a reader is made
    scard = None

CALL_TIMEOUT: Final = 5.0
"""Seconds a call may take that does nothing with a card."""
PLUGGING: Final = "\\\\?PnP?\\Notification"
"""The name under which PC/SC tells of readers that come and go."""


def _codes(*names: str) -> frozenset[int]:
    return frozenset(getattr(scard, name) for name in names) if scard is not None else frozenset()


CARD_IS_MUTE: Final = _codes(
    "SCARD_W_UNRESPONSIVE_CARD", "SCARD_W_UNPOWERED_CARD", "SCARD_W_UNSUPPORTED_CARD", "SCARD_E_PROTO_MISMATCH"
)
CARD_IS_GONE: Final = _codes(
    "SCARD_W_REMOVED_CARD", "SCARD_W_RESET_CARD", "SCARD_E_NO_SMARTCARD", "SCARD_E_NOT_TRANSACTED"
)
CARD_IS_TAKEN: Final = _codes("SCARD_E_SHARING_VIOLATION")
NOT_ALLOWED: Final = _codes("SCARD_W_SECURITY_VIOLATION")

_SOCKET: Final = "/run/pcscd/pcscd.comm"
_SOCKET_NAME: Final = "pcscd.comm"

_registry = threading.Lock()
_owned: set[int] = set()  # sockets of contexts that are established


class PcscError(Exception):
    """A call that failed. `late`: the watchdog ended it."""

    def __init__(self, call: str, code: int, late: bool = False) -> None:
        self.code = code
        self.late = late
        words = "no answer in time" if late else f"{scard.SCardGetErrorMessage(code).rstrip('.')} ({code:08X})"
        super().__init__(f"{call}: {words}")


class Seen(msgspec.Struct, frozen=True):
    """A reader as PC/SC saw it."""

    mark: int
    """Hand it back to wait for a change."""
    present: bool
    mute: bool
    taken: bool
    """Another program has the card for itself."""


class Powered(msgspec.Struct, frozen=True):
    """A card that is connected."""

    handle: int
    protocol: int
    atr: bytes


def require_pyscard(name: str) -> None:
    """Raises DeviceMisconfigured where pyscard or what it stands on is not installed."""
    if scard is None:
        raise DeviceMisconfigured(name, "pyscard (extra: chip) or the system's libpcsclite1 is not installed")


class PcscCalls:
    """One context with the daemon. One thread calls; any thread may `interrupt()`. Every call raises PcscError."""

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        self._sockets: set[int] = set()
        self._context: int | None = None
        self._interrupted = False

    def establish(self) -> None:
        """Connect with the daemon; once, before anything else."""
        with _registry, self._within("establish", CALL_TIMEOUT):
            before = _sockets()
            try:
                self._context = self._check("establish", scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM))
            finally:
                self._sockets = _sockets() - before
                _owned.update(self._sockets)

    def release(self) -> None:
        """Let everything go; a dead context too."""
        context, self._context = self._context, None
        self._interrupted = True
        with _registry:
            if context is not None:
                with self._watchdog.within(CALL_TIMEOUT, self.interrupt):
                    scard.SCardReleaseContext(context)
            _owned.difference_update(self._sockets)

    def interrupt(self) -> None:
        """End the call under way, and this context with it."""
        self._interrupted = True
        for number in self._sockets or (_sockets() - _owned):
            _shut(number)

    def readers(self) -> tuple[str, ...]:
        with self._within("list readers", CALL_TIMEOUT):
            code, *rest = scard.SCardListReaders(self._context, [])
        if code == scard.SCARD_E_NO_READERS_AVAILABLE:
            return ()
        return tuple(self._check("list readers", [code, *rest]))

    def look(self, reader: str, mark: int | None, seconds: float) -> Seen | None:
        """The reader as soon as it is not as `mark` says any more; None: it is still so after `seconds`."""
        milliseconds = max(0, math.ceil(seconds * 1000))
        known = scard.SCARD_STATE_UNAWARE if mark is None else mark
        with self._within("wait", seconds + CALL_TIMEOUT):
            answer = scard.SCardGetStatusChange(self._context, milliseconds, [(reader, known)])
        if answer[0] == scard.SCARD_E_TIMEOUT:
            return None
        ((_, state, _),) = self._check("wait", answer)
        return Seen(
            mark=state,
            present=bool(state & scard.SCARD_STATE_PRESENT),
            mute=bool(state & scard.SCARD_STATE_MUTE),
            taken=bool(state & scard.SCARD_STATE_EXCLUSIVE),
        )

    def connect(self, reader: str) -> Powered:
        """Power up the card that lies there, for us alone."""
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        with self._within("connect", CALL_TIMEOUT):
            answer = scard.SCardConnect(self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, protocols)
            handle, protocol = self._check("connect", answer)
            _, _, _, atr = self._check("status", scard.SCardStatus(handle))
        return Powered(handle, protocol, bytes(atr))

    def transmit(self, card: Powered, apdu: bytes, seconds: float) -> bytes:
        header = scard.SCARD_PCI_T1 if card.protocol == scard.SCARD_PROTOCOL_T1 else scard.SCARD_PCI_T0
        with self._within("transmit", seconds):
            code, data = scard.SCardTransmit(card.handle, header, list(apdu))
        if code == scard.SCARD_S_SUCCESS and not data:  # vpcd's way of saying that the card went meanwhile
            code = scard.SCARD_W_REMOVED_CARD
        if code != scard.SCARD_S_SUCCESS:
            raise PcscError("transmit", code)
        return bytes(data)

    def disconnect(self, card: Powered) -> None:
        """Switch the card off, so that nothing of its session is left."""
        with self._within("disconnect", CALL_TIMEOUT):
            scard.SCardDisconnect(card.handle, scard.SCARD_UNPOWER_CARD)

    @contextmanager
    def _within(self, call: str, seconds: float) -> Iterator[None]:
        if self._interrupted:
            raise PcscError(call, scard.SCARD_E_INVALID_HANDLE)
        with self._watchdog.within(seconds, self.interrupt) as late:
            try:
                yield
            except PcscError as error:
                if late():
                    raise PcscError(call, error.code, late=True) from None
                raise
            if late():
                raise PcscError(call, scard.SCARD_E_TIMEOUT, late=True)

    @staticmethod
    def _check(call: str, answer: Any) -> Any:
        """pyscard gives a code and then what the call gives: one value, several, or none."""
        code, *values = answer
        if code != scard.SCARD_S_SUCCESS:
            raise PcscError(call, code)
        return values[0] if len(values) == 1 else values


def may_connect() -> bool:
    """Whether the mode of the daemon's socket lets this process in; libpcsclite says "absent" where it does not."""
    path = os.environ.get("PCSCLITE_CSOCK_NAME", _SOCKET)
    return not os.access(path, os.F_OK) or os.access(path, os.W_OK)


class Watchdog:
    """A thread that ends a call which takes too long. It sleeps meanwhile: arming it switches no threads."""

    def __init__(self, name: str) -> None:
        self._changed = threading.Condition()
        self._ending = False
        self._due = math.inf
        self._wakes = math.inf
        self._bite: Callable[[], None] = lambda: None
        self._bitten = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    @contextmanager
    def within(self, seconds: float, bite: Callable[[], None]) -> Iterator[Callable[[], bool]]:
        """Call `bite` if the block takes longer; the value given says whether it has."""
        with self._changed:
            self._bite, self._bitten = bite, False
            self._due = time.monotonic() + seconds
            if self._due < self._wakes:
                self._changed.notify()
        try:
            yield lambda: self._bitten
        finally:
            with self._changed:
                self._due = math.inf

    def _run(self) -> None:
        with self._changed:
            while not self._ending:
                now = time.monotonic()
                if self._due <= now:
                    self._due, self._bitten = math.inf, True
                    self._bite()
                self._wakes = self._due
                self._changed.wait(None if self._due == math.inf else self._due - now)


def _sockets() -> set[int]:
    """File descriptors of this process that lead to the PC/SC daemon."""
    return {number for path in Path("/proc/self/fd").iterdir() if _leads_to_daemon(number := int(path.name))}


def _leads_to_daemon(number: int) -> bool:
    with _looked_at(number) as connection:
        if connection is None or connection.family != socket.AF_UNIX:
            return False
        try:
            return str(connection.getpeername()).endswith(_SOCKET_NAME)
        except OSError:
            return False


def _shut(number: int) -> None:
    with _looked_at(number) as connection:
        try:
            # Asked again: the number may be another file's by now, this copy cannot be.
            if connection is not None and str(connection.getpeername()).endswith(_SOCKET_NAME):
                connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


@contextmanager
def _looked_at(number: int) -> Iterator[socket.socket | None]:
    """A copy of a file descriptor as a socket; None where it is none, or is closed meanwhile."""
    try:
        copy = os.dup(number)
    except OSError:
        yield None
        return
    try:
        connection = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        yield None
        return
    with connection:
        yield connection
