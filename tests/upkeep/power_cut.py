"""Runs the guard and kills it, as a power cut would, at the nth time it is about to touch the disk.

    python3 power_cut.py FILES N WORD…      N = 0: not at all; the last line of output is how many times there are

What was written and not yet synced is cut in half first: a disk promises no more. With `--quick` in front of the
words an environment is built without pip, which the cuts are not about.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

files, number, *words = sys.argv[1:]
sys.path.insert(0, files)
sys.dont_write_bytecode = True

from borne_guard import health, staging  # noqa: E402
from borne_guard.main import main  # noqa: E402

LAST = int(number)
TOUCHES = ("open", "replace", "rename", "symlink", "link", "unlink", "mkdir", "rmdir", "fsync", "chmod", "sync")
health._POLL_SECONDS = 0.02
count = 0


def cut(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    def touching(*arguments: Any, **more: Any) -> Any:
        global count
        if name == "open" and not (len(arguments) > 1 and int(arguments[1]) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            return call(*arguments, **more)
        count += 1
        if count == LAST:
            if name == "fsync":
                tear(arguments[0])
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **more)

    return touching


def tear(descriptor: int) -> None:
    """Half of what was never synced is lost. A history's earlier lines were."""
    path = Path(f"/proc/self/fd/{descriptor}").readlink()
    if path.is_file() and path.name != "history.jsonl":
        os.truncate(path, path.stat().st_size // 2)


# Of the whole machine's disks, and slow: that it is asked for counts, not that it is done.
os.sync = lambda: None
for name in TOUCHES:
    setattr(os, name, cut(getattr(os, name), name))

written = io.open


def opened(file: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
    global count
    if "w" in mode or "a" in mode:
        count += 1
        if count == LAST:
            os.kill(os.getpid(), signal.SIGKILL)
    return written(file, mode, *arguments, **more)


io.open = opened  # type: ignore[assignment]

if words[0] == "--quick":
    words = words[1:]

    def environment(settings: Any, manifest: Any, folder: Path, cache: Path) -> None:
        (folder / "bin").mkdir(parents=True)
        for wheel in manifest.wheels:
            (folder / "bin" / wheel.sha256).write_bytes((cache / wheel.sha256).read_bytes())

    staging._environment = environment

code = main(words)
sys.stdout.write(f"{count}\n")
sys.exit(code)
