"""Backups: a whole copy, sealed to the national recovery key, on another disk; so many are kept.

The device cannot open its own backups, nor can a thief of the stick. What is in them is the store's copy and the
store's key. A backup is never put back into service: what a device has sent since would be there twice, under one
place in the chain. It is opened aside, for what the centre does not have (`backup_drill`); the device itself goes on
in a new epoch.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.metadata
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from msgspec import Struct

from border_agent.config import Config
from border_agent.errors import BorneError
from border_agent.store import Store
from border_agent.store.copying import copy_store, size_of
from border_agent.store.migrations import VERSION
from border_agent.upkeep.sealed_file import BLOCK, Head, Sealer, read_head, reads_well
from mqtt_schemas.centre.folder import DATABASE, CentreFolder

SUFFIX = ".backup"
KEEP = 7
RESERVE_BYTES = 64 * 1024 * 1024
"""What a backup leaves free on its disk."""
CENTRE = "centre"
_NAME = re.compile(r"borne-([a-z0-9][a-z0-9-]{2,39})-(\d{8}T\d{6}Z)\.backup")
_PUBLIC = re.compile(r"[0-9a-f]{64}")


class BackupRefused(BorneError):
    """No backup can be made here: no folder, no recovery key, nothing mounted, a database that does not answer."""

    code = "backup.refused"


class BackupNoRoom(BorneError):
    """The backups' disk is full. Older backups are still there."""

    code = "backup.full"


class Made(Struct, frozen=True, kw_only=True):
    """A backup that is complete, and was read back."""

    file: str
    size: int
    sequence: int
    removed: tuple[str, ...]
    """Older ones that went."""
    same_disk: bool
    """It lies on the disk that it is a backup of: it helps against a mistake, not against a dead disk."""


class Listed(Struct, frozen=True, kw_only=True):
    """A backup in a folder."""

    file: str
    size: int
    head: Head | None
    """None: it cannot be read."""
    good: bool
    """It reads as it was written."""


def recovery_public(file: Path) -> bytes:
    """The national recovery key's public half: 64 hexadecimal digits in a file. Raises BackupRefused."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise BackupRefused(str(file), str(error)) from None
    if not _PUBLIC.fullmatch(text):
        raise BackupRefused(str(file), "not 64 hexadecimal digits")
    return bytes.fromhex(text)


def back_up_store(
    config: Config, key: bytes | Path, to: Path, recovery: bytes, *, keep: int = KEEP, mounted: bool = False
) -> Made:
    """Back up a device's store, beside its use. Raises BackupRefused, BackupNoRoom, StoreError."""
    path = config.path(config.store.path)
    if not path.exists():
        raise BackupRefused(str(path), "no store")
    _usable(to, mounted=mounted)
    with Store(path, key) as store, _private_folder(path.parent) as aside:
        _require_room(to, size_of(store))
        copy = aside / "store.db"
        copied = copy_store(store, copy)
        head = Head(
            kind="store",
            device=config.device.id,
            made_at=_now(),
            software=importlib.metadata.version("borne"),
            schema=VERSION,
            epoch=copied.epoch.hex(),
            sequence=copied.sequence,
            head=copied.head.hex(),
            rows=copied.rows,
        )
        secret = key if isinstance(key, bytes) else key.read_bytes()
        with copy.open("rb") as file:
            return _write(to, head, recovery, file, secret, keep=keep, source=path)


def back_up_centre(folder: Path, to: Path, recovery: bytes, *, keep: int = KEEP, mounted: bool = False) -> Made:
    """Back up the data centre's database: SQLite's own copy, or pg_dump. Raises BackupRefused, BackupNoRoom."""
    centre = CentreFolder(folder)
    _usable(to, mounted=mounted)
    url = centre.settings.store.url
    kind = "postgresql" if url else "sqlite"
    head = Head(kind=kind, device=CENTRE, made_at=_now(), software=importlib.metadata.version("borne"))
    with _dumped(url) if url else _copied(folder / DATABASE) as file:
        return _write(to, head, recovery, file, keep=keep, source=folder)


def list_backups(folder: Path, *, check: bool = False) -> list[Listed]:
    """Backups of a folder, newest first; `check`: read them through. Raises BackupRefused."""
    found = []
    for file in sorted(_backups(folder), key=_moment, reverse=True):
        try:
            head: Head | None = read_head(file)
        except BorneError:
            head = None
        good = head is not None and (not check or reads_well(file))
        found.append(Listed(file=str(file), size=file.stat().st_size, head=head, good=good))
    return found


def _write(
    to: Path, head: Head, recovery: bytes, data: IO[bytes], secret: bytes = b"", *, keep: int, source: Path
) -> Made:
    stamp = re.sub(r"[-:]", "", head.made_at)
    target = to / f"borne-{head.device}-{stamp}{SUFFIX}"
    part = target.with_name(f".{target.name}.part")
    for left in to.glob(f".borne-{head.device}-*.part"):
        left.unlink(missing_ok=True)  # of a backup that a power cut ended
    try:
        with _disk(to), os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            sealer = Sealer(file, head, recovery, secret)
            while block := data.read(BLOCK):
                sealer.write(block)
                _require_room(to, len(block))
            sealer.end()
            file.flush()
            os.fsync(file.fileno())
        if not reads_well(part):
            raise BackupRefused(str(to), "what was written does not read back")
        with _disk(to):
            part.replace(target)
            _sync(to)
    finally:
        part.unlink(missing_ok=True)
    return Made(
        file=str(target),
        size=target.stat().st_size,
        sequence=head.sequence,
        removed=_rotated(to, head.device, keep),
        same_disk=to.stat().st_dev == source.stat().st_dev,
    )


def _rotated(folder: Path, device: str, keep: int) -> tuple[str, ...]:
    """Remove this device's oldest; never the one just made."""
    mine = [file for file in _backups(folder) if (name := _NAME.fullmatch(file.name)) and name[1] == device]
    old = sorted(mine, key=_moment)[: -max(1, keep)]
    for file in old:
        file.unlink(missing_ok=True)
    return tuple(file.name for file in old)


def _backups(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if _NAME.fullmatch(file.name)]
    except OSError as error:
        raise BackupRefused(str(folder), error.strerror or str(error)) from None


def _moment(file: Path) -> str:
    name = _NAME.fullmatch(file.name)
    return name[2] if name else ""


@contextlib.contextmanager
def _copied(database: Path) -> Iterator[IO[bytes]]:
    """SQLite's online copy, which commits meanwhile do not disturb."""
    if not database.exists():
        raise BackupRefused(str(database), "no database here")
    with _private_folder(database.parent) as aside:
        try:
            with (
                contextlib.closing(sqlite3.connect(database)) as source,
                contextlib.closing(sqlite3.connect(aside / DATABASE)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            raise BackupRefused(str(database), str(error)) from None
        with (aside / DATABASE).open("rb") as file:
            yield file


@contextlib.contextmanager
def _dumped(url: str) -> Iterator[IO[bytes]]:
    """pg_dump's output; that it came to its end is seen before the backup counts."""
    with tempfile.TemporaryFile() as said:
        try:
            dump = subprocess.Popen(
                ["pg_dump", "--format=custom", "--no-owner", f"--dbname={url}"], stdout=subprocess.PIPE, stderr=said
            )
        except OSError as error:
            raise BackupRefused("pg_dump", str(error)) from None
        assert dump.stdout is not None
        with dump:
            yield _Whole(dump, said)  # type: ignore[misc]


class _Whole:
    """A program's output that ends in an error where the program does."""

    def __init__(self, program: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self._program = program
        self._said = said

    def read(self, size: int) -> bytes:
        assert self._program.stdout is not None
        data = self._program.stdout.read(size)
        if not data and self._program.wait():
            self._said.seek(0)
            raise BackupRefused("pg_dump", self._said.read(500).decode(errors="replace").strip())
        return data


def _usable(to: Path, *, mounted: bool) -> None:
    if not to.is_dir():
        raise BackupRefused(str(to), "no such folder")
    if mounted and not any(folder.is_mount() for folder in (to, *to.absolute().parents[:-1])):
        raise BackupRefused(str(to), "nothing is mounted here")


def _require_room(to: Path, size: int) -> None:
    free = shutil.disk_usage(to).free
    if free < size + RESERVE_BYTES:
        raise BackupNoRoom(str(to), f"{free // 1_000_000} MB free, {(size + RESERVE_BYTES) // 1_000_000} MB wanted")


@contextlib.contextmanager
def _private_folder(beside: Path) -> Iterator[Path]:
    """On the disk of the original, which is as well protected. Gone afterwards; what a power cut left goes too."""
    for left in beside.glob(".backup-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".backup-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _disk(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = BackupNoRoom if error.errno in (errno.ENOSPC, errno.EDQUOT) else BackupRefused
        raise kind(str(where), error.strerror or str(error)) from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
