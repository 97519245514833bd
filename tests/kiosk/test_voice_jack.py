"""The headphone jack: the true bytes through a FIFO and a pseudo-terminal, in any pieces, and what goes wrong."""

from __future__ import annotations

import errno
import fcntl
import os
import queue
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.voice import jack
from kiosk_app.voice.jack import EVENT, EventFramer, HeadphoneJack

PATIENCE = 30.0
IN, OUT = (5, 2, 1), (5, 2, 0)
SYN = (0, 0, 0)


def event(kind: int, code: int, value: int, seconds: int = 1_790_000_000, micros: int = 123_456) -> bytes:
    """As `struct input_event` of <linux/input.h> lies in memory on a 64-bit machine, written out once more."""
    return struct.pack("=qq", seconds, micros) + struct.pack("=HHi", kind, code, value)


FOREIGN = b"".join(event(*one) for one in ((1, 30, 1), SYN, (5, 4, 1), (5, 7, 1), (3, 0, -40), (2, 8, -1), (5, 2, 7)))


class Heard:
    def __init__(self, path: Path) -> None:
        self.changes: queue.Queue[str] = queue.Queue()
        self.jack = HeadphoneJack(str(path), lambda: self.changes.put("in"), lambda: self.changes.put("out"))

    def next(self) -> str:
        return self.changes.get(timeout=PATIENCE)

    def nothing(self, seconds: float = 0.2) -> bool:
        time.sleep(seconds)
        return self.changes.empty()


class Fifo:
    """The device of a test, held open for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._end = -1

    def plug(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._end < 0:
            try:
                self._end = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:  # nobody reads yet
                assert error.errno == errno.ENXIO and time.monotonic() < deadline
                time.sleep(0.01)

    def write(self, data: bytes, piece: int = 1 << 16, gap: float = 0.0) -> None:
        for start in range(0, len(data), piece):
            os.write(self._end, data[start : start + piece])
            time.sleep(gap)

    def unplug(self) -> None:
        if self._end >= 0:
            os.close(self._end)
        self._end = -1


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    made = Fifo(tmp_path / "event")
    yield made
    made.unplug()


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    watching = Heard(tmp_path / "event")
    watching.jack.start()
    yield watching
    watching.jack.stop()


@pytest.mark.parametrize("piece", [1, 5, 23, 24, 25, 4096])
def test_in_and_out_in_any_pieces(fifo: Fifo, heard: Heard, piece: int) -> None:
    fifo.plug()
    fifo.write(FOREIGN + event(*IN) + event(*SYN), piece, gap=0.001)
    assert heard.next() == "in" and heard.jack.plugged
    fifo.write(event(*IN) + FOREIGN + event(*OUT) + event(*SYN), piece, gap=0.001)
    assert heard.next() == "out" and not heard.jack.plugged
    assert heard.nothing()


def test_half_an_event_is_none_until_the_rest_comes(fifo: Fifo, heard: Heard) -> None:
    fifo.plug()
    fifo.write(event(*IN)[:23])
    assert heard.nothing()
    fifo.write(event(*IN)[23:])
    assert heard.next() == "in"


def test_unplugging_the_device_is_pulling_the_plug(fifo: Fifo, heard: Heard) -> None:
    for _ in range(2):
        fifo.plug()
        fifo.write(event(*IN) + event(*OUT)[:11])  # half an event is void after the loss
        assert heard.next() == "in"
        fifo.unplug()
        assert heard.next() == "out"


def test_a_device_that_comes_later_is_found(heard: Heard, tmp_path: Path) -> None:
    time.sleep(0.4)
    fifo = Fifo(tmp_path / "event")
    fifo.plug()
    fifo.write(event(*IN))
    assert heard.next() == "in"
    fifo.unplug()


def test_a_terminal_as_device(tmp_path: Path) -> None:
    near, far = os.openpty()
    tty.setraw(far)
    (tmp_path / "event").symlink_to(os.ttyname(far))
    heard = Heard(tmp_path / "event")
    heard.jack.start()
    for byte in FOREIGN + event(*IN):
        os.write(near, bytes([byte]))
    assert heard.next() == "in"
    os.close(far)
    os.close(near)  # a hang-up
    assert heard.next() == "out"
    heard.jack.stop()


@pytest.mark.parametrize("garbage", [b"\xff" * 24, b"\xff" * 10_007, b"\x00" * 240, bytes(range(1, 256)) * 3])
def test_garbage_is_skipped(fifo: Fifo, heard: Heard, garbage: bytes) -> None:
    fifo.plug()
    fifo.write(garbage)
    fifo.write(event(*IN))
    assert heard.next() == "in"
    fifo.write(garbage + event(*OUT))
    assert heard.next() == "out"


@pytest.mark.parametrize("kind", ["missing", "folder", "file", "nul", "denied"])
def test_what_is_no_device_is_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "event"
    if kind == "folder":
        path.mkdir()
    elif kind in ("file", "denied"):
        path.write_bytes(b"\xff" * 100)
        path.chmod(0 if kind == "denied" else 0o600)
    heard = Heard(Path("a\0b") if kind == "nul" else path)
    heard.jack.start()
    assert heard.nothing(0.5)
    began = time.monotonic()
    heard.jack.stop()
    assert time.monotonic() - began < 5


def test_pauses_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []
    opened = os.open

    def counted(path: str, *arguments: int) -> int:
        if path == str(tmp_path / "event"):
            attempts.append(time.monotonic())
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", counted)
    heard = Heard(tmp_path / "event")
    heard.jack.start()
    time.sleep(2.0)
    heard.jack.stop()
    assert 3 <= len(attempts) <= 5


def test_a_function_that_fails_ends_nothing(fifo: Fifo, tmp_path: Path) -> None:
    changes: queue.Queue[str] = queue.Queue()

    def fail() -> None:
        changes.put("in")
        raise RuntimeError

    watched = HeadphoneJack(str(fifo.path), fail, lambda: changes.put("out"))
    watched.start()
    fifo.plug()
    fifo.write(event(*IN) + event(*OUT) + event(*IN))
    assert [changes.get(timeout=PATIENCE) for _ in range(3)] == ["in", "out", "in"]
    watched.stop()


def test_stop_is_quiet_quick_and_may_be_repeated(fifo: Fifo) -> None:
    heard = Heard(fifo.path)
    heard.jack.stop()
    for _ in range(3):
        heard.jack.start()
        heard.jack.start()
        fifo.plug()
        fifo.write(event(*IN))
        assert heard.next() == "in"
        began = time.monotonic()
        heard.jack.stop()
        heard.jack.stop()
        assert time.monotonic() - began < 5
        fifo.unplug()
    assert heard.nothing()
    assert not [thread for thread in threading.enumerate() if thread.name == "jack"]


def test_the_state_at_first_and_after_lost_events_is_asked_for(
    fifo: Fifo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FIFO has no switches, so the kernel's answer is put in its place; the question is the true one."""
    switches = {"now": 1 << 2 | 1 << 4}
    asked: list[int] = []

    def answer(_device: int, request: int, room: bytes) -> bytes:
        asked.append(request)
        assert len(room) == 1
        return bytes([switches["now"]])

    monkeypatch.setattr(fcntl, "ioctl", answer)
    heard = Heard(fifo.path)
    heard.jack.start()
    assert heard.next() == "in"
    fifo.plug()
    switches["now"] = 1 << 4
    fifo.write(event(0, 3, 0))
    assert heard.next() == "out"
    assert set(asked) == {0x8001451B}  # EVIOCGSW(1) of <linux/input.h>
    heard.jack.stop()


EVENTS = st.tuples(st.integers(0, 0x1F), st.integers(0, 0x2FF), st.integers(-(2**31), 2**31 - 1))


@given(st.lists(EVENTS, max_size=12), st.data())
def test_any_division_gives_the_same_events(events: list[tuple[int, int, int]], data: st.DataObject) -> None:
    framer, stream, found = EventFramer(), b"".join(event(*one) for one in events), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += framer.feed(stream[:cut])
        stream = stream[cut:]
    assert found == events


@given(st.binary(max_size=400), st.binary(max_size=100))
def test_any_bytes_are_borne_and_nothing_grows(garbage: bytes, more: bytes) -> None:
    framer = EventFramer()
    for data in (garbage, more, garbage):
        for kind, code, _ in framer.feed(data):
            assert kind <= 0x1F and code <= 0x2FF
        assert len(framer._held) < EVENT.size


@given(st.binary(min_size=1, max_size=100).filter(lambda garbage: all(garbage)))
def test_after_garbage_events_are_found_again(garbage: bytes) -> None:
    """Of the events behind it at most the first is lost."""
    found = list(EventFramer().feed(garbage + 3 * event(*IN)))
    assert found[-2:] == [IN, IN]


def test_the_kernels_words() -> None:
    assert (EVENT.size, jack.EV_SW, jack.SW_HEADPHONE_INSERT) == (24, 5, 2)
    make: Callable[..., bytes] = EVENT.pack
    assert make(1_790_000_000, 123_456, *IN) == event(*IN)
