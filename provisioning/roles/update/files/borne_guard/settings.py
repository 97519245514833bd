"""The guard's settings: one JSON file, written by provisioning."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path

from borne_guard.fault import Fault

FILE = Path("/etc/borne/update.json")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What this device is, and where things are."""

    role: str
    """`post`, `kiosk` or `centre`: releases of another role are refused."""
    root: str
    """The pinned root public key, hexadecimal."""
    base: str = "/opt/borne"
    work: str = "/var/lib/borne-update"
    python: str = "/usr/bin/python3"
    restart: tuple[str, ...] = ()
    """The command that restarts what runs, word by word, without a shell; empty: nothing runs here."""
    socket: str = ""
    """The agent's socket, where there is an agent to ask."""
    units: tuple[str, ...] = ()
    """Units that must be running once the new release runs."""
    health_seconds: int = 180
    """How long a new release has to become healthy."""
    steady_seconds: int = 5
    """How long it must then stay so."""
    boots: int = 2
    """How often the machine may start with a release that has not been confirmed."""
    reserve_mb: int = 256
    """What a staged release leaves free on its disk: travellers are still to be written down."""

    @property
    def releases(self) -> Path:
        return Path(self.base, "releases")

    @property
    def link(self) -> Path:
        return Path(self.base, "current")

    @property
    def folder(self) -> Path:
        return Path(self.work)


_TYPES = {"str": str, "int": int, "tuple[str, ...]": list}


def load_settings(file: Path) -> Settings:
    """Read and check the settings. Raises Fault."""
    try:
        found = json.loads(file.read_bytes()[:65536])
    except (OSError, ValueError, RecursionError) as error:
        raise Fault("update.settings", str(file), str(error)) from None
    if not isinstance(found, dict):
        raise Fault("update.settings", str(file), "no object")
    kinds = {field.name: _TYPES[str(field.type)] for field in dataclasses.fields(Settings)}
    for name, value in found.items():
        if name not in kinds or type(value) is not kinds[name]:
            raise Fault("update.settings", str(file), name)
        if isinstance(value, list):
            if not all(isinstance(word, str) for word in value):
                raise Fault("update.settings", str(file), name)
            found[name] = tuple(value)
    if not {"role", "root"} <= found.keys() or not re.fullmatch(r"[0-9a-f]{64}", found["root"]):
        raise Fault("update.settings", str(file), "role, root")
    return Settings(**found)
