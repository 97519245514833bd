"""What survives a power cut: the state, the history, the link. Each is replaced whole, or not at all."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from borne_guard.fault import Fault
from borne_guard.manifest import Trust
from borne_guard.settings import Settings

STATE, TRUST, HISTORY, LOCK = "state.json", "trust.json", "history.jsonl", "lock"
IDLE, STAGED, SWITCHED, CONFIRMED, ROLLED_BACK = "idle", "staged", "switched", "confirmed", "rolled_back"
PHASES = (IDLE, STAGED, SWITCHED, CONFIRMED, ROLLED_BACK)


@dataclass(frozen=True, kw_only=True)
class State:
    """Where an update stands."""

    phase: str = IDLE
    target: str = ""
    """The release it is about."""
    previous: str = ""
    """The one that ran before, to which the guard goes back."""
    tries: int = 0
    """Starts of the machine since it was switched and not confirmed."""
    reason: str = ""
    """Why it was taken back: a code of `health`, `interrupted`, `not_confirmed`, `operator`."""
    detail: str = ""
    before: dict[str, object] = field(default_factory=dict)
    """How the agent was before the switch (`health.Look`)."""
    refused: dict[str, object] = field(default_factory=dict)
    """Releases that were taken back by the guard, and why: not tried again unless somebody says so."""
    at: int = 0
    """When, in seconds since 1970 by the device's clock."""


def load_state(settings: Settings) -> State:
    """The state; one that cannot be read is kept beside, and nothing is under way. Raises Fault."""
    file = settings.folder / STATE
    try:
        found = json.loads(file.read_bytes())
        names = {one.name: one.type for one in dataclasses.fields(State)}
        kinds = {"str": str, "int": int, "dict[str, object]": dict}
        if (
            not isinstance(found, dict)
            or not found.keys() <= names.keys()
            or any(type(value) is not kinds[str(names[name])] for name, value in found.items())
            or found.get("phase") not in PHASES
        ):
            raise ValueError("not a state")
        return State(**found)
    except FileNotFoundError:
        return State()
    except (ValueError, RecursionError):
        with disk(file):
            file.replace(file.with_name(f"{STATE}.bad"))
            _sync(file.parent)
        return State()
    except OSError as error:
        raise Fault("update.disk", str(file), str(error)) from None


def save_state(settings: Settings, state: State) -> State:
    """Write the state; durable once this returns. Raises Fault."""
    state = dataclasses.replace(state, at=int(time.time()))
    write_durably(settings.folder / STATE, json.dumps(dataclasses.asdict(state), indent=1).encode())
    return state


def load_trust(settings: Settings) -> Trust:
    """What was believed last under the root that is pinned now."""
    fresh = Trust(settings.root, settings.root)
    try:
        found = json.loads((settings.folder / TRUST).read_bytes())
        kept = Trust(str(found["pinned"]), str(found["root"]), int(found["version"]))
        if len(bytes.fromhex(kept.root)) != 32:
            return fresh
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return fresh
    return kept if kept.pinned == settings.root else fresh


def save_trust(settings: Settings, trust: Trust) -> None:
    """Keep what is believed from now on. Raises Fault."""
    write_durably(settings.folder / TRUST, json.dumps(dataclasses.asdict(trust)).encode())


def note(settings: Settings, act: str, **details: object) -> None:
    """One line of the history, durably. Raises Fault."""
    line = json.dumps({"at": int(time.time()), "act": act, **details}, ensure_ascii=False) + "\n"
    file = settings.folder / HISTORY
    with disk(file), file.open("ab") as stream:
        stream.write(line.encode())
        stream.flush()
        os.fsync(stream.fileno())


def current(settings: Settings) -> str:
    """The version that the link names; empty where there is none."""
    try:
        return settings.link.readlink().name
    except OSError:
        return ""


def is_whole(settings: Settings, version: str) -> bool:
    """Whether a release is there, built to its end."""
    return bool(version) and (settings.releases / version / "release.json").is_file()


def point(settings: Settings, version: str) -> None:
    """Let `current` name a release: by renaming, so that there is a link at every moment. Raises Fault."""
    fresh = settings.link.with_name(".current.new")
    with disk(settings.link):
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("releases", version))
        fresh.replace(settings.link)
        _sync(settings.link.parent)


def write_durably(file: Path, data: bytes) -> None:
    """Replace a file: all of it is on disk when this returns, or the old one stands. Raises Fault."""
    fresh = file.with_name(f".{file.name}.new")
    with disk(file):
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
        _sync(file.parent)


@contextmanager
def held(settings: Settings) -> Iterator[None]:
    """One guard at a time. Raises Fault where another is at work."""
    with disk(settings.folder):
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.releases.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle = os.open(settings.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Fault("update.busy", str(settings.folder)) from None
        yield
    finally:
        os.close(handle)


@contextmanager
def disk(where: Path) -> Iterator[None]:
    """What the disk raises within comes out as a Fault."""
    try:
        yield
    except OSError as error:
        full = error.errno in (28, 122)  # ENOSPC, EDQUOT
        raise Fault("update.full" if full else "update.disk", str(where), str(error)) from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
