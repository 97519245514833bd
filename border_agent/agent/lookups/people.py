"""Persons of the watch-list in memory: flat arrays, made once, searched whole.

For 100,000 persons every word of a name is compared with every word there is, and every person gets points in one
pass over the arrays: nothing is left out by a clever index, and it takes some hundredths of a second. Only the few
hundred best are then compared word by word (see `scoring`). Grounds and papers are not held here: a hit's record is
read from the store.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Indel

from border_agent.agent.lookups.births import Birth, read_birth, weigh
from border_agent.agent.lookups.names import Word, squashed, words_of
from border_agent.agent.lookups.scoring import Agreement, Vocabulary, agree
from mqtt_schemas.records import WatchRecord

_CANDIDATES: Final = 256
"""Persons compared word by word."""
_LEAST_POINTS: Final = 45.0
"""Of a person worth that, before the words are paired."""
_JOINED_CANDIDATES: Final = 64
_JOINED_LIKENESS: Final = 0.8


class Found(NamedTuple):
    """A person that fits: under which version the record stands, and how well it fits."""

    version: int
    points: float
    agreement: Agreement


class People:
    """Some persons of one issue of the watch-list. Immutable, so searched from any thread."""

    def __init__(self, records: Iterable[tuple[int, WatchRecord]]) -> None:
        vocabulary = Vocabulary()
        versions, starts, places = array("q"), array("i"), array("i")
        births = array("h")
        self._squashed: list[str] = []
        for version, record in records:
            words = words_of(f"{record.surname} {record.given_names}")
            if not words:
                continue
            versions.append(version)
            starts.append(len(places))
            places.extend(vocabulary.place(word) for word in words)
            births.extend(read_birth(record.birth) or Birth())
            self._squashed.append(squashed(words))
        self._lengths = np.array([len(name) for name in self._squashed], np.int16)
        vocabulary.close()
        self._vocabulary = vocabulary
        self._versions = np.array(versions, np.int64)
        self._starts = np.array(starts, np.int32)
        self._places = np.array(places, np.int32)
        dates = np.array(births, np.int16).reshape(-1, 3)
        self._births = (dates[:, 0].copy(), dates[:, 1].copy(), dates[:, 2].copy())
        weights = self._vocabulary.weights[self._places]
        self._weights = np.add.reduceat(weights, self._starts) if versions else weights

    def __len__(self) -> int:
        return len(self._versions)

    def find(self, words: tuple[Word, ...], birth: Birth) -> list[Found]:
        """The persons that may be meant, without order: what is below a cutoff is the caller's to leave out."""
        if not words or not len(self):
            return []
        alike = self._vocabulary.alike(words)
        dates = weigh(self._births, birth)
        found = []
        for person in self._candidates(words, alike, dates):
            agreement = self._agreement(int(person), words, alike)
            points = min(100.0, max(0.0, agreement.points + float(dates[person])))
            found.append(Found(int(self._versions[person]), points, agreement))
        return found

    def _candidates(self, words: tuple[Word, ...], alike: np.ndarray, dates: np.ndarray) -> np.ndarray:
        covered = np.zeros(len(self), np.float32)
        for word, row in zip(words, alike, strict=True):
            covered += word.weight * np.maximum.reduceat(row[self._places], self._starts)
        best = alike.max(axis=0) * self._vocabulary.weights
        back = np.add.reduceat(best[self._places], self._starts) / self._weights
        covered /= sum(word.weight for word in words)
        points = 100.0 * (0.7 * np.maximum(covered, back) + 0.3 * np.minimum(covered, back)) + dates
        return np.union1d(
            _best(points, _CANDIDATES, _LEAST_POINTS),
            _best(self._joined(words), _JOINED_CANDIDATES, _JOINED_LIKENESS),
        )

    def _joined(self, words: tuple[Word, ...]) -> np.ndarray:
        """Likeness of whole names written without gaps, in three orders."""
        orders = {squashed(order) for order in (words, (*words[1:], words[0]), (words[-1], *words[:-1]))}
        likeness = np.zeros(len(self), np.float32)
        # Names so alike have nearly as many letters.
        length = len(squashed(words))
        close = np.flatnonzero((self._lengths >= length * 0.66) & (self._lengths <= length * 1.52))
        if len(close):
            likeness[close] = process.cdist(
                list(orders),
                [self._squashed[person] for person in close],
                scorer=Indel.normalized_similarity,
                dtype=np.float32,
                score_cutoff=_JOINED_LIKENESS,
            ).max(axis=0)
        return likeness

    def _agreement(self, person: int, words: tuple[Word, ...], alike: np.ndarray) -> Agreement:
        start = self._starts[person]
        stop = self._starts[person + 1] if person + 1 < len(self) else len(self._places)
        places = self._places[start:stop]
        sounds, weights = self._vocabulary.sounds, self._vocabulary.weights
        theirs = [Word("", sounds[place], float(weights[place])) for place in places]
        return agree(words, theirs, alike[:, places])


def _best(points: np.ndarray, most: int, least: float) -> np.ndarray:
    """Indexes of the highest points, at least `least`, at most `most` of them."""
    found = np.flatnonzero(points >= least)
    if len(found) > most:
        found = found[np.argpartition(points[found], -most)[-most:]]
    return found
