"""The virtual machine's counter: its readers and cameras are this machine's twins, its agent answers over SSH."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from border_agent.api.client import AgentClient, AgentGone
from border_agent.demo.counter import Arrival, Passage, pass_by
from border_agent.demo.flight import arrival_of
from border_agent.demo.parts import DemoFailed, today
from border_agent.specimens.album import build_all, build_codes
from border_agent.specimens.feeds import policy, signer_records, visa_records, watch_records
from border_agent.specimens.signing import make_signers
from firmware_bridge.virtual.launch import CameraTwin, SerialTwin
from mqtt_schemas.feeds import Feed
from tests.vm.inventory import CAMERA_PORTS
from tests.vm.machine import Machine

SOCKET = "/run/borne/agent.sock"
FRAMES_PER_SECOND = 4.0
"""An emulated processor decodes no more pictures than that from two cameras."""


class SlowCamera(CameraTwin):
    """A camera for an emulated machine."""

    def show(self, paths: Sequence[Path | str], fps: float = FRAMES_PER_SECOND) -> None:
        super().show(paths, min(fps, FRAMES_PER_SECOND))


class Counter:
    """The devices on the counter and the officer behind it. Leaving ends the twins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reader = SerialTwin(folder / "dev" / "mrz")
        self.scanner = SerialTwin(folder / "dev" / "scanner")
        self.desk_camera, self.face_camera = SlowCamera(), SlowCamera()
        self.socket = folder / "none"

    def start(self) -> None:
        (self.folder / "dev").mkdir(parents=True, exist_ok=True)
        for twin in self._twins:
            twin.start()
        for camera in (self.desk_camera, self.face_camera):
            camera.show([])

    def stop(self) -> None:
        for twin in self._twins:
            with suppress(OSError):
                twin.stop()

    @property
    def serial(self) -> dict[str, Path]:
        """In the order of the USB sockets."""
        return {"mrz": self.reader.link, "scanner": self.scanner.link}

    @property
    def services(self) -> dict[int, int]:
        """Guest ports and the cameras behind them."""
        return {CAMERA_PORTS["document"]: self.desk_camera.port, CAMERA_PORTS["face"]: self.face_camera.port}

    @property
    def _twins(self) -> tuple[Any, ...]:
        return (self.reader, self.scanner, self.desk_camera, self.face_camera)

    @contextmanager
    def reached(self, machine: Machine) -> Iterator[AgentClient]:
        """The agent of the machine, as an officer's program reaches it."""
        with machine.reach(SOCKET) as self.socket, AgentClient(str(self.socket), timeout=60.0) as agent:
            yield agent

    def lay(self, chip: Path | None) -> None:
        """The machine has no reader for chips."""

    def pass_by(self, arrival: Arrival) -> Passage:
        """One traveller, from the first step to the recorded decision; while the agent is reached."""
        return pass_by(self, arrival)  # type: ignore[arg-type]


def wait_for(
    agent: AgentClient, what: str, ready: Callable[[dict[str, Any]], bool], seconds: float
) -> dict[str, Any]:
    """The agent's state once it is so. Raises DemoFailed with the last one."""
    deadline = time.monotonic() + seconds
    state: dict[str, Any] = {}
    while time.monotonic() < deadline:
        with suppress(AgentGone):
            state = agent.state()
            if ready(state):
                return state
        time.sleep(0.5)
    raise DemoFailed(what, str(state)[:2000])


def wait_ready(agent: AgentClient, seconds: float) -> dict[str, Any]:
    """What the agent can do, once it is ready and every device of its counter is. Raises DemoFailed."""
    deadline = time.monotonic() + seconds
    can: dict[str, Any] = {}
    while time.monotonic() < deadline:
        with suppress(AgentGone):
            can = agent.capabilities()
            if can["ready"] and all(device["state"] == "ready" for device in can["devices"]):
                return can
        time.sleep(0.5)
    raise DemoFailed("agent", str(can)[:2000])


class Cast:
    """The fictional travellers, and the lists in which the country knows them."""

    def __init__(self, album: Path, codes: Path) -> None:
        self.album = build_all(album, today())
        self._signers = make_signers(self.album.today)
        self._codes = build_codes(self.album, codes, self._signers)

    @property
    def feeds(self) -> dict[Feed, list[Any]]:
        return {
            Feed.VISAS: list(visa_records(self.album.today, self.album.portraits())),
            Feed.TRUST: list(signer_records(self.album.today, self._signers)),
            Feed.POLICY: [policy(self.album.today)],
            Feed.WATCHLIST: list(watch_records(self.album.today)),
        }

    def arrival(self, number: int) -> Arrival:
        """What traveller so-and-so of the cast brings."""
        (traveller,) = (one for one in self.album.travellers if one.number == number)
        return arrival_of(self.album, self._codes, traveller)
