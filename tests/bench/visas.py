"""200,000 visas with templates, from a file at the centre to an answer at a device; and look-ups among many.

`python tests/bench/visas.py` measures 200,000 visas for the way and 1,000,000 for the look-ups, which takes some
minutes and some 2 GB below the working folder; `make bench` a tenth of both.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.clock import Clock
from border_agent.reporting.keys import BelievedKeys
from border_agent.reporting.stick import StickImport
from border_agent.store import Lists, Notes, Staging, Store, create_key
from mqtt_schemas.centre.backlog import Backlog
from mqtt_schemas.centre.exporting import export_lists
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import CentreFolder, PublishSettings, init
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.keys import RoleKeys
from mqtt_schemas.centre.publisher import Publisher
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.chunks import chunk_rows
from mqtt_schemas.feeds import Feed, extend_feed, feed_genesis, put
from mqtt_schemas.messages import FeedChunk, FeedHead, Pull, decode
from mqtt_schemas.records import VisaRecord
from mqtt_schemas.sealing import sealing_public

VISAS, LOOKED_UP = 20_000, 100_000
FULL = 200_000, 1_000_000
ROUNDS = 2_000
LINE = 128_000
"""Bits a second of the thin line that the way's bytes are put in relation to."""
PIECE = 64
DEVICE = "uto-post-1"
MODEL = "0f" * 32

Figure = tuple[str, float, str, str, float]


def measure(visas: int = VISAS, looked_up: int = LOOKED_UP) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(dir=".") as name:
        yield from _way(Path(name), visas)
    with tempfile.TemporaryDirectory(dir=".") as name:
        yield from _look_ups(Path(name), looked_up)


def _way(folder: Path, visas: int) -> Iterator[Figure]:
    """Import, chunks sealed and staged one by one as by line, installed; then the same on a stick."""
    root = init(folder / "centre")
    sealing = X25519PrivateKey.generate()
    enrol(folder / "centre", DEVICE, "north", b"j" * 32, sealing_key=sealing_public(sealing))
    file = folder / "visas.jsonl"
    with file.open("wb") as out:
        out.writelines(msgspec.json.encode(record) + b"\n" for record in made(visas))
    size = f"{visas:,} visas with templates"
    spent = _seconds(lambda: import_feed(folder / "centre", "visas", file))
    yield f"imported at the centre ({size})", visas / spent, "/s", "lines decoded, no more", spent / _decoded(file)
    again = _seconds(lambda: import_feed(folder / "centre", "visas", file))
    yield "the same file again, nothing changed", visas / again, "/s", "the first import", again / spent
    create_key(folder / "store.key")
    with Store(folder / "store.db", folder / "store.key") as store:
        chunks, spent = _pulled(folder / "centre", Staging(store), sealing)
        carried = sum(len(chunk.rows) for chunk in chunks)
        yield (
            "sealed, opened, staged, installed by line",
            visas / spent,
            "/s",
            "rows, sqlite3, WAL, FULL",
            (visas / spent / _plain(folder, chunks, sealing)),
        )
        hours = carried * 8 / LINE / 3600
        yield "bytes of it a visa", carried / visas, "B", "hours of 128 kbit/s for all", hours
        largest = max(len(chunk.rows) for chunk in chunks)
        yield "largest chunk", largest / 1000, "kB", "of 16,384 bytes", largest / 16_384
        record = next(made(1))
        assert Lists(store).visa(record.visa_id).records == (record,)
    create_key(folder / "other.key")
    written = _seconds(lambda: export_lists(folder / "centre", folder / "stick", devices=[DEVICE]))
    yield "written to a stick", visas / written, "/s", "the way by line", written / spent
    with Store(folder / "other.db", folder / "other.key") as store, (folder / "stick").open("rb") as stick:
        bundle = StickImport(
            DEVICE,
            Staging(store),
            BelievedKeys(Notes(store), root),
            Clock(),
            sealing,
            feeds=tuple(Feed),
            installed=lambda feed, version: None,
        )
        taken = _seconds(lambda: bundle.take(stick))
        assert Staging(store).position("visas").version == visas
    yield "read from it and installed", visas / taken, "/s", "the way by line", taken / spent


def _pulled(centre: Path, staging: Staging, sealing: X25519PrivateKey) -> tuple[list[FeedChunk], float]:
    """The publisher's own chunks into the device's own staging, each as its message; and the seconds for it."""
    folder = CentreFolder(centre)
    with folder.database() as database:
        feeds, keys = FeedStore(database), RoleKeys.load(centre / "keys")
        publisher = Publisher(feeds, keys, PublishSettings(), Backlog(feeds.database))
        at, chunks, after = datetime.now(UTC), [], 0
        version, head = feeds.position(Feed.VISAS)
        begun = time.perf_counter()
        while after < version:
            mine = feeds.head_at(Feed.VISAS, after)
            assert mine is not None
            with database.transaction():
                pull = Pull(feed="visas", after=after, head=mine, limit=16_384, sealed=True, window=4)
                assert publisher.pull(DEVICE, pull, at) is None
            while sent := publisher.due(0.0):
                chunk = decode(FeedChunk, sent[0].payload)
                staging.stage("visas", chunk.first, chunk_rows(chunk, private=sealing))
                chunks.append(chunk)
                after = chunk.first + chunk.count - 1
        target = FeedHead(feed="visas", version=version, head=head, issued=at, expires=at)
        assert staging.install(target, at)
        return chunks, time.perf_counter() - begun


def _look_ups(folder: Path, visas: int) -> Iterator[Figure]:
    """Against plain SQLite with an index: the same records, the same questions, both warm, each decoded once."""
    create_key(folder / "store.key")
    plain = sqlite3.connect(folder / "plain.db", isolation_level=None)
    plain.executescript("PRAGMA journal_mode=WAL; CREATE TABLE visa (id TEXT, document TEXT, record BLOB)")
    plain.execute("BEGIN")
    with Store(folder / "store.db", folder / "store.key") as store:
        staging, head, version = Staging(store), feed_genesis("visas"), 0
        rows: list[bytes] = []
        for record in made(visas, template=False):
            body = msgspec.json.encode(record)
            plain.execute("INSERT INTO visa VALUES (?, ?, ?)", (record.visa_id, record.document_number, body))
            rows.append(put(record.visa_id, record))
            head = extend_feed(head, version + len(rows), rows[-1])
            if len(rows) == 500:
                staging.stage("visas", version + 1, rows)
                version, rows = version + len(rows), []
        if rows:
            staging.stage("visas", version + 1, rows)
        plain.execute("COMMIT")
        plain.executescript("CREATE INDEX visa_id ON visa (id); CREATE INDEX visa_document ON visa (document)")
        at = datetime.now(UTC)
        staging.install(FeedHead(feed="visas", version=visas, head=head, issued=at, expires=at), at)
        yield from _compared(Lists(store), plain, visas)
    plain.close()


def _compared(lists: Lists, plain: sqlite3.Connection, visas: int) -> Iterator[Figure]:
    numbers = random.Random(3).sample(range(visas), min(ROUNDS, visas))
    asked = [_record(number, template=False) for number in numbers]
    decode_visa = msgspec.json.Decoder(VisaRecord).decode

    def by(column: str) -> Callable[[str], object]:
        query = f"SELECT record FROM visa WHERE {column} = ?"
        return lambda value: [decode_visa(row[0]) for row in plain.execute(query, (value,))]

    cases: tuple[tuple[str, Callable[[Any], object], Callable[[str], object], list[str]], ...] = (
        ("a visa by its id", lists.visa, by("id"), [one.visa_id for one in asked]),
        (
            "visas of a document",
            lambda number: lists.visas_of("UTO", number),
            by("document"),
            [one.document_number for one in asked],
        ),
    )
    for what, ours, theirs, values in cases:
        _times(ours, values[:200])
        _times(theirs, values[:200])
        mine, bare = _times(ours, values), _times(theirs, values)
        median = statistics.median(mine)
        yield (
            f"{what}, among {visas:,}",
            median,
            "µs",
            "plain sqlite3, one index, median",
            (median / statistics.median(bare)),
        )


def _times(act: Callable[[Any], object], values: Sequence[str]) -> list[float]:
    found = []
    for value in values:
        begun = time.perf_counter()
        assert act(value)
        found.append((time.perf_counter() - begun) * 1e6)
    return found


def _plain(folder: Path, chunks: Sequence[FeedChunk], sealing: X25519PrivateKey) -> float:
    """Rows a second that plain SQLite takes in, a chunk a transaction."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (version INTEGER PRIMARY KEY, body BLOB)")
    pieces = [chunk_rows(chunk, private=sealing) for chunk in chunks]
    begun = time.perf_counter()
    for rows in pieces:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO row (body) VALUES (?)", ((row,) for row in rows))
        connection.execute("COMMIT")
    rate = sum(map(len, pieces)) / (time.perf_counter() - begun)
    connection.close()
    return rate


def _decoded(file: Path) -> float:
    lines = file.read_bytes().splitlines()
    read = msgspec.json.Decoder(VisaRecord).decode
    return _seconds(lambda: [read(line) for line in lines])


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def made(count: int, *, template: bool = True) -> Iterator[VisaRecord]:
    """Visas as an issuing system would give them, in no order; the same for the same number."""
    return (_record(number, template=template) for number in range(count))


def _record(number: int, *, template: bool) -> VisaRecord:
    chance = random.Random(number)
    fields: dict[str, Any] = {}
    if template:
        # An embedding's numbers are spread like this; a signed byte each.
        numbers = (max(-128, min(127, round(chance.gauss(0.0, 34.0)))) for _ in range(128))
        fields = {
            "template": bytes(value & 255 for value in numbers),
            "template_scale": 0.0028,
            "template_model": MODEL,
        }
    return VisaRecord(
        visa_id=f"{chance.getrandbits(64):016x}",
        issuer="UTO",
        document_issuer="UTO",
        document_number=f"{chance.choice('ABCDEGKLP')}{chance.randrange(10**8):08d}",
        valid_from=date(2026, 1 + number % 12, 1 + number % 28),
        valid_until=date(2027, 1 + number % 12, 1 + number % 28),
        entries=number % 3,
        **fields,
    )


if __name__ == "__main__":
    for what, value, unit, baseline, ratio in measure(*FULL):
        print(f"{what:<58} {value:>10.3f} {unit:<4} {ratio:>6.2f} x {baseline}", flush=True)
