"""A centre's folder without a line, and a device that gets its lists on a stick."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct
from reporting_kit import DEVICE

from border_agent.clock import Clock
from border_agent.reporting.keys import BelievedKeys
from border_agent.reporting.stick import StickImport, StickOutcome, StickReport
from border_agent.store import Notes, Staging, Store, create_key
from mqtt_schemas.centre.exporting import ExportReport, export_lists
from mqtt_schemas.centre.folder import init
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.feeds import Feed
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.records import VisaRecord
from mqtt_schemas.sealing import sealing_public

AT = datetime.now(UTC)


def visa(number: int, **more: object) -> VisaRecord:
    fields: dict[str, object] = {
        "visa_id": f"{number:016x}",
        "issuer": "UTO",
        "document_issuer": "UTO",
        "document_number": f"C{number:08}",
        "valid_from": AT.date(),
        "valid_until": AT.date() + timedelta(days=300),
        "entries": 1,
    }
    return VisaRecord(**(fields | more))  # type: ignore[arg-type]


class Ministry:
    """A data centre that a stick comes from."""

    def __init__(self, folder: Path, root: bytes = b"") -> None:
        """`root`: of a centre that is there already."""
        self.folder = folder
        self.root = root or init(folder, at=AT - timedelta(days=100))

    def enrol(self, device: str, sealing: bytes, role: str = "post") -> None:
        key = Ed25519PrivateKey.generate()
        enrol(self.folder, device, "north", public_bytes(key), role=role, sealing_key=sealing)

    def lists(self, feed: Feed, records: Sequence[Struct], at: datetime | None = None) -> None:
        file = self.folder / "in.jsonl"
        file.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
        import_feed(self.folder, feed.value, file, at=at)

    def stick(self, out: Path, **more: object) -> ExportReport:
        return export_lists(self.folder, out, **more)  # type: ignore[arg-type]


class Traveller:
    """A device without a line."""

    def __init__(self, folder: Path, root: bytes, *, name: str = DEVICE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.root = root
        self.sealing = X25519PrivateKey.generate()
        if not (folder / "store.key").exists():
            create_key(folder / "store.key")
        self.store = Store(folder / "store.db", folder / "store.key", reserve_bytes=0)
        self.staging = Staging(self.store)
        self.clock = Clock()
        self.installed: list[tuple[str, int]] = []

    @property
    def public(self) -> bytes:
        return sealing_public(self.sealing)

    def take(self, stick: Path | bytes, sealing: X25519PrivateKey | None = None) -> StickReport:
        payload = stick if isinstance(stick, bytes) else stick.read_bytes()
        taking = StickImport(
            self.name,
            self.staging,
            BelievedKeys(Notes(self.store), self.root),
            self.clock,
            sealing or self.sealing,
            feeds=tuple(Feed),
            installed=lambda feed, version: self.installed.append((feed, version)),
        )
        return taking.take(io.BytesIO(payload))

    def outcome(self, stick: Path | bytes, feed: str = "visas") -> StickOutcome:
        return next(one.outcome for one in self.take(stick).feeds if one.feed == feed)
