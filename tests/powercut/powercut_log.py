"""The library that records what a process writes (`pcut.c`): compiling it, running a program under it, its log."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("pcut.c")
_HEAD = struct.Struct("<c7xQQII")


class Kind(StrEnum):
    OPEN = "O"
    WRITE = "W"
    TRUNCATE = "T"
    SYNC = "S"
    SYNC_FOLDER = "D"
    UNLINK = "U"
    RENAME = "R"
    MARK = "M"
    UNSEEN = "X"


CREATED, EMPTIED = 1, 2
"""What `Operation.number` says of an open."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One record of the log; which fields mean something depends on its kind, see `pcut.c`."""

    kind: Kind
    inode: int = 0
    number: int = 0
    path: str = ""
    data: bytes = b""

    @property
    def told(self) -> dict[str, Any]:
        """What a mark says."""
        return json.loads(self.data)  # type: ignore[no-any-return]


class Unseen(Exception):
    """The program wrote in a way that the library does not record: the log proves nothing."""


def have_compiler() -> bool:
    return shutil.which("gcc") is not None


@cache
def library() -> Path:
    """The compiled library, made once for each process that asks. Raises CalledProcessError."""
    folder = Path(tempfile.mkdtemp(prefix="pcut-"))
    target = folder / "pcut.so"
    options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *options, "-o", target, SOURCE, "-ldl", "-lpthread"], check=True)
    return target


def record(command: Sequence[str | Path], folder: Path, log: Path, timeout: float = 120) -> str:
    """Run a program to its end with everything it writes under `folder` recorded; what it said on standard output.

    Raises CalledProcessError where it fails.
    """
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library()),
        "PCUT_PREFIX": str(folder.resolve()),
        "PCUT_LOG": str(log.resolve()),
    }
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        timeout=timeout,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def read_log(log: Path) -> Iterator[Operation]:
    """All operations in their order. Raises Unseen."""
    with log.open("rb") as file:
        while head := file.read(_HEAD.size):
            kind, inode, number, path_length, data_length = _HEAD.unpack(head)
            path = os.fsdecode(file.read(path_length))
            operation = Operation(Kind(kind.decode()), inode, number, path, file.read(data_length))
            if operation.kind is Kind.UNSEEN:
                raise Unseen(f"{operation.data.decode()} of {operation.path!r}")
            yield operation


class Marker:
    """In the program: says what it has told, at once after telling it."""

    def __init__(self) -> None:
        """Raises AttributeError where the program does not run under the library."""
        self._mark = ctypes.CDLL(None).pcut_mark
        self._mark.argtypes = [ctypes.c_char_p, ctypes.c_size_t]

    def __call__(self, **told: Any) -> None:
        """Values that JSON knows; bytes as hexadecimal text."""
        data = json.dumps(told, default=lambda value: value.hex()).encode()
        self._mark(data, len(data))
