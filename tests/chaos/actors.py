"""Who can be killed: devices and the centre as processes of their own, and brokers of several kinds on one port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.store import create_key
from mqtt_schemas.centre.folder import BrokerSettings, PublishSettings, StoreSettings, init
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import CENTRE, LabAuthority

REPOSITORY = Path(__file__).resolve().parents[2]
BORNE = Path(sys.executable).with_name("borne")
ROLE = "airport"
PAUSE = "0.06"
"""Seconds between two decisions."""


@dataclass(frozen=True)
class Told:
    """A decision that its device was told is durable."""

    epoch: bytes
    sequence: int
    head: bytes
    entry: str
    evidence: tuple[bytes, ...]
    """Names of the record and of pictures."""


class Actor:
    """A process that is started again and again, in a folder that stays. Its output is kept, one file a life."""

    def __init__(self, folder: Path, name: str, command: list[str]) -> None:
        self.name = name
        self.lives = 0
        self._folder = folder
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def running(self) -> bool:
        """Whether it lives; it is not to end by itself."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """A new life."""
        self.lives += 1
        with self._file(self.lives).open("wb") as output, (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=output, stderr=log
            )

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None

    def end(self) -> None:
        """In order, where it knows how."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def pause(self) -> None:
        """It stands still, and its connections stay."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def tell(self, word: str) -> None:
        """One line on its standard input."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()

    def lines(self, life: int = 0) -> list[list[str]]:
        """The lines of a life (default: the present one) that were written whole."""
        file = self._file(life or self.lives)
        written = file.read_text(encoding="ascii").splitlines(keepends=True) if file.exists() else []
        return [line.split() for line in written if line.endswith("\n")]

    def note(self, line: str) -> None:
        """Add a line to the present life's output."""
        with self._file(self.lives).open("a", encoding="ascii") as output:
            output.write(line + "\n")

    def log(self) -> str:
        return (self._folder / f"{self.name}.log").read_text(encoding="utf-8", errors="replace")

    def _send(self, number: int) -> None:
        if self._process is not None and self.running:
            os.kill(self._process.pid, number)

    def _file(self, life: int) -> Path:
        return self._folder / f"{self.name}.{life}.out"


class DeviceActor(Actor):
    """One appliance."""

    def __init__(self, folder: Path, device: str, authority: LabAuthority, broker: str, root: bytes) -> None:
        self.device = device
        self.folder = folder
        self.key = Ed25519PrivateKey.generate()
        folder.mkdir(parents=True)
        create_key(folder / "store.key")
        tls = authority.client(device)
        command = [sys.executable, "-m", "tests.chaos.chaos_device", str(folder), device]
        command += [str(tls.certificate.parent), broker, root.hex(), self.key.private_bytes_raw().hex(), PAUSE]
        super().__init__(folder, device, command)

    def told(self) -> Iterator[Told]:
        """What it was told in all its lives."""
        for life in range(1, self.lives + 1):
            for line in self.lines(life):
                if len(line) > 4:
                    epoch, sequence, head, entry, *names = line
                    evidence = tuple(bytes.fromhex(name) for name in names)
                    yield Told(bytes.fromhex(epoch), int(sequence), bytes.fromhex(head), entry, evidence)


def make_centre(folder: Path, authority: LabAuthority, port: int, url: str = "") -> bytes:
    """A centre's folder for a broker, its store in PostgreSQL where a `url` says so; its root's public key."""
    tls = authority.client(CENTRE)
    broker = BrokerSettings(
        host="localhost", port=port, ca=str(tls.ca), certificate=str(tls.certificate), key=str(tls.key)
    )
    return init(folder, broker, PublishSettings(chunks_per_second=200.0), store=StoreSettings(url=url))


def centre_actor(folder: Path, work: Path) -> Actor:
    """`borne centre run`, as in the data centre."""
    return Actor(work, "centre", [str(BORNE), "centre", "run", "--folder", str(folder)])


def enrol_device(folder: Path, actor: DeviceActor) -> None:
    enrol(folder, actor.device, ROLE, public_bytes(actor.key))


class FullBroker(LabBroker):
    """One that has no room: it keeps three messages a client and throws the rest away."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        file = self.folder / "mosquitto.conf"
        text = file.read_text(encoding="utf-8").replace("max_queued_messages 100000", "max_queued_messages 3")
        file.write_text(text + "max_inflight_messages 2\n", encoding="utf-8")


class Impostor(LabBroker):
    """Whoever holds the port, with another authority's certificate; it would let anybody in, and acknowledge."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        file = self.folder / "mosquitto.conf"
        keep = ("acl_file", "require_certificate", "use_identity_as_username", "use_username_as_clientid")
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith(keep)]
        text = "\n".join(lines).replace("allow_anonymous false", "allow_anonymous true")
        file.write_text(text + "\nrequire_certificate false\n", encoding="utf-8")

    def let_in(self) -> int:
        """How many clients have believed it."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return text.count("New client connected")


def wait_until(what: object, seconds: float, why: str, every: float = 0.02) -> None:
    """Until `what()` holds. Raises TimeoutError."""
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(why)
        time.sleep(every)
