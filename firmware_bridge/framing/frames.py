"""What framers hand out besides frames, and what a driver asks of them."""

from __future__ import annotations

from typing import Protocol

import msgspec

from firmware_bridge.roles import Fault


class FrameError(msgspec.Struct, frozen=True):
    """Bytes that made no frame. A value, not an exception: the stream goes on behind it."""

    fault: Fault
    detail: str
    """Counts and limits only: never the bytes."""


class Assembler(Protocol):
    """Makes payloads of lines. Holds no more than one unfinished payload."""

    def add(self, line: bytes) -> list[bytes | FrameError]:
        """One line as it came from the wire, without its end."""
        ...

    def quiet(self) -> list[bytes | FrameError]:
        """The wire has been silent long enough: what is unfinished now stays unfinished."""
        ...

    def reset(self) -> None:
        """Forget what is unfinished, without a word: the device has gone."""
        ...
