"""A file that is there whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(target: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A new file, for its owner alone unless `mode` says otherwise, which is at `target`, on disk, once the block has
    ended well; else nothing is left of it. Raises OSError, also for a target that is there and no file.
    """
    if target.exists() and not target.is_file():
        # An administrator's rename would put a file in the place of a device, for every program of this machine.
        raise OSError(errno.EINVAL, "not a regular file", str(target))
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
