"""Is what runs well? The agent says it of itself over its socket, systemd of the units."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

from borne_guard.settings import Settings

_LARGEST = 1_048_576
_ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.5
_READY = "ready"


@dataclass(frozen=True, kw_only=True)
class Look:
    """How the agent is at one moment."""

    software: str
    ready: bool
    """Its decoders have started."""
    sequence: int
    """The last entry of its journal."""
    devices: dict[str, str] = field(default_factory=dict)


class _Agent(http.client.HTTPConnection):
    """HTTP over the agent's Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("agent", timeout=_ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def look(settings: Settings) -> Look | None:
    """How the agent is; None: it does not answer, or not as an agent does."""
    try:
        told, state = (_ask(settings.socket, path) for path in ("/v1/capabilities", "/v1/state"))
        devices = {str(one["name"]): str(one["state"]) for one in told["devices"]}
        return Look(
            software=str(told["software"]),
            ready=told["ready"] is True,
            sequence=int(state["line"]["last_sequence"]),
            devices=devices,
        )
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, RecursionError):
        return None


def problem(settings: Settings, version: str, before: dict[str, object]) -> tuple[str, str]:
    """What is wrong with the release that runs, as a code and a detail; an empty code: nothing.

    `before` is how the agent was when it was switched; empty: it did not answer then, and no device is asked for.
    """
    for unit in settings.units:
        active, condition = _unit(unit)
        if active == "inactive" and condition == "no" and not before:
            # Its own conditions keep it from starting, whatever the release: a device that is not enrolled yet.
            return "", ""
        if active != "active":
            return "unit", f"{unit}: {active}"
    if not settings.socket:
        return "", ""
    now = look(settings)
    if now is None:
        return "no_answer", settings.socket
    if now.software != version:
        return "other_version", now.software
    if not now.ready:
        return "not_ready", ""
    # An agent writes down that it has started: a journal that has not grown cannot be written to.
    if now.sequence <= _number(before.get("sequence")):
        return "journal", str(now.sequence)
    devices = before.get("devices")
    for name, state in devices.items() if isinstance(devices, dict) else ():
        if state == _READY and now.devices.get(name) != _READY:
            return "device", f"{name}: {now.devices.get(name, '-')}"
    return "", ""


def wait(settings: Settings, version: str, before: dict[str, object]) -> tuple[str, str]:
    """Ask until it is well and has stayed so, or the time is over; then what is wrong."""
    deadline = time.monotonic() + settings.health_seconds
    well_since: float | None = None
    while True:
        found = problem(settings, version, before)
        now = time.monotonic()
        if found[0]:
            well_since = None
            if now >= deadline:
                return found
        elif well_since is None:
            well_since = now
        if well_since is not None and now - well_since >= settings.steady_seconds:
            return "", ""
        time.sleep(_POLL_SECONDS)


def _ask(path: str, what: str) -> dict[str, Any]:
    agent = _Agent(path)
    try:
        agent.request("GET", what)
        answer = agent.getresponse()
        found = json.loads(answer.read(_LARGEST))
        if answer.status != http.client.OK or not isinstance(found, dict):
            raise ValueError(what)
        return found
    finally:
        agent.close()


def _unit(name: str) -> tuple[str, str]:
    """A unit's state, and whether its conditions let it start."""
    words = ["systemctl", "show", "--property=ActiveState,ConditionResult", name]
    try:
        ran = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown", ""
    found = dict(line.split("=", 1) for line in ran.stdout.splitlines() if "=" in line)
    return found.get("ActiveState", "unknown"), found.get("ConditionResult", "")


def _number(value: object) -> int:
    return value if type(value) is int else 0
