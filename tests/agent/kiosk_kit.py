"""What the tests of the kiosk's side share: the journal's device events, and one agent seen with two rights."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import structs

from border_agent.agent.runtime import Agent
from border_agent.api.app import create_app
from border_agent.api.client import AgentClient
from border_agent.api.server import ApiServer
from mqtt_schemas.entries import DeviceEvent, read_entry


class Moving:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Diary:
    """Keeps what would be noted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, str]]] = []

    def __call__(self, event: str, details: dict[str, str]) -> None:
        self.events.append((event, details))

    @property
    def names(self) -> list[str]:
        return [event for event, _ in self.events]


def noted(agent: Agent, *names: str) -> list[tuple[str, dict[str, str]]]:
    """The device events of these names in the journal, oldest first."""
    with agent._store.reading() as connection:
        bodies = [bytes(body) for (body,) in connection.execute("SELECT body FROM journal ORDER BY sequence")]
    entries = [read_entry(body) for body in bodies]
    return [(one.event, one.details) for one in entries if isinstance(one, DeviceEvent) and one.event in names]


@contextlib.contextmanager
def kiosk_socket(agent: Agent, folder: Path) -> Iterator[AgentClient]:
    """The same agent over a second socket, where this user is a kiosk's window."""
    config = agent.config
    agent.config = structs.replace(config, api=structs.replace(config.api, kiosks=(os.geteuid(),)))
    app = create_app(agent)
    agent.config = config
    server = ApiServer(app, folder / "kiosk.sock")
    server.start()
    try:
        with AgentClient(str(folder / "kiosk.sock")) as client:
            yield client
    finally:
        server.stop()


def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
