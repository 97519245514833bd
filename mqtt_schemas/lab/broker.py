"""A private Mosquitto on loopback for the demo and the tests. Not for production: see the package.

TLS 1.3 with client certificates; the certificate's common name becomes user name and client id, and the
access rules follow from it, as on a real broker. The port stays the same over `stop`, `kill` and `start`.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import ssl
import subprocess
import time
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from mqtt_schemas.lab.errors import BrokerFailed, MosquittoMissing
from mqtt_schemas.lab.pki import CENTRE, Identity
from mqtt_schemas.messages import LARGEST_MESSAGE

HOST = "127.0.0.1"

# Below Linux's ephemeral ports (from 32768): a client that keeps dialling a dead broker's port from within
# that range can connect to itself, and then the broker cannot come back.
_PORTS = range(20000, 32000)
_ATTEMPTS = 5
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")


def centre_acl(*names: str) -> str:
    """Rules of a national broker: `names` are the data centre's processes, every other name is a device's."""
    centre = "".join(
        f"user {name}\ntopic read borne/v1/+/up/#\ntopic write borne/v1/+/down/#\ntopic write borne/v1/all/down/#\n\n"
        for name in names
    )
    return (
        f"{centre}pattern write borne/v1/%u/up/#\npattern read borne/v1/%u/down/#\npattern read borne/v1/all/down/#\n"
    )


POST_ACL = """\
pattern write borne/v1/post/+/%u/#
pattern read borne/v1/post/#
"""
"""Of a post's own broker: each device speaks under its own name, everybody hears everything."""


def find_mosquitto() -> str:
    """Path of the broker's program. Raises MosquittoMissing.

    It lies in the system's `sbin`, which is not on an ordinary user's path.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN])
    found = shutil.which("mosquitto", path=path)
    if found is None:
        raise MosquittoMissing("mosquitto", "not on this machine; Debian's package is `mosquitto`")
    return found


class LabBroker:
    """One broker in a folder of its own. A context manager: entering starts it, leaving stops it."""

    def __init__(self, folder: Path, server: Identity, *, port: int = 0, acl: str = "") -> None:
        """`port` 0 takes a free one at the first start and keeps it. `acl`: empty for the centre's, or `POST_ACL`."""
        self.folder = folder
        self.port = port
        self.log = folder / "broker.log"
        self._server = server
        self._acl = acl or centre_acl(CENTRE)
        self._fixed = bool(port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return HOST

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    def start(self) -> None:
        """Start it and wait until it answers. Raises MosquittoMissing or BrokerFailed."""
        if self.running:
            return
        program = find_mosquitto()
        self.folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(_ATTEMPTS):
            if not self._fixed:
                self.port = _free_port()
            self._write_configuration()
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [program, "-c", str(self.folder / "mosquitto.conf")],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            if self._answers():
                self._fixed = True
                return
            # Another program may have taken the port between our look and the broker's start.
            self.kill()
            if self._fixed and attempt:
                break
        raise BrokerFailed(str(self.folder), self._end_of_log())

    def stop(self) -> None:
        """End it in order: clients are told, nothing remains."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it by SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> LabBroker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while self.running and time.monotonic() < deadline:
            if self._is_ours():
                return True
            time.sleep(0.02)
        return False

    def _is_ours(self) -> bool:
        """Whether who answers on the port shows our certificate: where another program holds it, ours will end."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Compared by its bytes instead: tests have brokers with certificates that are not valid yet.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection((HOST, self.port), timeout=1.0) as plain,
                context.wrap_socket(plain) as wire,
            ):
                shown = wire.getpeercert(binary_form=True)
        except OSError:
            return False
        return shown is not None and sha256(shown).digest() == self._server.fingerprint

    def _write_configuration(self) -> None:
        acl = self.folder / "acl"
        acl.write_text(self._acl, encoding="utf-8")
        acl.chmod(0o600)
        lines = [
            "per_listener_settings true",
            "set_tcp_nodelay true",
            "persistence false",
            # Not 0: Mosquitto 2.0.11 then throws a client out after one refused publish.
            "max_queued_messages 100000",
            f"message_size_limit {LARGEST_MESSAGE}",
            "log_dest stdout",
            "log_timestamp_format %Y-%m-%dT%H:%M:%S",
            f"listener {self.port} {HOST}",
            f"cafile {self._server.ca}",
            f"certfile {self._server.certificate}",
            f"keyfile {self._server.key}",
            "tls_version tlsv1.3",
            "require_certificate true",
            "use_identity_as_username true",
            "use_username_as_clientid true",
            "allow_anonymous false",
            f"acl_file {acl}",
        ]
        if os.geteuid() == 0:
            # Started by root it would become user `mosquitto`, who cannot read a private folder.
            lines.insert(0, "user root")
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _end_of_log(self) -> str:
        try:
            return self.log.read_text(encoding="utf-8", errors="replace")[-500:]
        except OSError as error:
            return str(error)


def _free_port() -> int:
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise BrokerFailed(HOST, "no free port")
