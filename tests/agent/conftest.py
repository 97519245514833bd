"""A whole agent in this process, its local API on a real socket; the line is down and devices are as configured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.agent.runtime import Agent
from border_agent.api.app import create_app
from border_agent.api.client import AgentClient
from border_agent.api.server import ApiServer
from border_agent.config import load_config
from border_agent.store import create_key
from mqtt_schemas.lab.pki import LabAuthority

DEVICE = "test-device-1"


def write_device(folder: Path, extra: str = "") -> Path:
    """A device's folder: keys, certificate, configuration; its broker's port is one where nobody listens."""
    tls = LabAuthority(folder / "tls").client(DEVICE)
    if not (folder / "store.key").exists():
        create_key(folder / "store.key")
        key = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "journal.key").write_bytes(key)
        (folder / "journal.key").chmod(0o600)
    config = folder / "agent.toml"
    config.write_text(
        f"""\
[device]
id = "{DEVICE}"
[store]
path = "store.db"
key = "store.key"
[identity]
journal_key = "journal.key"
root = "{"00" * 32}"
[mqtt]
brokers = ["mqtts://localhost:1"]
authority = "{tls.ca}"
certificate = "{tls.certificate}"
key = "{tls.key}"
[api]
socket = "agent.sock"
{extra}
""",
        encoding="utf-8",
    )
    return config


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a Unix socket's name has 108 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="borne-") as name:
        yield Path(name)


class Start:
    """Starts the agent of a folder, with these lines added to its configuration; `stop` ends it as SIGTERM does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def __call__(self, extra: str = "") -> tuple[Agent, AgentClient]:
        config = load_config(write_device(self._folder, extra))
        agent = self._stack.enter_context(Agent(config))
        server = ApiServer(create_app(agent), config.path(config.api.socket))
        server.start()
        self._stack.callback(server.stop)
        return agent, self._stack.enter_context(AgentClient(str(config.path(config.api.socket))))

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """The agent of `folder`; it ends with the test."""
    starter = Start(folder)
    yield starter
    starter.stop()
