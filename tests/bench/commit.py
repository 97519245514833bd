"""A decision's durable commit (entry, evidence, visa use, chain, signature) against one plain durable row."""

from __future__ import annotations

import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.clock import Clock
from border_agent.store import EvidenceKept, Journal, Store, create_key
from mqtt_schemas.entries import ClockQuality, DeviceEvent

ROWS = 300
BODY = secrets.token_bytes(700)


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        plain = _plain(folder)
        full = _journal(folder)
    baseline = "one 700 B row, sqlite3, WAL, FULL, p50"
    for share, label in ((0.5, "p50"), (0.95, "p95")):
        value = _quantile(full, share)
        yield f"decision to durable commit, {label}", value, "ms", baseline, value / _quantile(plain, 0.5)


def _plain(folder: Path) -> list[float]:
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB)")
    return _timed(lambda: connection.execute("INSERT INTO row (body) VALUES (?)", (BODY,)))


def _journal(folder: Path) -> list[float]:
    create_key(folder / "key")
    with Store(folder / "store.db", folder / "key") as store:
        journal = Journal(store, "bench-device", Ed25519PrivateKey.generate(), Clock(), software="bench")
        return _timed(lambda: journal.commit([_entry()], [EvidenceKept(secrets.token_bytes(2000))]))


def _entry() -> DeviceEvent:
    now = datetime.now(UTC)
    return DeviceEvent(
        id=secrets.token_hex(16),
        occurred_at=now,
        recorded_at=now,
        clock=ClockQuality.UNKNOWN,
        event="bench",
        details={"padding": "x" * 600},
    )


def _timed(act: object) -> list[float]:
    assert callable(act)
    times = []
    for _ in range(ROWS):
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    return times


def _quantile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100)[int(share * 100) - 1]
