"""What the passages of a period add up to: values, each also a line of a table."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, structs

from mqtt_schemas.entries import Decision


class Tally(Struct, frozen=True, kw_only=True):
    """Passages by what became of them. `total` is all of them."""

    entries: int = 0
    exits: int = 0
    refused: int = 0
    referred: int = 0
    """To another officer, without a movement."""
    cancelled: int = 0
    total: int = 0


class HourTally(Struct, frozen=True, kw_only=True):
    """One hour of a day at the post."""

    begins: datetime
    """In the post's time zone."""
    entries: int
    exits: int
    refused: int
    referred: int
    cancelled: int
    total: int


class NamedTally(Struct, frozen=True, kw_only=True):
    """One nationality (a state's code, empty: unknown), officer (service number), or device (empty: this one)."""

    name: str
    entries: int
    exits: int
    refused: int
    referred: int
    cancelled: int
    total: int


class VerdictTally(Struct, frozen=True, kw_only=True):
    """What the machine proposed and what the officer decided."""

    proposal: Decision
    decision: Decision
    count: int
    override: bool
    """The officer decided otherwise."""


class Spread(Struct, frozen=True, kw_only=True):
    """Durations in seconds, to a tenth; zeros where there is none."""

    count: int = 0
    p50: float = 0.0
    p95: float = 0.0
    longest: float = 0.0


class Kpis(Struct, frozen=True, kw_only=True):
    """The figures of a period."""

    since: datetime
    until: datetime
    tally: Tally
    proposed: int
    """Passages that had a proposal and a decision."""
    overrides: int
    late_entries: int
    """Entered afterwards, from paper; they are in `tally` too."""
    corrected: int
    annulled: int
    """Not in any other figure."""
    waiting: Spread
    """From the proposal until an officer took it in hand."""
    processing: Spread
    """From the beginning of an inspection until the movement; not of corrected ones, whose time may be another."""


class Figure(Struct, frozen=True, kw_only=True):
    """One figure by its name, as a line of a table."""

    name: str
    value: float


def figures(kpis: Kpis) -> tuple[Figure, ...]:
    """The figures of a period as lines: `entries`, `overrides`, `waiting_p95` …"""
    lines: dict[str, float] = structs.asdict(kpis.tally)
    lines |= {
        name: getattr(kpis, name) for name in ("proposed", "overrides", "late_entries", "corrected", "annulled")
    }
    for name, spread in (("waiting", kpis.waiting), ("processing", kpis.processing)):
        lines |= {f"{name}_{part}": value for part, value in structs.asdict(spread).items()}
    return tuple(Figure(name=name, value=value) for name, value in lines.items())
