"""A release as it arrives: a tar, or a folder on a stick. Nothing but what the signed list names is ever taken."""

from __future__ import annotations

import contextlib
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from borne_guard.fault import Fault
from borne_guard.manifest import LARGEST


class Source:
    """Opens parts of a release by their names."""

    def __init__(self, path: Path, tar: tarfile.TarFile | None) -> None:
        self._path = path
        self._tar = tar

    def head(self, name: str) -> bytes:
        """One of the three small files. Raises Fault."""
        with self.opened(name) as file:
            if file is None:
                raise Fault("update.no_release", str(self._path), name)
            data: bytes = file.read(LARGEST[name] + 1)
        if len(data) > LARGEST[name]:
            raise Fault("update.manifest", name, "too large")
        return data

    @contextmanager
    def opened(self, name: str) -> Iterator[Any | None]:
        """A part to read from; None: it did not come along. Raises Fault for what cannot be read."""
        with contextlib.ExitStack() as stack:
            try:
                file = self._in_tar(name) if self._tar is not None else self._in_folder(name)
                if file is not None:
                    stack.enter_context(file)
            except (OSError, tarfile.TarError, EOFError) as error:
                raise Fault("update.unreadable", str(self._path), f"{name}: {error}") from None
            yield file

    def _in_tar(self, name: str) -> Any | None:
        assert self._tar is not None
        try:
            member = self._tar.getmember(name)
        except KeyError:
            return None
        if not member.isreg():
            raise Fault("update.unreadable", name, "not a file")
        return self._tar.extractfile(member)

    def _in_folder(self, name: str) -> Any | None:
        file = Path(self._path, name)
        try:
            kind = file.stat().st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(kind):
            raise Fault("update.unreadable", name, "not a file")
        return file.open("rb")


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """The release at a path. Raises Fault."""
    if path.is_dir():
        yield Source(path, None)
        return
    with contextlib.ExitStack() as stack:
        try:
            tar = stack.enter_context(tarfile.open(path, "r:"))
        except (OSError, tarfile.TarError, EOFError) as error:
            raise Fault("update.no_release", str(path), str(error)) from None
        yield Source(path, tar)
