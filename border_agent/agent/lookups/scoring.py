"""How far two names agree, as points from 0 to 100.

Words are paired one to one, the best pairs first, whatever their order: surname and given names change places on many
papers. What the pairs cover of either name gives the points: the better covered side counts for more, because a paper
often leaves a name out. Words of full weight left over on both sides speak against it. Words written as one here and
apart there are paired last.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import OSA

from border_agent.agent.lookups.names import Word, consonants, group_of, squashed

CUTOFF: Final = 78
"""Fewer points are no hit in a look-up."""
NEAR_CUTOFF: Final = 88
"""Fewer points are not shown beside an inspection."""

_FLOOR: Final = 0.78
"""Words less alike than this are different words."""
_SAME_NAME: Final = 0.94
_BARE: Final = 0.95
"""The same consonants where one side has no vowels, as Arabic is written: nothing contradicts."""
_OTHER_NAME: Final = 0.5
_BEGINNING: Final = 0.9
"""Of a long word cut short: the MRZ does that."""
_LONG_WORD: Final = 6
_BETTER_SIDE: Final = 70.0
_OTHER_SIDE: Final = 30.0
_LEAST_OTHER: Final = 0.4
"""So much the less covered side counts at least: a surname alone is a look-up too."""
_LEFT_OVER: Final = 8.0
_JOINED_FLOOR: Final = 0.84

Matrix = npt.NDArray[np.float32]


class Agreement(NamedTuple):
    """Points of two names."""

    points: float
    pairs: int
    """Words of full weight that found their like."""
    whole: bool
    """No word of full weight is left over on either side."""


class Vocabulary:
    """Every word that a list's names have, once: words are put in one by one, and compared once it is closed."""

    def __init__(self) -> None:
        self.sounds: list[str] = []
        self._places: dict[tuple[str, float], int] = {}
        self._put = array("f"), array("i")
        """Weights; and of each word its group, codes of its consonants and beginning, whether it has no vowels."""
        self._code: dict[str, int] = {}
        self._beginning: dict[str, int] = {}

    def place(self, word: Word) -> int:
        """Where a word is, put in where it was not."""
        place = self._places.setdefault((word.sound, word.weight), len(self.sounds))
        if place == len(self.sounds):
            left, beginning = consonants(word.sound), word.sound[:_LONG_WORD]
            weights, traits = self._put
            weights.append(word.weight)
            traits.append(group_of(word.sound))
            traits.append(self._code.setdefault(left, len(self._code)))
            traits.append(self._beginning.setdefault(beginning, len(self._beginning)))
            traits.append(left == word.sound)
            self.sounds.append(word.sound)
        return place

    def close(self) -> None:
        """No more words; nothing changes any more."""
        self.weights = np.array(self._put[0], np.float32)
        traits = np.array(self._put[1], np.int32).reshape(-1, 4).T.copy()
        self._groups, self._consonants, self._beginnings = traits[:3]
        self._bare = traits[3] != 0
        self._places, self._put = {}, (array("f"), array("i"))

    def __len__(self) -> int:
        return len(self.sounds)

    def alike(self, words: Sequence[Word]) -> Matrix:
        """Likeness from 0 to 1 of each word (rows) with each of the vocabulary (columns); 0: different words."""
        wanted = [word.sound for word in words]
        found: Matrix = process.cdist(wanted, self.sounds, scorer=OSA.normalized_similarity, dtype=np.float32)
        for row, sound in zip(found, wanted, strict=True):
            same = row == 1.0
            self._by_consonants(row, sound)
            self._by_beginning(row, sound)
            if group := group_of(sound):
                mates = self._groups == group
                row[mates] = np.maximum(row[mates], _SAME_NAME)
                row[(self._groups != 0) & ~mates & ~same] = _OTHER_NAME
            row[row < _FLOOR] = 0.0
        return found

    def _by_consonants(self, row: Matrix, sound: str) -> None:
        skeleton = consonants(sound)
        if skeleton and (code := self._code.get(skeleton)) is not None:
            mates = self._consonants == code
            row[mates] = (row[mates] + 1.0) / 2.0
            bare = mates if skeleton == sound else mates & self._bare
            row[bare] = np.maximum(row[bare], _BARE)

    def _by_beginning(self, row: Matrix, sound: str) -> None:
        beginning = sound[:_LONG_WORD]
        if len(beginning) == _LONG_WORD and (code := self._beginning.get(beginning)) is not None:
            for index in np.flatnonzero(self._beginnings == code):
                other = self.sounds[index]
                if other.startswith(sound) or sound.startswith(other):
                    row[index] = max(row[index], _BEGINNING)


def agree(one: Sequence[Word], other: Sequence[Word], likeness: Matrix) -> Agreement:
    """Points of two names; `likeness`: of each word of the one (rows) with each of the other (columns)."""
    ours, theirs = set(range(len(one))), set(range(len(other)))
    covered = [0.0, 0.0]
    pairs = 0
    found = [
        (-value, row, column) for row, values in enumerate(likeness.tolist()) for column, value in enumerate(values)
    ]
    for value, row, column in sorted(found):
        if value and row in ours and column in theirs:
            ours.discard(row)
            theirs.discard(column)
            covered[0] -= one[row].weight * value
            covered[1] -= other[column].weight * value
            pairs += one[row].weight >= 1.0 and other[column].weight >= 1.0
    left, right = [one[index] for index in sorted(ours)], [other[index] for index in sorted(theirs)]
    if left and right and len(left) != len(right):
        joined = OSA.normalized_similarity(squashed(tuple(left)), squashed(tuple(right)), score_cutoff=_JOINED_FLOOR)
        if joined:
            covered[0] += joined * sum(word.weight for word in left)
            covered[1] += joined * sum(word.weight for word in right)
            pairs += 1
            left, right = [], []
    shares = sorted(
        part / (sum(word.weight for word in words) or 1.0) for part, words in zip(covered, (one, other), strict=True)
    )
    full = [sum(word.weight >= 1.0 for word in words) for words in (left, right)]
    points = _BETTER_SIDE * shares[1] + _OTHER_SIDE * max(shares[0], _LEAST_OTHER if shares[1] else 0.0)
    return Agreement(max(0.0, points - _LEFT_OVER * min(full)), pairs, whole=not any(full))
