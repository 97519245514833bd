"""What the guard's tests need: small signed releases, a device in a folder, and an agent that answers as told."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import io
import json
import os
import socketserver
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from borne_guard import health
from borne_guard.main import main
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt_schemas.keys import SOFTWARE, key_id, public_bytes, sign, sign_keys_document
from mqtt_schemas.messages import KeysDocument, RoleKey, RootLink, Signed

FILES = Path(__file__).resolve().parents[2] / "provisioning" / "roles" / "update" / "files"
health._POLL_SECONDS = 0.02

GUARD = FILES / "guard"
"""The program as it lies on a device, run by Debian's Python in a process of its own."""
NOW = datetime.now(UTC)


@dataclass
class Keys:
    """A root and a key for releases."""

    root: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    software: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def document(
        self,
        *,
        version: int = 1,
        role: str = SOFTWARE,
        since: datetime = NOW - timedelta(days=30),
        until: datetime = NOW + timedelta(days=30),
        roots: tuple[RootLink, ...] = (),
    ) -> Signed:
        public = public_bytes(self.software)
        named = RoleKey(key=key_id(public), role=role, public=public, not_before=since, not_after=until)
        return sign_keys_document(
            self.root,
            KeysDocument(version=version, issued=NOW, expires=until, keys=(named,), roots=roots),
        )


def wheel(folder: Path, name: str, version: str, *, script: str = "", filler: bytes = b"") -> Path:
    """A wheel by hand: a module, and a command `borne` where `script` says what it does."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    parts = {
        f"{name}.py": f"def main():\n    {script or 'pass'}\n".encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if filler:
        parts[f"{name}_data.bin"] = filler
    if script:
        parts[f"{info}/entry_points.txt"] = f"[console_scripts]\nborne = {name}:main\n".encode()
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in parts.items())
    parts[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(file, "w") as pack:
        for path, data in parts.items():
            pack.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), data)
    return file


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def release(
    folder: Path,
    version: str,
    keys: Keys,
    *,
    document: Signed | None = None,
    script: str | None = None,
    filler: bytes = b"",
    change: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Path:
    """A signed release as a folder: Borne's wheel and a helper that is the same in every version."""
    made = folder / f"borne-post-{version}"
    (made / "wheels").mkdir(parents=True)
    wheel(made / "wheels", "borne", version, script=script or f"print('borne {version}')", filler=filler)
    wheel(made / "wheels", "helper", "1.0")
    manifest: dict[str, Any] = {
        "format": "borne-release/1",
        "version": version,
        "role": "post",
        "built": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "python": "3.11",
        "machine": "x86_64",
        "contract": "1.2",
        "store": 2,
        "files": [
            {
                "name": f"wheels/{file.name}",
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "size": file.stat().st_size,
            }
            for file in sorted((made / "wheels").iterdir())
        ],
    }
    change(manifest)
    body = json.dumps(manifest).encode()
    (made / "release.json").write_bytes(body)
    signed = sign(keys.software, SOFTWARE, body)
    (made / "release.sig").write_bytes(msgspec.json.encode({"key": signed.key, "signature": signed.signature}))
    (made / "keys.json").write_bytes(msgspec.json.encode(document or keys.document()))
    return made


@dataclass
class Device:
    """A device's folders, and the guard run on them."""

    folder: Path
    keys: Keys = field(default_factory=Keys)

    def __post_init__(self) -> None:
        self.base, self.work = self.folder / "opt", self.folder / "work"
        self.base.mkdir()
        self.restarts = self.folder / "restarts"
        self.socket = self.folder / "agent.sock"
        self.settings = self.folder / "update.json"
        self.set()

    def set(self, **more: object) -> None:
        """Write the settings; by default nothing runs here."""
        settings = {
            "role": "post",
            "root": public_bytes(self.keys.root).hex(),
            "base": str(self.base),
            "work": str(self.work),
            "health_seconds": 1,
            "steady_seconds": 0,
            "reserve_mb": 0,
            **more,
        }
        self.settings.write_text(json.dumps(settings), encoding="utf-8")

    def with_agent(self, **more: object) -> None:
        """Settings of a device whose agent is asked, and restarted by adding a line to a file."""
        restart = ["/bin/sh", "-c", f"echo >> {self.restarts}"]
        self.set(socket=str(self.socket), restart=restart, **more)

    def guard(self, *words: str | Path) -> dict[str, Any]:
        """What the guard answers; its exit code is in `exit`."""
        said, mask = io.StringIO(), os.umask(0o022)
        try:
            with contextlib.redirect_stdout(said):
                code = main(["--settings", str(self.settings), *map(str, words), "--json"])
        finally:
            os.umask(mask)
        return {**json.loads(said.getvalue()), "exit": code}

    def whole(self, *versions: str, current: str = "") -> None:
        """Releases that are there, without an environment: enough to be switched to."""
        for version in versions:
            here = self.base / "releases" / version
            here.mkdir(parents=True)
            manifest = {
                "format": "borne-release/1", "version": version, "role": "post", "built": "2026-01-01T00:00:00Z",
                "python": "3.11", "machine": "x86_64", "contract": "1.2", "store": 2,
                "files": [{"name": "wheels/borne-1-py3-none-any.whl", "sha256": "0" * 64, "size": 1}],
            }  # fmt: skip
            (here / "release.json").write_text(json.dumps(manifest), encoding="utf-8")
        if current:
            (self.base / "current").symlink_to(Path("releases", current))

    def current(self) -> str:
        return (self.base / "current").readlink().name

    def history(self) -> list[str]:
        lines = (self.work / "history.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["act"] for line in lines]


class Agent:
    """Answers on the device's socket as the release that `current` named at its last restart.

    `behaviour`: what ails a version: `dead`, `decoders`, `journal`, `reader`, `stale` (an old process still answers).
    """

    def __init__(self, device: Device, behaviour: dict[str, str]) -> None:
        self.device = device
        self.behaviour = behaviour
        self.sequence = 10
        self._restarts = -1
        self._running = ""

    def look(self) -> dict[str, Any] | None:
        count = self.device.restarts.read_bytes().count(b"\n") if self.device.restarts.exists() else 0
        if count != self._restarts:
            self._restarts = count
            here = self.device.current()
            if self.behaviour.get(here) != "stale":
                self._running = here
            if self.behaviour.get(here) != "journal":
                self.sequence += 1
        return None if self.ails("dead") else self.answers()

    def ails(self, what: str) -> bool:
        return self.behaviour.get(self._running) == what

    def answers(self) -> dict[str, Any]:
        state = "absent" if self.ails("reader") else "ready"
        devices = [{"name": "passport", "state": state}, {"name": "scanner", "state": "absent"}]
        return {
            "/v1/capabilities": {
                "ready": not self.ails("decoders"), "software": self._running, "devices": devices,
            },
            "/v1/state": {"line": {"last_sequence": self.sequence}},
        }  # fmt: skip


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def answering(device: Device, **behaviour: str) -> Iterator[Agent]:
    """An agent at the device's socket. Versions are written with underscores: `v2_0="dead"`."""
    agent = Agent(device, {name.removeprefix("v").replace("_", "."): what for name, what in behaviour.items()})

    class Handler(http.server.BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "socket"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            found = agent.look()
            if found is None:
                self.send_error(503)
                return
            body = json.dumps(found[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with _Server(str(device.socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield agent
        finally:
            server.shutdown()
            thread.join()
            device.socket.unlink()
