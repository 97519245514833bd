"""The watch-list at size: taking it in, keeping its persons in memory, look-ups, and what decisions notice of it.

`make bench` measures 20,000 persons and 200,000 documents; `python tests/bench/watchlist.py --full` 100,000 and
3,000,000, which takes its time and some gigabytes below the working folder.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

import msgspec
from rapidfuzz import fuzz, process

from border_agent.agent.lookups import WatchSearch
from border_agent.store import Lists, Store
from mqtt_schemas.feeds import put
from mqtt_schemas.records import WatchRecord

sys.path.append(str(Path(__file__).parents[1] / "lookups"))

from lookup_kit import PIECE, WatchFeed, document, made_birth, made_names, open_store

PERSONS, DOCUMENTS = 20_000, 200_000
FULL = 100_000, 3_000_000
ROUNDS = 200
PLAIN_ROWS = 20_000

Figure = tuple[str, float, str, str, float]


def measure(persons: int = PERSONS, documents: int = DOCUMENTS) -> Iterator[Figure]:
    size = f"{persons:,} persons, {documents:,} documents"
    with tempfile.TemporaryDirectory(dir=".") as name:
        plain = _plain(Path(name))
        with open_store(Path(name)) as store:
            feed, raw = WatchFeed(store), 0

            def counted() -> Iterator[bytes]:
                nonlocal raw
                for row in _rows(persons, documents):
                    raw += len(row)
                    yield row

            begun = time.perf_counter()
            feed.stage(counted())
            rate = (persons + documents) / (time.perf_counter() - begun)
            yield f"changes taken in ({size})", rate, "/s", "the same rows, sqlite3, WAL, FULL", rate / plain
            begun = time.perf_counter()
            feed.install()
            spent = (time.perf_counter() - begun) * 1000
            yield "all of it installed", spent, "ms", "one change taken in", spent / (1000 / rate)
            disk = sum(path.stat().st_size for path in Path(name).glob("store.db*")) / 1e6
            yield "database", disk, "MB", "bytes of the changes", disk / (raw / 1e6)
            yield from _look_ups(store, persons)


def _look_ups(store: Store, persons: int) -> Iterator[Figure]:
    lists = Lists(store)
    people = list(islice(_persons(persons), persons))
    asked = random.Random(4).sample(people, ROUNDS)
    idle = _timed(lambda record: lists.watch_identity(record.surname, record.given_names, record.birth), asked)
    before, begun = _resident(), time.perf_counter()
    search = WatchSearch(lists)
    waits = _while_loading(search, lists, asked)
    spent, grown = time.perf_counter() - begun, _resident() - before
    encoded = [msgspec.json.encode(record) for record in people]
    begun = time.perf_counter()
    for row in encoded:
        msgspec.json.decode(row, type=WatchRecord)
    decoded = time.perf_counter() - begun
    assert search.size == persons
    yield "persons taken into memory", spent, "s", "their bytes decoded, no more", spent / decoded
    names = [f"{record.surname} {record.given_names}" for record in people]
    yield "memory for them", grown / 1e6, "MB", "letters of their names", grown / sum(map(len, names))
    yield from _quantiles("exact identity while they load", waits, "the same while idle, p50", idle)
    yield "the longest of these", max(waits), "ms", "the longest while idle", max(waits) / max(idle)
    simple = _timed(
        lambda record: process.extract(
            f"{record.given_names} {record.surname}", names, scorer=fuzz.token_sort_ratio, limit=20
        ),
        asked[:20],
    )
    likeness = _timed(lambda record: search.persons(f"{record.given_names} {record.surname}", record.birth), asked)
    yield from _quantiles("person by likeness", likeness, "rapidfuzz token_sort_ratio over all names, p50", simple)
    nameless = _timed(lambda record: search.persons(record.surname), asked)
    yield from _quantiles("person by a surname alone", nameless, "rapidfuzz, as above", simple)
    numbers = [record.document_number for record in islice(_documents(ROUNDS), ROUNDS)]
    bare = _timed(lambda number: lists.watch_document("UTO", number), numbers)
    alike = _timed(search.documents, numbers)
    yield from _quantiles("document, its twins too", alike, "one exact document, p50", bare)
    yield (
        "one exact document, p95",
        _quantile(bare, 0.95),
        "ms",
        "exact identity, p50",
        (_quantile(bare, 0.95) / _quantile(idle, 0.5)),
    )


def _while_loading(search: WatchSearch, lists: Lists, asked: list[WatchRecord]) -> list[float]:
    """Milliseconds of exact questions, asked as decisions ask them, until the persons are in memory."""
    loading = threading.Thread(target=search.refresh)
    loading.start()
    waits: list[float] = []
    while loading.is_alive() or len(waits) < 2:
        waits += _timed(
            lambda record: lists.watch_identity(record.surname, record.given_names, record.birth),
            [asked[len(waits) % len(asked)]],
        )
        time.sleep(0.005)
    return waits


def _plain(folder: Path) -> float:
    """Rows a second that plain SQLite takes in, in pieces of the same size."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (version INTEGER PRIMARY KEY, body BLOB)")
    rows = list(_rows(0, PLAIN_ROWS))
    begun = time.perf_counter()
    for start in range(0, PLAIN_ROWS, PIECE):
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO row (body) VALUES (?)", ((row,) for row in rows[start : start + PIECE]))
        connection.execute("COMMIT")
    rate = PLAIN_ROWS / (time.perf_counter() - begun)
    connection.close()
    return rate


def _rows(persons: int, documents: int) -> Iterator[bytes]:
    """Persons first: a centre's list begins with them. Then documents, whose numbers are in no order."""
    for record in chain(islice(_persons(persons), persons), islice(_documents(documents), documents)):
        yield put(record.record_id, record)


def _persons(count: int) -> Iterator[WatchRecord]:
    chance = random.Random(5)
    for number, (surname, given) in enumerate(made_names(count, seed=5)):
        yield WatchRecord(
            record_id=f"UTO-{number:07d}",
            surname=surname,
            given_names=given,
            birth=made_birth(chance),
            grounds="court_order",
        )


def _documents(count: int) -> Iterator[WatchRecord]:
    chance = random.Random(6)
    for _ in range(count):
        yield document(f"{chance.choice('ABCDEGIOSZ')}{chance.randrange(10**8):08d}", "UTO")


def _timed(act: Callable[..., object], subjects: list[WatchRecord] | list[str]) -> list[float]:
    times = []
    for subject in subjects:
        begun = time.perf_counter()
        act(subject)
        times.append((time.perf_counter() - begun) * 1000)
    return times


def _quantiles(what: str, values: list[float], baseline: str, plain: list[float]) -> Iterator[Figure]:
    for share, label in ((0.5, "p50"), (0.95, "p95")):
        value = _quantile(values, share)
        yield f"{what}, {label}", value, "ms", baseline, value / _quantile(plain, 0.5)


def _quantile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100)[int(share * 100) - 1]


def _resident() -> int:
    """Bytes of this process in memory."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    for what, value, unit, baseline, ratio in measure(*(FULL if "--full" in sys.argv[1:] else ())):
        print(f"{what:<58} {value:>10.3f} {unit:<4} {ratio:>6.2f} x {baseline}", flush=True)
