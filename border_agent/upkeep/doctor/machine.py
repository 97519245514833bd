"""The machine as a check sees it: files below a root, programs with a time limit, a clock. Never raises, never waits.

A check asks only this, so that a test gives it a machine that is broken in one way, and a folder that holds the
system of another machine (a disk taken out, an image) can be looked at too.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

PROGRAM_SECONDS: Final = 5.0
_LARGEST: Final = 1_048_576


class Ran(Struct, frozen=True):
    """How a program ended."""

    code: int
    out: str
    error: str


def run_program(*words: str) -> Ran | None:
    """Run a program; None where there is none, or it did not end in time."""
    try:
        ran = subprocess.run(
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROGRAM_SECONDS,
            env={**os.environ, "LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Ran(
        ran.returncode, ran.stdout[:_LARGEST].decode(errors="replace"), ran.stderr[:_LARGEST].decode(errors="replace")
    )


class Machine:
    """One machine. Thread-safe."""

    def __init__(
        self,
        root: Path = Path("/"),
        *,
        now: Callable[[], float] = time.time,
        run: Callable[..., Ran | None] = run_program,
    ) -> None:
        self.root = root
        self.run = run
        self._now = now

    @property
    def live(self) -> bool:
        """Whether systemd runs here: in a changed root or on a disk taken out it does not."""
        return self.path("/run/systemd/system").is_dir()

    def now(self) -> datetime:
        """The system's clock; 1970 where it holds no date."""
        try:
            return datetime.fromtimestamp(self._now(), UTC)
        except (OverflowError, ValueError, OSError):
            return datetime.fromtimestamp(0, UTC)

    def path(self, name: str) -> Path:
        """A file of this machine by its absolute name."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str | None:
        """A small file's text; None where it cannot be read."""
        try:
            with self.path(name).open("rb") as file:
                return file.read(_LARGEST).decode(errors="replace")
        except OSError:
            return None

    def names(self, folder: str) -> list[str]:
        """What a folder holds; nothing where there is none."""
        try:
            return sorted(one.name for one in self.path(folder).iterdir())
        except OSError:
            return []
