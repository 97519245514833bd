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
    paper_out = "device.paper_out"
    cover_open = "device.cover_open"
    printer_failed = "device.printer_failed"
    printer_silent = "device.printer_silent"
    card_mute = "device.card_mute"
    """Something lies on the reader, but no chip answers."""


class PrinterCondition(StrEnum):
    """What stands between a slip and its paper; only the first two print."""

    ready = "ready"
    paper_low = "paper_low"
    """Prints; the roll wants changing soon. Only printers with a near-end sensor say so."""
    paper_out = "paper_out"
    cover_open = "cover_open"
    absent = "absent"
    """Not there, or not opened yet."""
    failed = "failed"
    """There, but it does not answer, reports an error of its own, or the port is not usable."""


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


class CardTransport(Protocol):
    """One card that lies on a reader, from its power-up to its loss; after that it is of no use any more."""

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes (ISO/IEC 7816-3); a contactless reader makes one up."""
        ...

    def transmit(self, apdu: bytes) -> bytes:
        """One command APDU, short or extended; the card's data and SW1 SW2, two bytes at least.

        Raises CardGone (taken away, contact lost, reader unplugged, driver closed) and CardSilent (no answer within
        the driver's time). After either every further call raises CardGone: ask the reader for the card again.
        """
        ...


class CardReader(Device, Protocol):
    """Reads contactless or contact chip cards."""

    def card(self, timeout: float) -> CardTransport | None:
        """The card that lies there, powered up anew, or None after `timeout` seconds; at once after `close()`.

        Raises nothing for a missing reader. The card given before is let go.
        """
        ...

    def look(self) -> None:
        """See whether the reader is there, for `state`; touches no card and returns at once. May be called while
        another thread reads: then it does nothing."""
        ...


class SlipPrinter(Device, Protocol):
    """Prints slips. It watches itself: nobody reads it, and `state` and `condition` stay true all the same."""

    @property
    def condition(self) -> PrinterCondition:
        """As last seen, within about a second. `state` follows: failed and absent are, all others are ready."""
        ...

    def print_rows(self, rows: bytes, width: int, timeout: float) -> None:
        """Print one slip, feed and cut it; return when the printer has said that it is done.

        `rows`: 1 bit a dot, most significant first, 1 is black, `width` / 8 bytes a row. `timeout`: seconds for
        everything, the wait for another slip included. Raises a NotPrinted; nothing is ever tried twice: its
        `begun` says whether some of the slip may be on paper, and the caller decides.
        """
        ...
