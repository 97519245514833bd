"""Staging: a verified release becomes an environment of its own, beside the one that runs and touching nothing of it.

Wheels are copied under their hash, hashed on the way and again before they are used; pip (Debian's own, not the
release's) builds offline and holds every wheel against the signed hash once more. release.json is written into the
folder last: a folder without it was never finished, and goes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from borne_guard.fault import Fault
from borne_guard.manifest import BODY, KEYS, SIGNATURE, Manifest, Wheel, read_manifest, trusted, version_key
from borne_guard.settings import Settings
from borne_guard.source import Source, open_source
from borne_guard.state import (
    STAGED,
    SWITCHED,
    State,
    current,
    disk,
    is_whole,
    load_state,
    load_trust,
    note,
    save_state,
    save_trust,
    write_durably,
)

PIP = Path("/usr/share/python-wheels")
"""Where Debian's python3-venv keeps pip."""
_CHUNK = 1 << 20
_GROWTH = 1.35
"""An environment beside its wheels unpacked: byte code."""


def verify(settings: Settings, path: Path) -> Manifest:
    """What the release at `path` is, once its signature and every wheel that came along hold. Raises Fault."""
    with open_source(path) as source:
        manifest = _signed(settings, source)
        for wheel in manifest.wheels:
            with source.opened(wheel.name) as file:
                if file is None:
                    raise Fault("update.missing", wheel.file)
                with _reading(path, wheel):
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                if found != wheel.sha256:
                    raise Fault("update.damaged", wheel.file)
    return manifest


def missing(settings: Settings, path: Path) -> list[str]:
    """Wheels that must still travel, of a release whose three small files are here. Raises Fault."""
    with open_source(path) as source:
        manifest = _signed(settings, source)
    return [wheel.file for wheel in manifest.wheels if not _cached(settings, wheel)]


def stage(settings: Settings, path: Path, *, older: bool = False, by: str = "") -> Manifest:
    """Make the release at `path` ready to be switched to. Raises Fault, and then nothing of it is left."""
    state = load_state(settings)
    if state.phase == SWITCHED:
        raise Fault("update.unconfirmed", state.target)
    with open_source(path) as source:
        manifest = _signed(settings, source)
        _fits(settings, manifest, older=older, by=by)
        body = settings.releases / manifest.version / BODY
        if not is_whole(settings, manifest.version):
            _build(settings, manifest, source)
        elif body.read_bytes() != manifest.body:
            raise Fault("update.same_version", manifest.version)
    if manifest.version != current(settings):
        save_state(
            settings,
            State(phase=STAGED, target=manifest.version, previous=current(settings), refused=state.refused),
        )
        note(settings, "staged", version=manifest.version, by=by, older=older)
    return manifest


def tidy(settings: Settings) -> None:
    """After a confirmation: keep what runs, the one before and what is staged; drop other releases and wheels."""
    state = load_state(settings)
    kept = {current(settings), state.previous, state.target}
    hashes: set[str] = set()
    for folder in settings.releases.iterdir():
        if folder.name not in kept or not is_whole(settings, folder.name):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        with contextlib.suppress(Fault, OSError):
            hashes |= {wheel.sha256 for wheel in read_manifest((folder / BODY).read_bytes()).wheels}
    with contextlib.suppress(OSError):
        for wheel in (settings.folder / "wheels").iterdir():
            if wheel.name not in hashes:
                wheel.unlink()


def _signed(settings: Settings, source: Source) -> Manifest:
    manifest = read_manifest(source.head(BODY))
    trust = load_trust(settings)
    kept = trusted(manifest, source.head(SIGNATURE), source.head(KEYS), trust)
    if settings.folder.is_dir() and kept != trust:
        save_trust(settings, kept)
    return manifest


def _fits(settings: Settings, manifest: Manifest, *, older: bool, by: str) -> None:
    """Raises Fault unless this device may run it."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for code, found, wanted in (
        ("update.role", manifest.role, settings.role),
        ("update.machine", manifest.machine, platform.machine()),
        ("update.python", manifest.python, here),
    ):
        if found != wanted:
            raise Fault(code, manifest.version, f"{found}, {wanted}")
    running = current(settings)
    if not is_whole(settings, running):
        return
    now = read_manifest((settings.releases / running / BODY).read_bytes())
    if version_key(manifest.version) < version_key(now.version) and not (older and by):
        raise Fault("update.older", manifest.version, now.version)
    if manifest.store < now.store - 1:
        # Only the version before is known to run on this one's database.
        raise Fault("update.store", manifest.version, f"{manifest.store}, {now.store}")


def _build(settings: Settings, manifest: Manifest, source: Source) -> None:
    folder = settings.releases / manifest.version
    fresh: list[Path] = []
    try:
        shutil.rmtree(folder, ignore_errors=True)
        cache = settings.folder / "wheels"
        with disk(cache):
            cache.mkdir(mode=0o700, exist_ok=True)
        absent = [wheel for wheel in manifest.wheels if not _cached(settings, wheel)]
        _require(settings, cache, sum(wheel.size for wheel in absent))
        for wheel in absent:
            fresh.append(cache / wheel.sha256)
            _take(source, wheel, cache / wheel.sha256)
        _require(
            settings, settings.releases, int(_GROWTH * sum(_unpacked(cache, wheel) for wheel in manifest.wheels))
        )
        _environment(settings, manifest, folder, cache)
        os.sync()
        write_durably(folder / BODY, manifest.body)
        (folder / BODY).chmod(0o644)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, Fault) and error.code == "update.full":
            for file in fresh:
                file.unlink(missing_ok=True)
        raise


def _take(source: Source, wheel: Wheel, target: Path) -> None:
    """Copy one wheel under its hash. Raises Fault for one that is not what the list says."""
    part = target.with_name(f".{wheel.sha256}.part")
    try:
        with source.opened(wheel.name) as file:
            if file is None:
                raise Fault("update.missing", wheel.file)
            digest, size = hashlib.sha256(), 0
            with disk(target), part.open("wb") as copy:
                while True:
                    with _reading(target, wheel):
                        chunk = file.read(_CHUNK)
                    if not chunk or size > wheel.size:
                        break
                    digest.update(chunk)
                    size += len(chunk)
                    copy.write(chunk)
                copy.flush()
                os.fsync(copy.fileno())
        if (digest.hexdigest(), size) != (wheel.sha256, wheel.size):
            raise Fault("update.damaged", wheel.file)
        with disk(target):
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _environment(settings: Settings, manifest: Manifest, folder: Path, cache: Path) -> None:
    pips = sorted(PIP.glob("pip-*.whl"))
    if not pips:
        raise Fault("update.pip", str(PIP))
    _run(settings, "update.build", [settings.python, "-I", "-m", "venv", "--without-pip", folder])
    links = folder / ".wheels"
    with disk(folder):
        links.mkdir()
        lines = []
        for wheel in manifest.wheels:
            (links / wheel.file).symlink_to(cache / wheel.sha256)
            lines.append(f"{(links / wheel.file).as_uri()} --hash=sha256:{wheel.sha256}\n")
        (links / "requirements.txt").write_text("".join(lines), encoding="ascii")
    python = folder / "bin" / "python"
    options = ["--no-index", "--no-deps", "--require-hashes", "--no-cache-dir", "--no-warn-script-location"]
    options += ["--only-binary", ":all:", "--disable-pip-version-check", "--root-user-action", "ignore", "-q"]
    pip: list[str | Path] = [python, "-I", pips[-1] / "pip", "--isolated", "install", *options]
    _run(settings, "update.build", [*pip, "-r", links / "requirements.txt"])
    shutil.rmtree(links)
    told = _run(settings, "update.broken", [folder / "bin" / "borne", "--version"])
    if told.split()[-1:] != [manifest.version]:
        raise Fault("update.broken", manifest.version, told[-200:])


def _run(settings: Settings, code: str, words: list[str | Path]) -> str:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": settings.work, "PIP_CONFIG_FILE": os.devnull}
    try:
        ran = subprocess.run(words, check=False, env=environment, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise Fault(code, str(words[0]), str(error)) from None
    if ran.returncode:
        said = (ran.stderr or ran.stdout).strip()[-500:]
        full = "No space left on device" in ran.stderr + ran.stdout
        raise Fault("update.full" if full else code, str(words[0]), said)
    return ran.stdout.strip()


def _cached(settings: Settings, wheel: Wheel) -> bool:
    """Whether the wheel is here and still what it was."""
    file = settings.folder / "wheels" / wheel.sha256
    try:
        if file.stat().st_size != wheel.size:
            return False
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == wheel.sha256
    except OSError:
        return False


def _unpacked(cache: Path, wheel: Wheel) -> int:
    try:
        with zipfile.ZipFile(cache / wheel.sha256) as file:
            return sum(info.file_size for info in file.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise Fault("update.damaged", wheel.file, str(error)) from None


def _require(settings: Settings, where: Path, size: int) -> None:
    with disk(where):
        found = os.statvfs(where)
    free = found.f_bavail * found.f_frsize
    wanted = size + settings.reserve_mb * 1024 * 1024
    if free < wanted:
        raise Fault("update.full", str(where), f"{free // 1_000_000} MB, {wanted // 1_000_000} MB")


@contextmanager
def _reading(where: Path, wheel: Wheel) -> Iterator[None]:
    """A medium that fails while it is read."""
    try:
        yield
    except (OSError, EOFError) as error:
        raise Fault("update.unreadable", wheel.file, f"{where}: {error}") from None
