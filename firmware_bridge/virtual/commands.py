"""The command line every twin listens to: one JSON object a line on standard input; its end is the twin's end.

A twin must not outlive who started it, even one killed by SIGKILL. The pipe's end says so at once; where a child of
the parent has inherited the pipe, the change of the parent's process id does.
"""

from __future__ import annotations

import os
from typing import Generic, TypeVar

import msgspec

MAX_LINE = 64 * 1024 * 1024
"""Bytes of one command: room for an emission of tens of megabytes in base64."""
PARENT_CHECK = 1.0
"""Seconds between looks at the parent's process id."""

_READ = 65536

T = TypeVar("T", bound=msgspec.Struct)


class Commands(Generic[T]):
    """Commands as they arrive on a file descriptor. The twin's own starter writes them: a bad one ends the twin."""

    def __init__(self, descriptor: int, kind: type[T]) -> None:
        self.descriptor = descriptor
        self.ended = False
        self._decoder = msgspec.json.Decoder(kind)
        self._buffer = bytearray()
        self._parent = os.getppid()

    def take(self) -> list[T]:
        """Commands that are whole now; call when the descriptor is readable."""
        data = os.read(self.descriptor, _READ)
        if not data:
            self.ended = True
            return []
        *lines, rest = data.split(b"\n")
        commands = []
        for line in lines:
            self._buffer += line
            if self._buffer.strip():
                commands.append(self._decoder.decode(self._buffer))
            self._buffer.clear()
        self._buffer += rest
        if len(self._buffer) > MAX_LINE:
            raise ValueError(f"a command of more than {MAX_LINE} bytes")
        return commands

    def orphaned(self) -> bool:
        return os.getppid() != self._parent
