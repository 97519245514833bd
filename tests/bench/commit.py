"""A decision's durable commit against plain SQLite making the same bytes durable; in turns, in one run.

The decision: entry, record of evidence, visa's use and passage, encrypted, chained and signed. Plain: one row of the
same bytes, sqlite3, WAL, synchronous FULL.
"""

from __future__ import annotations

import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.append(str(Path(__file__).parents[2]))

from border_agent.clock import Clock
from border_agent.store import EvidenceKept, Journal, Store, VisaUsed, create_key
from mqtt_schemas.entries import Direction, Movement, write_entry
from tests.traffic.travellers import Travellers, record

ROWS = 500
RECORD = 2_000


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    travellers = Travellers(1)
    entries = [travellers.movement(datetime.now(UTC)) for _ in range(ROWS)]
    records = [record({}, RECORD) for _ in range(ROWS)]
    size = statistics.mean(len(write_entry(entry)) + len(kept) for entry, kept in zip(entries, records, strict=True))
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        plain, full = _in_turns(folder, entries, records, round(size))
    baseline = f"one row of {size:.0f} B, sqlite3, WAL, FULL, p50"
    for share, label in ((0.5, "p50"), (0.95, "p95")):
        value = _quantile(full, share)
        yield f"decision to durable commit, {label}", value, "ms", baseline, value / _quantile(plain, 0.5)


def _in_turns(
    folder: Path, entries: list[Movement], records: list[bytes], size: int
) -> tuple[list[float], list[float]]:
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB)")
    create_key(folder / "key")
    plain, full = [], []
    with Store(folder / "store.db", folder / "key") as store:
        journal = Journal(store, "bench-device", Ed25519PrivateKey.generate(), Clock(), software="bench")
        for entry, kept in zip(entries, records, strict=True):
            plain.append(_timed(_insert, connection, secrets.token_bytes(size)))
            full.append(_timed(journal.commit, [entry], [EvidenceKept(kept), _use(entry)]))
    connection.close()
    return plain, full


def _insert(connection: sqlite3.Connection, body: bytes) -> None:
    connection.execute("INSERT INTO row (body) VALUES (?)", (body,))


def _use(entry: Movement) -> VisaUsed:
    assert entry.visa is not None
    return VisaUsed(
        visa_id=entry.visa.visa_id,
        movement_id=entry.id,
        direction=Direction.ENTRY,
        occurred_at=entry.occurred_at,
    )


def _timed(act: Callable[..., object], *arguments: object) -> float:
    begun = time.perf_counter()
    act(*arguments)
    return (time.perf_counter() - begun) * 1000


def _quantile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100)[int(share * 100) - 1]
