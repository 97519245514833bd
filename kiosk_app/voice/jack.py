"""The headphone jack: a Linux input device that says when a plug goes in and out.

Wire format (`struct input_event`, 64 bits): seconds and microseconds, 8 octets each; type and code, 2 octets each;
value, 4 octets, signed; all in the machine's order. The jack is type EV_SW (5), code SW_HEADPHONE_INSERT (2), value 1
for a plug that is in. Give a path under /dev/input/by-path/, which names the socket and not the order of finding.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import struct
import threading
from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)

EVENT = struct.Struct("@qqHHi")
EV_SYN, SYN_DROPPED = 0, 3
EV_SW, SW_HEADPHONE_INSERT = 5, 2

_EV_MAX, _CODE_MAX = 0x1F, 0x2FF
_EVIOCGSW = (2 << 30) | (1 << 16) | (ord("E") << 8) | 0x1B  # read, one octet: switches 0 to 7
_READ = 64 * EVENT.size
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class EventFramer:
    """Events out of octets that come in any pieces. What cannot be an event is skipped, octet by octet."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, int]]:
        """Type, code and value of each event that is whole now."""
        held = self._held + data
        at = 0
        while len(held) - at >= EVENT.size:
            seconds, micros, kind, code, value = EVENT.unpack_from(held, at)
            if 0 <= seconds < 1 << 40 and 0 <= micros < 1_000_000 and kind <= _EV_MAX and code <= _CODE_MAX:
                at += EVENT.size
                yield kind, code, value
            else:
                at += 1
        self._held = held[at:]


class HeadphoneJack:
    """Watches one jack in a thread of its own. A device that is missing is looked for again."""

    def __init__(self, path: str, inserted: Callable[[], None], removed: Callable[[], None]) -> None:
        """The functions are called in the jack's thread, once for each change; a plug is out until known to be in."""
        self._path = path
        self._call = {True: inserted, False: removed}
        self._plugged = False
        self._stop: int | None = None  # an eventfd that ends every wait
        self._thread: threading.Thread | None = None
        self._seen = True  # so that the first failure to open is logged

    @property
    def plugged(self) -> bool:
        return self._plugged

    def start(self) -> None:
        if self._thread is None:
            self._stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self._thread = threading.Thread(target=self._run, args=(self._stop,), name="jack", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread; nothing is called any more. Not to be called from the functions themselves."""
        if self._thread is not None and self._stop is not None:
            os.eventfd_write(self._stop, 1)
            self._thread.join()
            os.close(self._stop)
            self._thread = self._stop = None
            self._plugged = False

    def _run(self, stop: int) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                device = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
            except (OSError, ValueError) as error:
                if self._seen:
                    _log.info("headphone jack %s: %s", self._path, getattr(error, "strerror", None) or error)
                self._seen = False
            else:
                try:
                    if self._follow(device, stop):
                        pause = _FIRST_PAUSE
                        self._seen = True
                finally:
                    os.close(device)
            if _stopped(stop, 0):
                return
            self._become(False)  # headphones cannot be heard through a jack that is gone
            if _stopped(stop, pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _follow(self, device: int, stop: int) -> bool:
        """Read until the device goes or `stop`; True if it has proved to be one."""
        framer = EventFramer()
        proved = self._ask(device)
        poll = select.poll()
        poll.register(device, select.POLLIN)
        poll.register(stop, select.POLLIN)
        while stop not in [ready for ready, _ in poll.poll()]:
            try:
                data = os.read(device, _READ)
            except BlockingIOError:
                continue
            except OSError:
                return proved
            if not data:
                return proved
            for kind, code, value in framer.feed(data):
                proved = True
                if (kind, code) == (EV_SW, SW_HEADPHONE_INSERT) and value in (0, 1):
                    self._become(value == 1)
                elif (kind, code) == (EV_SYN, SYN_DROPPED):
                    self._ask(device)  # the kernel lost events, maybe ours
        return proved

    def _ask(self, device: int) -> bool:
        """Take over the state a true input device is in now; other files have none."""
        try:
            switches = fcntl.ioctl(device, _EVIOCGSW, b"\0")
        except OSError:
            return False
        self._become(bool(switches[0] & 1 << SW_HEADPHONE_INSERT))
        return True

    def _become(self, plugged: bool) -> None:
        if plugged is self._plugged:
            return
        self._plugged = plugged
        try:
            self._call[plugged]()
        except Exception:
            _log.exception("headphone jack: what was to happen did not")


def _stopped(stop: int, timeout: float) -> bool:
    poll = select.poll()
    poll.register(stop, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
