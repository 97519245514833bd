"""The demo's world: a folder, throw-away keys, and the processes that live in it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from border_agent.api.client import AgentClient, AgentGone, Json
from border_agent.errors import BorneError
from border_agent.store import create_key
from firmware_bridge.virtual.launch import CameraTwin, SerialTwin
from mqtt_schemas.centre.folder import BrokerSettings, init
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.feeds import Feed
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import CENTRE, LabAuthority

_log = logging.getLogger(__name__)

DEVICE = "uto-aeroport-g1"
POST = "utopia-aeroport"
READY_SECONDS = 60.0


class DemoFailed(BorneError):
    """A part of the demo did not come up, or did not do its work in time."""

    code = "demo.failed"


class World:
    """Broker, centre, agent and twins in one folder. A context manager: leaving ends every process."""

    def __init__(
        self, folder: Path, *, role: str = "post", extra: str = "", device: str = DEVICE, training: bool = False
    ) -> None:
        """`extra`: more sections for the device's configuration."""
        self.folder = folder
        self.role = role
        self.device = device
        self.training = training
        self._extra = extra
        self.centre_folder = folder / "centre"
        self.config = folder / "agent.toml"
        self.socket = folder / "agent.sock"
        self._authority = LabAuthority(folder / "tls")
        self.broker = LabBroker(folder / "broker", self._authority.server())
        self.reader = SerialTwin(folder / "dev" / "mrz")
        self.scanner = SerialTwin(folder / "dev" / "scanner")
        self.desk_camera = CameraTwin()
        self.face_camera = CameraTwin()
        self._centre: subprocess.Popen[bytes] | None = None
        self._agent: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def prepare(self, feeds: dict[Feed, list[Struct]]) -> None:
        """Start the broker and the twins, make the centre and the device known to each other, fill the lists."""
        (self.folder / "dev").mkdir(parents=True, exist_ok=True)
        self.broker.start()
        for twin in (self.reader, self.scanner, self.desk_camera, self.face_camera):
            twin.start()
        centre = self._authority.client(CENTRE)
        root = init(
            self.centre_folder,
            BrokerSettings(
                host=self.broker.host,
                port=self.broker.port,
                ca=str(centre.ca),
                certificate=str(centre.certificate),
                key=str(centre.key),
            ),
        )
        journal_key = Ed25519PrivateKey.generate()
        enrol(self.centre_folder, self.device, POST, public_bytes(journal_key))
        self._write_device(journal_key, root)
        for feed, records in feeds.items():
            file = self.folder / f"{feed.value}.jsonl"
            file.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
            import_feed(self.centre_folder, feed.value, file)

    def start_centre(self) -> None:
        self._centre = self._spawn("centre", "run", "--folder", str(self.centre_folder), log="centre.log")

    def start_agent(self) -> float:
        """Start the agent and wait for it and its devices; returns the seconds it took. Raises DemoFailed."""
        begun = time.monotonic()
        self._agent = self._spawn("agent", "run", "--config", str(self.config), log="agent.log")
        self._wait_for_agent(begun)
        return time.monotonic() - begun

    def kill_agent(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self._agent is not None
        self._agent.kill()
        self._agent.wait()
        self._agent = None

    def stop_agent(self) -> None:
        _end(self._agent)
        self._agent = None

    def stop_centre(self) -> None:
        _end(self._centre)
        self._centre = None

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        self.stop_agent()
        self.stop_centre()
        for part in (self.reader, self.scanner, self.desk_camera, self.face_camera, self.broker):
            with contextlib.suppress(OSError):
                part.stop()

    def wait_for(self, what: str, ready: Callable[[Json], bool], seconds: float = READY_SECONDS) -> Json:
        """The agent's state once `ready(state)` holds. Raises DemoFailed with the last state."""
        deadline = time.monotonic() + seconds
        with AgentClient(str(self.socket)) as agent:
            while True:
                state = agent.state()
                if ready(state):
                    return state
                if time.monotonic() > deadline:
                    raise DemoFailed(what, str(state)[:2000])
                time.sleep(0.05)

    def _wait_for_agent(self, begun: float) -> None:
        while time.monotonic() - begun < READY_SECONDS:
            if self._agent is None or self._agent.poll() is not None:
                break
            with contextlib.suppress(AgentGone), AgentClient(str(self.socket), timeout=5.0) as agent:
                can = agent.capabilities()
                if can["ready"] and all(device["state"] == "ready" for device in can["devices"]):
                    return
            time.sleep(0.05)
        raise DemoFailed("agent", _tail(self.folder / "agent.log"))

    def _spawn(self, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "border_agent.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the demo, which ends them in order
            )

    def _write_device(self, journal_key: Ed25519PrivateKey, root: bytes) -> None:
        tls = self._authority.client(self.device)
        create_key(self.folder / "store.key")
        pem = journal_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with os.fdopen(
            os.open(self.folder / "journal.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
        ) as file:
            file.write(pem)
        self.config.write_text(
            f"""\
[device]
id = "{self.device}"
role = "{self.role}"
post = "{POST}"
training = {str(self.training).lower()}

[store]
path = "store.db"
key = "store.key"

[identity]
journal_key = "journal.key"
root = "{root.hex()}"

[mqtt]
brokers = ["mqtts://{self.broker.host}:{self.broker.port}"]
authority = "{tls.ca}"
certificate = "{tls.certificate}"
key = "{tls.key}"

[api]
socket = "agent.sock"

[devices.document_reader]
name = "mrz"
port = "{self.reader.link}"

[devices.code_scanner]
name = "scanner"
port = "{self.scanner.link}"

[[devices.cameras]]
name = "desk"
role = "document"
source = "{self.desk_camera.url}"

[[devices.cameras]]
name = "face"
role = "face"
source = "{self.face_camera.url}"
{self._extra}""",
            encoding="utf-8",
        )


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-2000:]
    except OSError as error:
        return str(error)


def today() -> date:
    """The day of the demo, UTC: the agent's own."""
    return date.fromtimestamp(time.time())
