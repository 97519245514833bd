"""What the store's tests need: entries, a clock to turn by hand, an open store in a folder."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from border_agent.clock import Clock
from border_agent.store import Journal, Staging, Store, create_key
from mqtt_schemas.entries import ClockQuality, DeviceEvent
from mqtt_schemas.feeds import extend_feed, feed_genesis
from mqtt_schemas.messages import FeedHead
from mqtt_schemas.records import VisaRecord

DEVICE = "uto-test-1"
BEGIN = datetime(2027, 3, 1, 23, 0, tzinfo=UTC)
AT = datetime(2027, 3, 1, tzinfo=UTC)


@dataclass
class Hands:
    """A system clock and a monotonic one, moved by hand."""

    system: float = BEGIN.timestamp()
    monotonic: float = 1000.0
    synchronised: bool = False

    def clock(self) -> Clock:
        return Clock(
            system=lambda: self.system,
            monotonic=lambda: self.monotonic,
            synchronised=lambda: self.synchronised,
        )

    def turn(self, seconds: float) -> None:
        self.system += seconds
        self.monotonic += seconds


def event(word: str = "started", size: int = 0) -> DeviceEvent:
    """A small entry."""
    now = datetime.now(UTC)
    return DeviceEvent(
        id=secrets.token_hex(16),
        occurred_at=now,
        recorded_at=now,
        clock=ClockQuality.UNKNOWN,
        event=word,
        details={f"filler{n}": secrets.token_hex(500) for n in range(size // 1000)},
    )


@dataclass
class Desk:
    """A device's store in a folder, opened and closed at will."""

    folder: Path
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    hands: Hands = field(default_factory=Hands)

    def __post_init__(self) -> None:
        self.path = self.folder / "store.db"
        self.key_file = self.folder / "store.key"
        create_key(self.key_file)

    def store(self) -> Store:
        return Store(self.path, self.key_file, reserve_bytes=0)

    def journal(self, store: Store) -> Journal:
        return Journal(store, DEVICE, self.key, self.hands.clock(), software="test")


def visa(number: int, document: str = "L898902C3", **more: object) -> VisaRecord:
    fields: dict[str, object] = {
        "visa_id": f"{number:016x}",
        "issuer": "UTO",
        "document_issuer": "UTO",
        "document_number": document,
        "valid_from": date(2027, 1, 1),
        "valid_until": date(2027, 12, 31),
        "entries": 1,
    }
    return VisaRecord(**(fields | more))  # type: ignore[arg-type]


def head(feed: str, rows: list[bytes], issued: datetime = AT) -> FeedHead:
    digest = feed_genesis(feed)
    for version, row in enumerate(rows, start=1):
        digest = extend_feed(digest, version, row)
    return FeedHead(feed=feed, version=len(rows), head=digest, issued=issued, expires=issued + timedelta(days=1))


def install(store: Store, feed: str, rows: list[bytes]) -> None:
    staging = Staging(store)
    here = staging.position(feed).staged_version
    if rows[here:]:
        staging.stage(feed, here + 1, rows[here:])
    assert staging.install(head(feed, rows), AT)
