"""The file beside the database that remembers where the journal ended: an older copy of the store is known by it.

It is written after each commit and never synced for it, so it costs a decision nothing. Because the commit is on
disk before, the file never knows more than a database that was left alone: where it does, that database is an older
one, put back. It says nothing of anybody and proves nothing to others; whoever restores a whole disk restores it
too, and then it is the centre's acknowledgement that knows better (see `reporting.uplink`).
"""

from __future__ import annotations

import logging
import os
import struct
from hashlib import sha256
from pathlib import Path
from typing import Final

from border_agent.store.streams import Position

_log = logging.getLogger(__name__)

_MAGIC: Final = b"borne-tail-1"
_FORM: Final = struct.Struct(">12s16sQ32s40s")
_SUM_BYTES: Final = 16


class Tail:
    """The end of one device's journal, as last written. Thread-safe; never raises."""

    def __init__(self, store: Path, device: str) -> None:
        self.path = store.with_name(f"{store.name}.tail")
        self._device = device.encode()
        self._failed = False

    def read(self) -> Position | None:
        """Where the journal ended; None where that is not known: no file, a torn one, another device's."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return None
        if len(data) != _FORM.size + _SUM_BYTES or _sum(data[: _FORM.size]) != data[_FORM.size :]:
            return None
        magic, epoch, sequence, head, device = _FORM.unpack_from(data)
        if magic != _MAGIC or device.rstrip(b"\0") != self._device:
            return None
        return Position(epoch=epoch, sequence=sequence, head=head)

    def note(self, epoch: bytes, sequence: int, head: bytes) -> None:
        """The journal ends here now; the commit is on disk already."""
        form = _FORM.pack(_MAGIC, epoch, sequence, head, self._device)
        self._write(form + _sum(form), sync=False)

    def sync(self) -> None:
        """Make it durable; for a moment in which nobody waits."""
        self._write(b"", sync=True)

    def _write(self, data: bytes, *, sync: bool) -> None:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                # Always in place, and less than a sector: there is one, whole, at every moment.
                os.pwrite(descriptor, data, 0)
                if sync:
                    os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._failed:
                _log.warning("the end of the journal cannot be noted: %s", error.strerror)
            self._failed = True
        else:
            self._failed = False


def _sum(form: bytes) -> bytes:
    return sha256(form).digest()[:_SUM_BYTES]
