"""What the agent tells systemd: ready once, alive only while its local API answers."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from border_agent.cli.service import Service, answers


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(5.0)
        yield heard


def service(systemd: socket.socket, **more: str) -> Service:
    return Service({"NOTIFY_SOCKET": systemd.getsockname(), **more})


def test_ready_and_stopping_are_told(systemd: socket.socket) -> None:
    told = service(systemd)
    told.ready()
    told.stopping()
    assert [systemd.recv(64), systemd.recv(64)] == [b"READY=1", b"STOPPING=1"]


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0borne-test-{os.getpid()}")
        heard.settimeout(5.0)
        Service({"NOTIFY_SOCKET": f"@borne-test-{os.getpid()}"}).ready()
        assert heard.recv(64) == b"READY=1"


def test_signs_of_life_come_four_times_in_systemds_patience(systemd: socket.socket) -> None:
    ended = threading.Event()
    told = service(systemd, WATCHDOG_USEC="200000", WATCHDOG_PID=str(os.getpid()))
    assert told.turn_seconds == 0.05
    lives = iter([True, False, True])

    def alive(_: float) -> bool:
        one = next(lives, None)
        if one is None:
            ended.set()
        return bool(one)

    told.stay(ended, alive)
    systemd.setblocking(False)
    assert systemd.recv(64) == systemd.recv(64) == b"WATCHDOG=1"
    with pytest.raises(BlockingIOError):
        systemd.recv(64)


@pytest.mark.parametrize(
    "said", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}]
)
def test_none_are_awaited(systemd: socket.socket, said: dict[str, str]) -> None:
    told = service(systemd, **said)
    assert told.turn_seconds is None
    ended = threading.Event()
    threading.Timer(0.05, ended.set).start()
    told.stay(ended, lambda _: pytest.fail("asked"))


def test_nobody_listens(tmp_path: Path) -> None:
    Service({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    Service({}).ready()


def test_a_silent_api_is_no_life(tmp_path: Path) -> None:
    assert not answers(str(tmp_path / "agent.sock"), 0.2)
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(tmp_path / "agent.sock"))
        hung.listen()
        assert not answers(str(tmp_path / "agent.sock"), 0.2)
