"""One zone from the readings of several frames of the same document.

Every character is put to the vote. A frame that is not sure of a character counts little there, and the result is
never surer than the surest frame: frames of one document show the same print, and share its faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from border_agent.decoding.values import FoundMrz

_SAME: Final = 0.6
"""Share of characters in which two readings of one document agree at least; below it, it is another document."""


def vote(found: Sequence[FoundMrz]) -> FoundMrz:
    """The likeliest zone of one or more readings (ValueError where there is none).

    Readings of another format, or so different that they show another document, are left out. Corners are those of
    the surest reading.
    """
    if not found:
        raise ValueError("nothing to vote on")
    leader = max(found, key=lambda reading: _support(reading, found))
    voters = [reading for reading in found if _alike(leader, reading) >= _SAME]
    surest = max(voters, key=_mean)
    lines, rivals, confidence = [], [], []
    for row in range(len(leader.lines)):
        chosen = [_character(voters, row, place) for place in range(len(leader.lines[row]))]
        lines.append("".join(best for best, _, _ in chosen))
        rivals.append("".join(second for _, second, _ in chosen))
        confidence.append(tuple(share for _, _, share in chosen))
    return structs.replace(surest, lines=tuple(lines), runner_up=tuple(rivals), confidence=tuple(confidence))


def _mean(reading: FoundMrz) -> float:
    shares = [share for line in reading.confidence for share in line]
    return sum(shares) / len(shares)


def _support(reading: FoundMrz, found: Sequence[FoundMrz]) -> float:
    """How much the frames together stand behind this reading's format and characters."""
    return sum(_alike(reading, other) * _mean(other) for other in found)


def _alike(one: FoundMrz, other: FoundMrz) -> float:
    """Share of equal characters, each counted by how sure both are of it; 0 for another format."""
    if one.format != other.format:
        return 0.0
    same = total = 0.0
    for row, line in enumerate(one.lines):
        for place, character in enumerate(line):
            weight = one.confidence[row][place] * other.confidence[row][place]
            total += weight
            same += weight * (character == other.lines[row][place])
    return same / total if total else 0.0


def _character(voters: Sequence[FoundMrz], row: int, place: int) -> tuple[str, str, float]:
    """The character voted for, the next, and the first one's share."""
    votes: dict[str, float] = {}
    total = 0.0
    for reading in voters:
        share = reading.confidence[row][place]
        weight = share * share + 1e-6
        total += weight
        best, second = reading.lines[row][place], reading.runner_up[row][place]
        votes[best] = votes.get(best, 0.0) + weight * share
        votes[second] = votes.get(second, 0.0) + weight * (1.0 - share)
    ranked = sorted(votes, key=lambda character: -votes[character])
    return ranked[0], ranked[1] if len(ranked) > 1 else ranked[0], min(1.0, votes[ranked[0]] / total)
