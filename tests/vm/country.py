"""The host's side: broker, data centre, authority, releases and medium, made by the commands an operator types."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from border_agent.demo.parts import end, spawn
from mqtt_schemas.centre.folder import CentreFolder, keys_document
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.feeds import Feed
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import Identity
from mqtt_schemas.messages import encode
from tests.vm.machine import HOST

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TOOLS = REPOSITORY / "provisioning" / "tools"
ROLE = "post"


def borne(*words: str) -> Any:
    """A `borne` command's answer, as JSON. Raises AssertionError with what it said."""
    return json.loads(_done(sys.executable, "-m", "border_agent.cli", *words, "--json"))


class Country:
    """Everything of a country but its posts. Leaving ends every process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.centre = folder / "centre"
        self.authority = folder / "authority.pem"
        self.root = ""
        self.broker: LabBroker
        self._software = folder / "software.pem"
        self._keys = folder / "keys.json"
        self._centre: subprocess.Popen[bytes] | None = None

    def found(self) -> None:
        """The centre's folder, its authority, its broker; the key that signs releases, named by the root."""
        tls, folder = self.folder / "tls", str(self.centre)
        broker, own = tls / "broker", tls / "centre"
        self.broker = LabBroker(
            self.folder / "broker",
            Identity("broker", broker.with_suffix(".pem"), broker.with_suffix(".key"), self.authority),
        )
        # The port is taken at the broker's first start, for which it needs its certificate: a centre is told later.
        options = ("--authority", str(self.authority), "--certificate", f"{own}.pem", "--key", f"{own}.key")
        self.root = borne("centre", "init", "--folder", folder, *options)["root"]
        borne("centre", "authority", "make", "--folder", folder)
        borne("centre", "authority", "show", "--folder", folder, "--pem", str(self.authority))
        hosts = ("--host", HOST, "--host", "127.0.0.1")
        borne("centre", "authority", "issue", "--folder", folder, "broker", *hosts, "--out", str(tls))
        borne("centre", "authority", "issue", "--folder", folder, "centre", "--out", str(tls))
        self.broker.start()
        toml = self.centre / "centre.toml"
        toml.write_text(
            toml.read_text()
            .replace('"localhost"', '"127.0.0.1"')
            .replace("port = 8883", f"port = {self.broker.port}")
        )
        self._name_software_key()

    def publish(self, feeds: Mapping[Feed, Sequence[Struct]]) -> None:
        """Make these the content of their lists."""
        for feed, records in feeds.items():
            file = self.folder / f"{feed.value}.jsonl"
            file.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
            import_feed(self.centre, feed.value, file)

    def start_centre(self) -> None:
        self._centre = spawn(self.folder / "centre.log", "centre", "run", "--folder", str(self.centre))

    def stop_centre(self) -> None:
        end(self._centre)
        self._centre = None

    def stop(self) -> None:
        self.stop_centre()
        with suppress(OSError, AttributeError):
            self.broker.stop()

    def enrol(self, request: bytes, code: str) -> bytes:
        """The bundle for a device's request, whose code the technician has read out."""
        asked, handed = self.folder / "request", self.folder / "bundle"
        asked.write_bytes(request)
        handed.unlink(missing_ok=True)
        words = ("--by", "0471", "--fingerprint", code, "--out", str(handed), str(asked))
        borne("centre", "devices", "enrol", "--folder", str(self.centre), *words)
        return handed.read_bytes()

    def release(self, tree: Path, out: Path) -> Path:
        """A signed release of a tree, as a folder."""
        return Path(
            _tool(
                "release.py",
                "build",
                "--role",
                ROLE,
                *self._signing,
                "--source",
                str(tree),
                "--out",
                str(out),
                "--folder",
            ).split()[-1]
        )

    def medium(self, inventory: Path, out: Path) -> tuple[Path, str, dict[str, Any]]:
        """The medium as an image to put into a socket, the fingerprint on the field card, and its figures."""
        image = out.with_suffix(".ext4")
        words = ("--inventory", str(inventory), "--role", ROLE, "--out", str(out), "--image", str(image), "--json")
        told = json.loads(_tool("medium.py", "build", *self._signing, *words).splitlines()[-1])
        return image, told["fingerprint"], told

    @property
    def _signing(self) -> tuple[str, ...]:
        return ("--key", str(self._software), "--keys", str(self._keys))

    def _name_software_key(self) -> None:
        public = _tool("release.py", "key", "--out", str(self._software)).split()[-1]
        wanted, signed = str(self.folder / "wanted"), str(self.folder / "signed")
        borne("centre", "keys", "wanted", "--folder", str(self.centre), "--out", wanted)
        root = self.centre / "keys" / "root.pem"
        borne("centre", "keys", "sign", wanted, "--root", str(root), "--software", public, "--out", signed)
        borne("centre", "keys", "install", "--folder", str(self.centre), signed)
        with CentreFolder(self.centre).database() as database:
            self._keys.write_bytes(encode(keys_document(database)[1]))


def tree(target: Path, version: str, change: tuple[str, str, str] | None = None) -> Path:
    """A copy of what a release is made of, with another version, and one change: file, old text, new text."""
    target.mkdir(parents=True)
    for name in ("border_agent", "firmware_bridge", "kiosk_app", "mqtt_schemas"):
        shutil.copytree(REPOSITORY / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, target / name)
    project = target / "pyproject.toml"
    lines = project.read_text().splitlines(keepends=True)
    project.write_text(
        "".join(f'version = "{version}"\n' if line.startswith("version = ") else line for line in lines)
    )
    if change is not None:
        file, old, new = change
        text = (target / file).read_text()
        assert old in text, f"{file} has no longer {old!r}"
        (target / file).write_text(text.replace(old, new, 1))
    return target


def _tool(name: str, *words: str) -> str:
    return _done(sys.executable, str(TOOLS / name), *words)


def _done(*command: str) -> str:
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{' '.join(command[1:6])} (status {done.returncode})\n{done.stdout}{done.stderr}"
    return done.stdout
