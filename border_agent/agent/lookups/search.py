"""Look-ups in the watch-list without a line: persons by names that only resemble, documents by number.

The persons of the installed list are kept in memory and loaded in the background; a newer issue is taken up within
seconds by its changes alone. Whether a hit still stands is asked of the store each time, so a person who was taken
off the list is gone at once, and a newer issue's person appears once it is loaded: `version` says which.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from types import TracebackType
from typing import Final, Self

import msgspec
from msgspec import Struct
from rapidfuzz.distance import Indel

from border_agent.agent.lookups.births import Birth, birth_of, read_birth
from border_agent.agent.lookups.names import Word, words_of
from border_agent.agent.lookups.numbers import alike_numbers, number_of
from border_agent.agent.lookups.people import Found, People
from border_agent.agent.lookups.scoring import CUTOFF, NEAR_CUTOFF
from border_agent.documents.mrz import Mrz
from border_agent.store import Lists, StoreError
from border_agent.store.watch_rows import Pieces, WatchRow
from mqtt_schemas.records import WatchRecord

_log = logging.getLogger(__name__)

MOST_HITS: Final = 100
LOOK_SECONDS: Final = 5.0
"""How often the thread asks whether there is a newer issue."""

_PAUSE: Final = 0.002
"""After each piece: whoever decides goes first."""
_MOST_PARTS: Final = 12
_WORTH_MERGING: Final = 0.1
_SPARE: Final = 2
_ALIKE: Final = 90
_ELSEWHERE: Final = 20
_MOST_NEAR: Final = 10

_records = msgspec.json.Decoder(WatchRecord)


class PersonHit(Struct, frozen=True, kw_only=True):
    """A line of the watch-list that fits."""

    record: WatchRecord
    score: int
    """0 to 100."""
    matched_on: str
    """`name`; `document`, `document_elsewhere` (of another issuer), `document_alike` (it looks like it)."""


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """What a look-up found, the best first."""

    hits: tuple[PersonHit, ...]
    version: int
    """Issue of the watch-list that was searched; 0: none is there, or none is loaded yet."""
    milliseconds: float
    ready: bool = True
    """False: the persons are not in memory yet, so that no hit means nothing."""
    birth: str = ""
    """The birth date as it was understood; empty: none was."""


class _Loaded(Struct, frozen=True):
    parts: tuple[People, ...]
    version: int
    head: bytes


class WatchSearch:
    """Thread-safe. A context manager: entering starts loading, leaving ends it. Look-ups raise StoreError only."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._rows = lists.watch_rows()
        self._loaded: _Loaded | None = None
        self._loading = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch-list", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    @property
    def ready(self) -> bool:
        """Whether an issue is in memory (none installed counts as an empty one)."""
        return self._loaded is not None

    @property
    def size(self) -> int:
        """Persons in memory."""
        return sum(len(part) for part in self._loaded.parts) if self._loaded is not None else 0

    @property
    def version(self) -> int:
        """Issue in memory; 0: none."""
        return self._loaded.version if self._loaded is not None else 0

    def wake(self) -> None:
        """A list may have been installed: look now."""
        self._wake.set()

    def persons(self, name: str, birth: str = "", limit: int = 20) -> SearchAnswer:
        """Persons whose name resembles `name` (any script, any order, any length), `birth` as `births.read_birth`
        has it; one that cannot be read counts as unknown, and the answer's `birth` says so."""
        begun, loaded = time.perf_counter(), self._loaded
        date = read_birth(birth) or Birth()
        words = words_of(name)
        found = self._find(loaded, words, date)
        hits = self._hits([each for each in found if each.points >= CUTOFF], words, limit)
        return _answer(hits, begun, loaded.version if loaded is not None else 0, loaded is not None, str(date))

    def documents(self, number: str, issuer: str = "", limit: int = 20) -> SearchAnswer:
        """Lost, stolen or wanted documents of this number, or of one that looks like it; ready from the start."""
        begun, wanted = time.perf_counter(), number_of(number)
        answer = self._lists.watch_numbers((wanted, *alike_numbers(wanted)) if wanted else ())
        issuer = issuer.strip().upper()
        hits = sorted((_document_hit(record, wanted, issuer) for record in answer.records), key=_rank)
        return _answer(tuple(hits[: _bounded(limit)]), begun, answer.version, True)

    def near(self, mrz: Mrz) -> tuple[PersonHit, ...]:
        """Hits for an officer's eyes that the exact rules do not give: persons by a name that resembles, documents by
        a number that looks like it. Advice: it changes no proposal."""
        exact = {
            record.record_id
            for answer in (
                self._lists.watch_document(mrz.issuer, mrz.number),
                self._lists.watch_identity(mrz.surname, mrz.given_names, str(birth_of(mrz.birth))),
            )
            for record in answer.records
        }
        words = words_of(f"{mrz.surname} {mrz.given_names}")
        found = self._find(self._loaded, words, birth_of(mrz.birth))
        close = [each for each in found if each.points >= NEAR_CUTOFF and _tells(each)]
        alike = [hit for hit in self.documents(mrz.number, mrz.issuer).hits if hit.score == _ALIKE]
        hits = [*self._hits(close, words, _MOST_NEAR + len(exact)), *alike]
        kept = {hit.record.record_id: hit for hit in reversed(hits) if hit.record.record_id not in exact}
        return tuple(sorted(kept.values(), key=_rank)[:_MOST_NEAR])

    def refresh(self) -> bool:
        """Take up the installed issue now; whether it was another. For one caller at a time. Raises StoreError."""
        with self._loading:
            version, head = self._rows.installed()
            loaded = self._loaded
            if loaded is not None and (version, head) == (loaded.version, loaded.head):
                return False
            begun = time.monotonic()
            parts = self._newer(loaded, version) if loaded is not None else None
            if parts is None:
                parts = (self._people(self._rows.persons(version)),)
            if self._stopping.is_set():
                return False
            self._loaded = _Loaded(parts, version, head)
            _log.info(
                "watch-list %d is in memory: %d persons in %.1f s", version, self.size, time.monotonic() - begun
            )
            return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.refresh()
            except StoreError as error:
                _log.error("the watch-list cannot be taken into memory: %s", error)
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()

    def _newer(self, loaded: _Loaded, version: int) -> tuple[People, ...] | None:
        """The parts of a newer issue, by its changes; None where all of it is better read anew."""
        size = sum(len(part) for part in loaded.parts)
        if version < loaded.version or len(loaded.parts) >= _MOST_PARTS:
            return None
        part = self._people(self._rows.changes(loaded.version, version))
        later = sum(len(part) for part in loaded.parts[1:]) + len(part)
        if later > max(1000, size * _WORTH_MERGING):
            return None
        return (*loaded.parts, part) if len(part) else loaded.parts

    def _people(self, pieces: Pieces) -> People:
        return People(self._named(pieces))

    def _named(self, pieces: Pieces) -> Iterator[tuple[int, WatchRecord]]:
        with closing(pieces):
            for piece in pieces:
                for row in piece:
                    record = _read(row)
                    if record is not None:
                        yield row.version, record
                if self._stopping.is_set():
                    return
                time.sleep(_PAUSE)

    def _find(self, loaded: _Loaded | None, words: tuple[Word, ...], birth: Birth) -> list[Found]:
        parts = loaded.parts if loaded is not None else ()
        return [found for part in parts for found in part.find(words, birth)]

    def _hits(self, found: list[Found], words: tuple[Word, ...], limit: int) -> tuple[PersonHit, ...]:
        """The best of them whose records the installed list still holds. Of equal points the likelier spelling first;
        whose words are not letter for letter the same has at most 99."""
        found.sort(key=lambda each: (-each.points, each.version))
        wanted = {each.version: each for each in found[: _bounded(limit) * _SPARE]}
        typed = _spelt(words)
        ranked = []
        for row in self._rows.in_force(list(wanted)):
            record = _read(row)
            if record is not None:
                spelt = _spelt(words_of(f"{record.surname} {record.given_names}"))
                score = round(min(wanted[row.version].points, 100.0 if spelt == typed else 99.0))
                hit = PersonHit(record=record, score=score, matched_on="name")
                ranked.append((*_rank(hit)[:1], -Indel.normalized_similarity(spelt, typed), record.record_id, hit))
        return tuple(hit for *_, hit in sorted(ranked, key=lambda each: each[:3])[: _bounded(limit)])


def _spelt(words: tuple[Word, ...]) -> str:
    """The words as they are written, in an order of their own."""
    return " ".join(sorted(word.plain for word in words))


def _read(row: WatchRow) -> WatchRecord | None:
    """A row's record where it names a person. One that cannot be read is `Lists`' to complain of."""
    try:
        record = _records.decode(row.record) if row.record else None
    except (msgspec.MsgspecError, ValueError):
        return None
    return record if record is not None and (record.surname or record.given_names) else None


def _document_hit(record: WatchRecord, number: str, issuer: str) -> PersonHit:
    elsewhere = bool(issuer) and record.document_issuer not in ("", issuer)
    if record.document_number != number:
        matched_on, score = "document_alike", _ALIKE - _ELSEWHERE * elsewhere
    else:
        matched_on, score = "document_elsewhere" if elsewhere else "document", 100 - _ELSEWHERE * elsewhere
    return PersonHit(record=record, score=score, matched_on=matched_on)


def _tells(found: Found) -> bool:
    """Whether more than one word speaks for a hit, or there is no other word."""
    return found.agreement.pairs >= 2 or found.agreement.whole


def _answer(hits: tuple[PersonHit, ...], begun: float, version: int, ready: bool, birth: str = "") -> SearchAnswer:
    spent = (time.perf_counter() - begun) * 1000
    return SearchAnswer(hits=hits, version=version, milliseconds=round(spent, 1), ready=ready, birth=birth)


def _rank(hit: PersonHit) -> tuple[int, str]:
    return -hit.score, hit.record.record_id


def _bounded(limit: int) -> int:
    return min(max(1, limit), MOST_HITS)
