"""The relay between real sockets: what passes, how fast, and what a cut does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.line.slow_line import HEADERS, SlowLine
from tests.line.wire import Quality


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that gives back what it gets, until its client ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def dial(line: SlowLine) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), timeout=20)


def read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def test_bytes_come_whole_after_delay_and_at_the_rate(echo: tuple[str, int]) -> None:
    sent = bytes(range(256)) * 40
    with SlowLine(echo, Quality(rate=400_000, delay=0.1)) as line, dial(line) as connection:
        begun, before = time.monotonic(), line.reading()
        connection.sendall(sent)
        assert read(connection, len(sent)) == sent
        after = line.reading()
        # 10 kB at 50 kB/s, and the echo begins when the first segment is there: not before 0.2 s + 0.2 s.
        assert 0.4 < time.monotonic() - begun < 8
        assert len(sent) < after.up - before.up <= len(sent) + 40 * HEADERS
        assert 0 < line.used(before, after) <= 1
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_a_sender_is_made_to_wait(echo: tuple[str, int]) -> None:
    with SlowLine(echo, Quality(rate=80_000)) as line, dial(line) as connection:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sent, until = 0, time.monotonic() + 0.5
        while time.monotonic() < until:
            try:
                sent += connection.send(bytes(65536))
            except BlockingIOError:
                time.sleep(0.01)
        assert sent < 8_000_000


def test_cut_resets_and_refuses_until_mended(echo: tuple[str, int]) -> None:
    with SlowLine(echo, Quality()) as line:
        with dial(line) as connection:
            connection.sendall(b"one")
            assert read(connection, 3) == b"one"
            line.cut()
            with pytest.raises(ConnectionError):
                connection.recv(1)
                connection.sendall(b"two")
        with pytest.raises(ConnectionError):
            dial(line)
        port = line.port
        line.mend()
        assert line.port == port
        with dial(line) as connection:
            connection.sendall(b"three")
            assert read(connection, 5) == b"three"


def test_silence_passes_nothing_and_loses_nothing(echo: tuple[str, int]) -> None:
    with SlowLine(echo, Quality()) as line, dial(line) as connection:
        connection.sendall(b"one")
        assert read(connection, 3) == b"one"
        line.silence()
        connection.sendall(b"two")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(3)
        line.mend()
        connection.settimeout(20)
        assert read(connection, 3) == b"two"


def test_another_quality_from_now_on(echo: tuple[str, int]) -> None:
    with SlowLine(echo, Quality(delay=2.0)) as line, dial(line) as connection:
        line.change(Quality())
        begun = time.monotonic()
        connection.sendall(b"quick")
        assert read(connection, 5) == b"quick"
        assert time.monotonic() - begun < 1.9


def test_nobody_behind_it_is_as_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nowhere = listener.getsockname()
    # Refused at once or a moment later: either way nobody is there.
    with SlowLine(nowhere, Quality()) as line, pytest.raises(ConnectionError), dial(line) as connection:
        connection.recv(1)
        connection.sendall(b"x")
