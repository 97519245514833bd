"""Room and means: disk, inodes, memory, and the processor's AVX, without which no face can be compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from border_agent.store import RESERVE_BYTES
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.values import Found, found

LOW_BYTES: Final = 1024**3
"""Under this, room for about a month of a busy counter's evidence is gone."""
LOW_INODES: Final = 2000
LOW_MEMORY: Final = 256 * 1024**2
STATE: Final = "/var/lib/borne"
MOUNTS: Final = Path("/proc/self/mountinfo")
_MIB: Final = 1024**2


def check_disk(patient: Patient) -> Iterator[Found]:
    """The store's file system, and the root's where that is another."""
    config = patient.config
    store = config.path(config.store.path).parent if config is not None else patient.machine.path(STATE)
    seen: set[int] = set()
    for folder in (store, patient.machine.root):
        there = _existing(folder)
        try:
            device = there.stat().st_dev
            if device in seen:
                continue
            seen.add(device)
            disk = os.statvfs(there)
        except OSError as error:
            yield found("disk.unknown", str(folder), error.strerror or str(error))
            continue
        yield _judge_disk(str(folder), disk, read_only=_read_only(device, disk))


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _read_only(device: int, disk: os.statvfs_result, mounts: Path = MOUNTS) -> bool:
    """Whether the file system itself is, not just this view of it: the watch looks out of a sandbox."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        mount, _, system = line.partition(" - ")
        if mount.split()[2:3] == [number]:
            return "ro" in system.split()[-1].split(",")
    return bool(disk.f_flag & os.ST_RDONLY)


def _judge_disk(where: str, disk: os.statvfs_result, *, read_only: bool) -> Found:
    free = disk.f_bavail * disk.f_frsize
    room = {"free": free // _MIB, "reserve": RESERVE_BYTES // _MIB}
    detail = f"{free} bytes, {disk.f_favail} inodes"
    if read_only:
        return found("disk.read_only", where, detail, **room)
    if free < RESERVE_BYTES:
        return found("disk.full", where, detail, **room)
    # A file system without a fixed number of inodes (btrfs) says that it has none at all.
    if disk.f_files and disk.f_favail < LOW_INODES:
        return found("disk.no_inodes", where, detail, inodes=disk.f_favail)
    total = disk.f_blocks * disk.f_frsize
    if free < min(LOW_BYTES, total // 5):
        return found("disk.low", where, detail, **room)
    return found("disk.good", where, detail, **room)


def check_memory(patient: Patient) -> Iterator[Found]:
    figures = {}
    for line in (patient.machine.read("/proc/meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if value.strip().endswith("kB"):
            figures[name] = int(value.split()[0]) * 1024
    free, total = figures.get("MemAvailable", 0), figures.get("MemTotal", 0)
    if total:
        code = "memory.low" if free < LOW_MEMORY else "memory.good"
        yield found(code, "memory", f"{free} of {total} bytes", free=free // _MIB, total=total // _MIB)


def check_processor(patient: Patient) -> Iterator[Found]:
    """dlib-bin is built for AVX and ends the process where there is none."""
    flags = next(
        (line for line in (patient.machine.read("/proc/cpuinfo") or "").splitlines() if line.startswith("flags")),
        None,
    )
    if flags is None:
        yield found("processor.unknown", "processor")
    else:
        yield found("processor.good" if "avx" in flags.split() else "processor.no_avx", "processor")
