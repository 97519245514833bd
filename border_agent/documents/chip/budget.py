"""How much of our time one chip may have: seconds, commands, bytes.

A chip is hostile until proved otherwise: it may answer slowly, for ever, or with lengths that never end. Every
command asks `watch()` first, so a reading ends within its budget and what one command may take.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from border_agent.documents.chip.errors import ChipBudget

if TYPE_CHECKING:
    from firmware_bridge.roles import CardTransport


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What a reading may cost. A real passport takes 2 to 6 s, 40 to 200 commands and 15 to 100 KB."""

    seconds: float = 10.0
    """From when the card first lies there."""
    apdus: int = 2000
    octets: int = 1_000_000
    """Bytes of all answers together, secure messaging included."""


class Budget:
    """One reading's allowance as it is used up. Counts what goes through it; raises ChipBudget where it ends."""

    def __init__(self, allowance: Allowance, cancelled: Callable[[], bool] | None = None) -> None:
        """`cancelled`: asked before each command; true ends the reading like a budget used up."""
        self._allowance = allowance
        self._cancelled = cancelled
        self._began: float | None = None
        self.apdus = 0
        self.octets = 0
        self.waiting = 0.0
        """Seconds spent in the transport: the chip's share of the time, and the wire's."""

    def begin(self) -> None:
        """A card is there: its time begins, unless it has."""
        if self._began is None:
            self._began = time.monotonic()

    @property
    def remaining(self) -> float:
        """Seconds left; 0 when there are none."""
        return max(0.0, self._allowance.seconds - self.elapsed)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began if self._began is not None else 0.0

    def watch(self) -> None:
        """Ask leave for one more command. Raises ChipBudget; `where` says what ended."""
        if self._cancelled is not None and self._cancelled():
            raise ChipBudget("cancelled")
        if self.remaining <= 0:
            raise ChipBudget("seconds", f"{self._allowance.seconds:g} s are over")
        if self.apdus >= self._allowance.apdus:
            raise ChipBudget("apdus", f"{self.apdus} commands")
        if self.octets >= self._allowance.octets:
            raise ChipBudget("octets", f"{self.octets} bytes")

    def count(self, answer: bytes, seconds: float) -> None:
        """One command has been answered, in so many seconds."""
        self.apdus += 1
        self.octets += len(answer)
        self.waiting += seconds


class Metered:
    """A card whose use is counted. See `firmware_bridge.roles.CardTransport`."""

    def __init__(self, card: CardTransport, budget: Budget) -> None:
        self._card = card
        self._budget = budget
        self.extended = False
        """The last command was of extended length."""

    @property
    def atr(self) -> bytes:
        return self._card.atr

    def transmit(self, apdu: bytes) -> bytes:
        self.extended = len(apdu) > 5 and not apdu[4]
        began = time.monotonic()
        answer = b""
        try:
            answer = self._card.transmit(apdu)
        finally:
            self._budget.count(answer, time.monotonic() - began)
        return answer
