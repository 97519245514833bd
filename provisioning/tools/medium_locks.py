"""The locks: is each complete, and does it say what pyproject.toml and the whole project's lock say?

A lock is pip's own format with hashes and no registry's name (`make lock` writes them). A device installs
exactly what its lock says, so a package that a lock forgot is found here and not in the field.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import msgspec
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROLES = ("centre", "post", "kiosk")
NEVER = frozenset({"dlib", "face-recognition"})
"""The first is source that a device would compile, the second asks for it."""
_EYES = {"opencv-python", "dlib-bin", "face-recognition-models", "pyzbar", "zxing-cpp"}
KEPT_OUT = {"centre": NEVER | _EYES | {"kivy"}, "post": NEVER | {"kivy"}}
"""What a role must never carry: the centre's machine opens no camera and shows no window."""
# What a Debian 12 device of ours answers to the markers in a lock.
DEVICE = {
    "implementation_name": "cpython",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "extra": "",
}
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+?))? *\\?$"
)
_HASH = re.compile(r"^--hash=sha256:([0-9a-f]{64}) *\\?$")


class LockError(Exception):
    """A lock that nobody can read, or one that disagrees with the project."""


class Pin(msgspec.Struct, frozen=True):
    """One package of a lock."""

    name: str
    version: str
    hashes: tuple[str, ...]
    marker: str = ""

    @property
    def on_device(self) -> bool:
        """False for what only another system would install."""
        return not self.marker or Marker(self.marker).evaluate(dict(DEVICE))


def read_lock(path: Path) -> tuple[Pin, ...]:
    """The pins of a lock, in its order."""
    pins: list[Pin] = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if found := _HASH.match(line):
            if not pins:
                raise LockError(f"{path.name}:{number}: {line}")
            pins[-1] = msgspec.structs.replace(pins[-1], hashes=(*pins[-1].hashes, found[1]))
        elif found := _PIN.match(line):
            name = canonicalize_name(found["name"])
            pins.append(Pin(name=name, version=found["version"], hashes=(), marker=found["marker"] or ""))
        else:
            raise LockError(f"{path.name}:{number}: {line}")
    return tuple(pins)


def wanted(project: Path, role: str) -> tuple[Requirement, ...]:
    """What pyproject.toml asks for a role, written as `make lock` exports it."""
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    groups = about["dependency-groups"]
    lines = {
        "centre": groups["centre"],
        "post": about["project"]["dependencies"] + groups["faces"],
        "kiosk": about["project"]["dependencies"]
        + groups["faces"]
        + about["project"]["optional-dependencies"]["kiosk"],
        "controller": groups["controller"],
    }[role]
    return tuple(Requirement(line) for line in lines)


def _missing(pins: dict[str, Pin], asked: tuple[Requirement, ...]) -> Iterator[str]:
    """Packages asked for, by the project or by one another, that the lock lacks or holds in a wrong version."""
    todo, seen = list(asked), set[tuple[str, frozenset[str]]]()
    while todo:
        requirement = todo.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        pin = pins.get(name)
        if pin is None:
            yield f"{requirement}: missing"
            continue
        if not requirement.specifier.contains(pin.version, prereleases=True):
            yield f"{requirement}: locked at {pin.version}"
        todo.extend(_asked_by(name, extras))


def _asked_by(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    """What an installed package asks for on a device. Nothing where this machine does not have the package."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return
    for line in lines:
        requirement = Requirement(line)
        for extra in ("", *extras):
            if requirement.marker is None or requirement.marker.evaluate({**DEVICE, "extra": extra}):
                yield requirement
                break


def problems(project: Path) -> list[str]:
    """Everything that is wrong with the locks of the roles, in words; empty where they are sound."""
    whole = {pin.name: pin for pin in read_lock(project / "requirements.lock")}
    found: list[str] = []
    for role in (*ROLES, "controller"):
        path = project / "provisioning/locks" / f"{role}.lock"
        pins = {pin.name: pin for pin in read_lock(path)}
        found += [f"{path.name}: {name}: no hash" for name, pin in pins.items() if not pin.hashes]
        found += [f"{path.name}: {name}: must not be there" for name in sorted(KEPT_OUT.get(role, NEVER) & set(pins))]
        found += [f"{path.name}: {words}" for words in _missing(pins, wanted(project, role))]
        found += [f"{path.name}: {name}: not as in requirements.lock" for name in _differing(pins, whole, role)]
    return found


def _differing(pins: dict[str, Pin], whole: dict[str, Pin], role: str) -> list[str]:
    """Packages that this role would have in another version, or from other files, than the tests ran with."""
    # Ansible is no part of the tests' environment.
    return [name for name, pin in pins.items() if whole.get(name, pin if role == "controller" else None) != pin]
