"""Wheels for the medium: everything a lock names, already built, so that no device ever compiles.

`pip wheel` takes what the registry offers as a wheel and builds the rest (face-recognition-models, pyscard,
sqlite-fts4) with the locked build tools. Every file is checked against the lock's hashes on its way in; the lock that
goes on the medium then carries the hashes of exactly the wheels beside it, so the device checks them a second time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from medium_locks import LockError, Pin, read_lock
from packaging.utils import parse_wheel_filename

# The same source gives the same bytes: wheels built here are dated, and compiled without debugging information, which
# names the folder they were compiled in.
BUILT_AT = "1577836800"
COMPILED = "-g0"


class WheelError(Exception):
    """A wheel that cannot be had, or is not the one its lock names."""


def _pip(*arguments: str | Path) -> None:
    reproducible = {"SOURCE_DATE_EPOCH": BUILT_AT, "CFLAGS": COMPILED}
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **reproducible}
    done = subprocess.run(
        [sys.executable, "-m", "pip", "-q", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WheelError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip")


def digest(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(project: Path, lock: Path, cache: Path) -> tuple[Path, ...]:
    """The wheels of a lock, from the cache where they were fetched before."""
    # Built with the locked tools: another build.lock is another wheel.
    stamp = hashlib.sha256(lock.read_bytes() + (project / "build.lock").read_bytes()).hexdigest()[:16]
    folder = cache / "wheels" / f"{lock.stem}-{stamp}"
    pins = [pin for pin in read_lock(lock) if pin.on_device]
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        _pip(
            *("wheel", "--require-hashes", "--no-deps", "--no-build-isolation", "--retries", "10", "--timeout", "60"),
            *("--wheel-dir", part, "-r", lock),
        )
        part.rename(folder)
    return tuple(wheel for wheel, _ in _pair(pins, folder.glob("*.whl"), lock))


def _pair(pins: Iterable[Pin], wheels: Iterable[Path], lock: Path) -> list[tuple[Path, Pin]]:
    """Each pin with its wheel. Raises LockError where one is missing, left over or of another version."""
    there: dict[str, tuple[Path, str]] = {}
    for wheel in wheels:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        there[name] = (wheel, str(version))
    pairs = []
    for pin in pins:
        found = there.pop(pin.name, None)
        if found is None or found[1] != pin.version:
            raise LockError(f"{lock.name}: {pin.name}=={pin.version}: {found[1] if found else 'no wheel'}")
        pairs.append((found[0], pin))
    if there:
        raise LockError(f"{lock.name}: {', '.join(sorted(there))}: in no lock")
    return sorted(pairs)


def pool(wheel: Path, folder: Path) -> Path:
    """Lay a wheel where all roles share it: a kiosk's and a post's are mostly the same. Never two under one name."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / wheel.name
    if not target.exists():
        shutil.copyfile(wheel, target)
    elif digest(target) != digest(wheel):
        raise WheelError(f"{wheel.name}: two builds that differ")
    return target


def put(lock: Path, wheels: tuple[Path, ...], folder: Path, lock_out: Path, without: tuple[str, ...] = ()) -> int:
    """Lay a lock's wheels into the pool, and write the lock a device installs them from. Returns their size."""
    pins = [pin for pin in read_lock(lock) if pin.on_device and pin.name not in without]
    pairs = _pair(pins, wheels, lock)
    lines = [f"{pin.name}=={pin.version} --hash=sha256:{digest(pool(wheel, folder))}\n" for wheel, pin in pairs]
    lock_out.parent.mkdir(parents=True, exist_ok=True)
    lock_out.write_text("".join(lines), encoding="utf-8")
    return sum(wheel.stat().st_size for wheel in wheels)
