"""What the machine test of the data centre plays with: a release of the centre's own lock, an authority, a device."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from root_kit import REPOSITORY, Root
from unit_kit import Running, Unit, running

from border_agent.clock import Clock
from border_agent.reporting import ReportingService, ReportingSettings
from border_agent.store import Journal, Store, create_key
from mqtt_schemas.centre.authority import Authority
from mqtt_schemas.entries import ClockQuality, DeviceEvent
from mqtt_schemas.keys import public_bytes

RELEASES = REPOSITORY / "provisioning" / "tools" / "release.py"


def until(so: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def build_release(folder: Path) -> tuple[Path, str, Path]:
    """The centre's release from this tree and its lock; the root it is believed from, public and private."""
    keys = folder / "keys"

    def call(*words: str | Path) -> str:
        done = subprocess.run([sys.executable, RELEASES, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    root = call("lab", "--out", keys)
    signing = ["--key", keys / "software.pem", "--keys", keys / "keys.json"]
    return Path(call("build", "--role", "centre", *signing, "--out", folder)), root, keys / "root.pem"


class Device:
    """A true device of the border: its encrypted store, its journal, its own sender; no window, no cameras."""

    def __init__(self, folder: Path, name: str, port: int, root: bytes, authority: Authority) -> None:
        folder.mkdir()
        self.name = name
        self.key = Ed25519PrivateKey.generate()
        self.files = write_identity(folder, name, authority)
        create_key(folder / "store.key")
        self._settings = ReportingSettings(
            brokers=(f"mqtts://localhost:{port}",),
            authority=self.files[0],
            certificate=self.files[1],
            key=self.files[2],
            root=root,
            retry_first=0.1,
            retry_most=0.5,
        )
        self.store = Store(folder / "store.db", folder / "store.key")
        self.journal = Journal(self.store, name, self.key, Clock(), software="test")
        self.service = ReportingService(self.store, self.journal, Clock(), self._settings)

    @property
    def public(self) -> bytes:
        return public_bytes(self.key)

    def __enter__(self) -> Device:
        self.service.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()
        self.store.close()

    def write(self, entries: int) -> None:
        for _ in range(entries):
            now = datetime.now(UTC)
            entry = DeviceEvent(
                id=secrets.token_hex(16),
                occurred_at=now,
                recorded_at=now,
                clock=ClockQuality.UNKNOWN,
                event="started",
                details={"filler": secrets.token_hex(100)},
            )
            self.journal.commit([entry])

    def acknowledged(self) -> int:
        return int(self.service.status().acknowledged)

    def holds(self, feed: str) -> bool:
        """Whether a list has come down and is installed."""
        return any(one.name == feed and one.version > 0 for one in self.service.status().feeds)


def write_identity(folder: Path, name: str, authority: Authority) -> tuple[Path, Path, Path]:
    """Whom it trusts, its certificate, its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = folder / "authority.pem", folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(authority.pem())
    certificates = (authority.device(key.public_key(), name, datetime.now(UTC)), authority.issuing)
    files[1].write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates))
    files[2].write_bytes(key.private_bytes(*pem))
    files[2].chmod(0o600)
    return files


def let_in(files: tuple[Path, Path, Path], port: int) -> bool:
    """Whether the broker takes a client with this identity."""
    context = ssl.create_default_context(cafile=files[0])
    context.load_cert_chain(files[1], files[2])
    answered, codes = threading.Event(), []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.tls_set_context(context)
    client.on_connect = lambda _c, _u, _f, reason, _p: (codes.append(reason), answered.set())
    client.on_disconnect = lambda *_: answered.set()
    with contextlib.suppress(OSError, ssl.SSLError):
        client.connect("localhost", port)
        client.loop_start()
        answered.wait(10)
        client.disconnect()
        client.loop_stop()
    return bool(codes) and not codes[0].is_failure


@contextlib.contextmanager
def instance(root: Root, template: str, name: str) -> Iterator[Running]:
    """A unit of a template, as systemd would make it, started."""
    kind, _, suffix = template.partition("@")
    unit = f"{kind}@{name}{suffix}"
    text = root.read(f"/etc/systemd/system/{template}").replace("%i", name)
    root.write(f"/etc/systemd/system/{unit}", text)
    try:
        with running(root, unit, {}) as started:
            yield started
    finally:
        root.at(f"/etc/systemd/system/{unit}").unlink()


def kill(started: Running) -> None:
    """SIGKILL to the program itself."""
    pid = started.process.pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    started.process.wait(30)


def as_unit_says(root: Root, name: str) -> str:
    """Run a oneshot unit's program as its account; what it said."""
    unit = Unit(root, name)
    return root.run("runuser", "-u", unit.one("User"), "--", unit.one("ExecStart")).stdout
