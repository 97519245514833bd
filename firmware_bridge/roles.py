"""What the rest of Borne knows of a device: its role, its state, and the values it delivers.

A driver is anything that has these methods; nobody inherits from it. Rules every driver keeps:

- `open()` and `read()`/`frame()` never raise because a device is missing: the state says so, and the driver
  looks for the device again by itself. `open()` returns after one attempt.
- One thread reads; `close()` may come from any other thread and ends the read that is under way.
- Bytes leave a driver as they came from the wire. What they mean is for a parser to say.
- Whatever goes wrong with the device appears once in the log and as a `DeviceProblem` in `problems`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PROBLEMS_KEPT = 64
"""Problems a driver keeps for whoever drains them; older ones fall off."""


class DeviceState(StrEnum):
    absent = "absent"
    """Not there, or not opened yet."""
    ready = "ready"
    failed = "failed"
    """There, but not usable: no permission, held by another process, not what it should be."""


class Fault(StrEnum):
    """Everything that a driver reports; the words are under `error.<value>`."""

    frame_too_long = "device.frame_too_long"
    noise = "device.noise"
    not_text = "device.not_text"
    incomplete = "device.incomplete"
    busy = "device.busy"
    not_permitted = "device.not_permitted"
    unusable = "device.unusable"
    frame_torn = "device.frame_torn"
    frame_too_large = "device.frame_too_large"


class DeviceProblem(msgspec.Struct, frozen=True):
    """One thing that went wrong. `detail` holds counts and reasons, never what was read."""

    fault: Fault
    device: str
    detail: str
    at: float
    """`time.monotonic()`, seconds."""

    @property
    def code(self) -> str:
        return self.fault.value


class Reading(msgspec.Struct, frozen=True):
    """What a reader delivered: one document's MRZ lines (divided by LF), or one code."""

    raw: bytes
    device: str
    at: float
    """`time.monotonic()` when the last byte arrived, seconds."""


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One picture of a camera."""

    pixels: npt.NDArray[np.uint8]
    """Height x width x 3, blue, green, red."""
    device: str
    at: float
    """`time.monotonic()` when the frame arrived, seconds."""


class Device(Protocol):
    """What every role has."""

    problems: deque[DeviceProblem]
    """Newest last; whoever drains it uses `popleft()`. Bounded by `PROBLEMS_KEPT`."""

    @property
    def name(self) -> str: ...

    @property
    def state(self) -> DeviceState:
        """As last seen by the thread that reads: a device nobody reads is not watched."""
        ...

    def open(self) -> None:
        """Look for the device once. Returns whether or not it is there; a second call does nothing."""
        ...

    def close(self) -> None:
        """Let the device go and end a read under way. May be opened again."""
        ...


class Reader(Device, Protocol):
    def read(self, timeout: float) -> Reading | None:
        """The next reading, or None after `timeout` seconds; at once after `close()`."""
        ...


class DocumentReader(Reader, Protocol):
    """Reads a document's machine readable zone."""


class CodeScanner(Reader, Protocol):
    """Reads a printed or displayed code."""


class Camera(Device, Protocol):
    def frame(self, timeout: float) -> Frame | None:
        """The first whole frame that arrives after the call, or None after `timeout` seconds."""
        ...
