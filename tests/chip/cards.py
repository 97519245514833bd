"""Cards in process for reading tests: laid on a reader that is no more than a function."""

from __future__ import annotations

from dataclasses import dataclass, field

from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.chip import VirtualChip
from firmware_bridge.errors import CardGone, CardSilent


@dataclass
class Lying:
    """A booklet on a reader. Contact is lost at the commands in `pulls` (the first is 1), before or after the chip
    has seen them; it comes back after `away` looks."""

    booklet: Booklet
    pulls: frozenset[int] = frozenset()
    seen: bool = False
    silent: bool = False
    away: int = 0
    commands: int = 0
    openings: int = 0
    _chip: VirtualChip = field(init=False)
    _looks: int = 0

    def __post_init__(self) -> None:
        self._chip = VirtualChip(self.booklet)

    def open(self, seconds: float) -> Lying | None:
        if self._looks > 0:
            self._looks -= 1
            return None
        self.openings += 1
        self._chip.reset()
        return self

    @property
    def atr(self) -> bytes:
        return self._chip.atr

    def transmit(self, apdu: bytes) -> bytes:
        self.commands += 1
        if self.commands not in self.pulls:
            return self._chip.transmit(apdu)
        self._looks = self.away
        if self.seen:
            self._chip.transmit(apdu)
        raise CardSilent("card") if self.silent else CardGone("card")
