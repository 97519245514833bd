"""One device of the demo: its keys and configuration, its twins on the wire, its agent as a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.api.client import AgentClient, AgentGone, Json
from border_agent.demo.chips import SECTION, ChipStand, obstacle
from border_agent.demo.national import National
from border_agent.demo.parts import READY_SECONDS, DemoFailed, end, private_pem, spawn, tail, write_private
from border_agent.store import create_key
from firmware_bridge.virtual.launch import CameraTwin, SerialTwin
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.sealing import sealing_public


class Appliance:
    """A kiosk or a post in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        national: National,
        *,
        device: str,
        post: str,
        role: str = "post",
        extra: str = "",
        training: bool = False,
    ) -> None:
        """`extra`: more sections for the device's configuration."""
        self.folder = folder
        self.national = national
        self.device = device
        self.post = post
        self.role = role
        self.training = training
        self.extra = extra
        self.config = folder / "agent.toml"
        self.socket = folder / "agent.sock"
        self.reader = SerialTwin(folder / "dev" / "mrz")
        self.scanner = SerialTwin(folder / "dev" / "scanner")
        self.desk_camera = CameraTwin()
        self.face_camera = CameraTwin()
        self.chips = None if obstacle() else ChipStand()
        """None: chips cannot be read on this machine."""
        self._agent: subprocess.Popen[bytes] | None = None
        self._ending = False

    def prepare_device(self) -> None:
        """Start the twins, make the device's keys, enrol it, write its configuration."""
        (self.folder / "dev").mkdir(parents=True, exist_ok=True)
        for twin in (self.reader, self.scanner, self.desk_camera, self.face_camera):
            twin.start()
        if self.chips is not None:
            self.chips.start()
        journal, sealing = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
        create_key(self.folder / "store.key")
        write_private(self.folder / "journal.key", private_pem(journal))
        write_private(self.folder / "sealing.key", private_pem(sealing))
        self.national.enrol(self.device, self.post, self.role, public_bytes(journal), sealing_public(sealing))
        self._write_configuration()

    def start_agent(self) -> float:
        """Start the agent and wait for it and its devices; returns the seconds it took. Raises DemoFailed."""
        begun = time.monotonic()
        environment = self.chips.environment if self.chips is not None else {}
        self._agent = spawn(
            self.folder / "agent.log", "agent", "run", "--config", str(self.config), environment=environment
        )
        self._wait_for_agent(begun)
        return time.monotonic() - begun

    def kill_agent(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self._agent is not None
        self._agent.kill()
        self._agent.wait()
        self._agent = None

    def stop_agent(self) -> None:
        end(self._agent)
        self._agent = None

    def stop_device(self) -> None:
        """End agent and twins, whatever state they are in; an agent that is being started is not waited for."""
        self._ending = True
        self.stop_agent()
        for twin in (self.reader, self.scanner, self.desk_camera, self.face_camera):
            with contextlib.suppress(OSError):
                twin.stop()
        if self.chips is not None:
            self.chips.stop()

    def lay(self, chip: Path | None) -> None:
        """Lay a passport with this chip on the reader; None: without one, or take it away."""
        if self.chips is not None:
            self.chips.lay(chip)

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
            if self._ending or self._agent is None or self._agent.poll() is not None:
                break
            with contextlib.suppress(AgentGone), AgentClient(str(self.socket), timeout=5.0) as agent:
                can = agent.capabilities()
                if can["ready"] and all(device["state"] == "ready" for device in can["devices"]):
                    return
            time.sleep(0.05)
        raise DemoFailed("agent", tail(self.folder / "agent.log"))

    def _write_configuration(self) -> None:
        tls, broker = self.national.authority.client(self.device), self.national.broker
        self.config.write_text(
            f"""\
[device]
id = "{self.device}"
role = "{self.role}"
post = "{self.post}"
training = {str(self.training).lower()}

[store]
path = "store.db"
key = "store.key"

[identity]
journal_key = "journal.key"
sealing_key = "sealing.key"
root = "{self.national.root.hex()}"

[mqtt]
brokers = ["mqtts://{broker.host}:{broker.port}"]
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
{SECTION if self.chips is not None else ""}
{self.extra}""",
            encoding="utf-8",
        )
