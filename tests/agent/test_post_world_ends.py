"""A post that is ended while it starts: everything that runs is stopped, whatever else goes wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from border_agent.demo.appliance import Appliance
from border_agent.demo.national import National
from border_agent.demo.post_world import PostWorld
from mqtt_schemas.lab.broker import LabBroker


def test_an_interruption_between_two_starts_stops_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(Appliance, "stop_device", lambda self: stopped.append(self.device))
    monkeypatch.setattr(National, "stop", lambda self: stopped.append("national"))
    monkeypatch.setattr(LabBroker, "stop", lambda self: stopped.append("lan"))
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        started.append(thread)
        if len(started) == 2:
            raise KeyboardInterrupt

    world = PostWorld(tmp_path / "world", tmp_path / "album")
    with monkeypatch.context() as during, pytest.raises(KeyboardInterrupt), world:
        during.setattr(threading.Thread, "start", start)
        world._start_agents()
    assert {"national", "lan"} <= set(stopped) and len(stopped) == 5
