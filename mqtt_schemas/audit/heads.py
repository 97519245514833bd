"""The heads of a segment, kept small (33 bytes an entry), so that whole journals can be held against each other."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import Final

from mqtt_schemas.chain import HEAD_BYTES

MOST_RANGES: Final = 10_000
"""Gaps, and entries out of their place, that are remembered one by one."""


class _Run:
    """Heads of contiguous entries."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.heads = bytearray()
        self.signed = bytearray()

    @property
    def end(self) -> int:
        return self.first + len(self.signed)


class Heads:
    """Heads by sequence, each with whether the device has signed that very one."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._late: dict[int, tuple[bytes, bool]] = {}

    def add(self, sequence: int, head: bytes, signed: bool) -> None:
        """The next head; one behind it is kept apart, up to a bound."""
        run = self._runs[-1] if self._runs else None
        if run is not None and sequence < run.end:
            if len(self._late) < MOST_RANGES:
                self._late[sequence] = (head, signed)
            return
        if run is None or sequence > run.end:
            if len(self._runs) >= MOST_RANGES:
                return
            run = _Run(sequence)
            self._runs.append(run)
        run.heads += head
        run.signed.append(signed)

    def at(self, sequence: int) -> tuple[bytes, bool] | None:
        """The head after an entry, and whether it is signed; None: it is not here."""
        place = bisect_right(self._runs, sequence, key=lambda run: run.first)
        if place and sequence < (run := self._runs[place - 1]).end:
            offset = sequence - run.first
            return bytes(run.heads[offset * HEAD_BYTES : (offset + 1) * HEAD_BYTES]), bool(run.signed[offset])
        return self._late.get(sequence)

    def parting(self, other: Heads) -> int | None:
        """The first sequence at which both have a signed head and not the same; None: there is none."""
        mine, theirs = 0, 0
        while mine < len(self._runs) and theirs < len(other._runs):
            left, right = self._runs[mine], other._runs[theirs]
            if (found := _parting(left, right)) is not None:
                return found
            if left.end <= right.end:
                mine += 1
            else:
                theirs += 1
        return None

    def forget_after(self, sequence: int) -> None:
        """What was added behind an entry was none of this journal's."""
        while self._runs and self._runs[-1].first > sequence:
            self._runs.pop()
        if self._runs and (run := self._runs[-1]).end > sequence + 1:
            kept = sequence + 1 - run.first
            del run.heads[kept * HEAD_BYTES :], run.signed[kept:]


def _parting(mine: _Run, theirs: _Run) -> int | None:
    first, end = max(mine.first, theirs.first), min(mine.end, theirs.end)
    if first >= end:
        return None

    def part(run: _Run) -> memoryview:
        return memoryview(run.heads)[(first - run.first) * HEAD_BYTES : (end - run.first) * HEAD_BYTES]

    if part(mine) == part(theirs):
        return None
    for sequence in range(first, end):
        own, other = sequence - mine.first, sequence - theirs.first
        if mine.signed[own] and theirs.signed[other]:
            left = mine.heads[own * HEAD_BYTES : (own + 1) * HEAD_BYTES]
            if left != theirs.heads[other * HEAD_BYTES : (other + 1) * HEAD_BYTES]:
                return sequence
    return None


class Gaps:
    """Which entries have not been met yet."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int, int]] = []
        """First, last, and the line before which they are missing; in order."""

    def add(self, first: int, last: int, line: int) -> bool:
        """Entries passed over. False: too many gaps are open already."""
        if len(self._ranges) >= MOST_RANGES:
            return False
        insort(self._ranges, (first, last, line))
        return True

    def take(self, sequence: int) -> bool:
        """An entry that was missing has come after all. False: it was not missing."""
        place = bisect_right(self._ranges, sequence, key=lambda gap: gap[0]) - 1
        if place < 0 or sequence > self._ranges[place][1]:
            return False
        first, last, line = self._ranges.pop(place)
        if sequence < last:
            self._ranges.insert(place, (sequence + 1, last, line))
        if first < sequence:
            self._ranges.insert(place, (first, sequence - 1, line))
        return True

    def forget_after(self, sequence: int) -> None:
        """Nothing behind an entry was passed over after all."""
        while self._ranges and self._ranges[-1][0] > sequence:
            self._ranges.pop()

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return iter(self._ranges)
