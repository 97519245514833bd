"""Lines of a machine-readable zone with single characters marked: what the camera was not sure of, what differs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from msgspec import Struct


class Piece(Struct, frozen=True):
    """Characters that stand together and are marked alike."""

    text: str
    marked: bool = False


MarkedLine = tuple[Piece, ...]


def marked(lines: Sequence[str], places: Collection[tuple[int, int]]) -> tuple[MarkedLine, ...]:
    """Lines with the characters at these places (line and column, from 0) marked; places outside are passed over."""
    return tuple(
        _line(line, {column for row_of, column in places if row_of == row}) for row, line in enumerate(lines)
    )


def _line(line: str, columns: Collection[int]) -> MarkedLine:
    on = [column in columns for column in range(len(line))]
    runs = groupby(zip(line, on, strict=True), lambda char: char[1])
    return tuple(Piece("".join(char for char, _ in run), there) for there, run in runs)


def differing(one: Sequence[str], other: Sequence[str]) -> frozenset[tuple[int, int]]:
    """Places (line and column, from 0) at which two zones are not the same; whatever only one of them has differs."""
    longest = max((len(line) for line in (*one, *other)), default=0)
    return frozenset(
        (row, column)
        for row in range(max(len(one), len(other)))
        for column in range(longest)
        if _at(one, row, column) != _at(other, row, column)
    )


def _at(lines: Sequence[str], row: int, column: int) -> str:
    return lines[row][column : column + 1] if row < len(lines) else ""
