"""What audits need: devices that write journals, a centre that acknowledges, files that are tampered with by line."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt_schemas import chain
from mqtt_schemas.audit import AuditKeys, AuditReport, FaultKind, StreamMark, verify_files
from mqtt_schemas.entries import ClockQuality, DeviceEvent, Entry, EpochOpened, EpochReason, write_entry
from mqtt_schemas.journal_file import FileKind, Header, JournalWriter
from mqtt_schemas.keys import ACK, key_id, public_bytes, sign, sign_keys_document
from mqtt_schemas.messages import Ack, KeysDocument, RoleKey, Signed, encode, encode_body
from mqtt_schemas.post import PostState, sign_statement

BEGIN = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

Lines = list[dict[str, Any]]


@dataclass
class Recorded:
    """One entry of a device's journal, with all that proves it."""

    sequence: int
    body: bytes
    salt: bytes
    head: bytes
    signature: bytes


@dataclass
class Scribe:
    """A device that writes one epoch."""

    device: str = "uto-post-1"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    epoch: bytes = field(default_factory=chain.new_epoch)
    secret: bytes = field(default_factory=chain.new_secret)
    entries: list[Recorded] = field(default_factory=list)
    now: datetime = BEGIN

    @property
    def public(self) -> bytes:
        return public_bytes(self.key)

    @property
    def head(self) -> bytes:
        return self.entries[-1].head if self.entries else chain.genesis(self.device, self.epoch)

    def write(self, entry: Entry | bytes) -> Recorded:
        body = entry if isinstance(entry, bytes) else write_entry(entry)
        sequence = len(self.entries) + 1
        salt = chain.salt(self.secret, self.epoch, sequence)
        head = chain.link(self.head, sequence, chain.digest(salt, body))
        signature = chain.sign_head(self.key, self.device, self.epoch, sequence, head)
        self.entries.append(Recorded(sequence, body, salt, head, signature))
        self.now += MINUTE
        return self.entries[-1]

    def open(self, reason: EpochReason = EpochReason.FIRST_START, **more: Any) -> Recorded:
        return self.write(EpochOpened(**self._common(), device=self.device, software="1", reason=reason, **more))

    def event(self, event: str = "started", **details: str) -> Recorded:
        return self.write(DeviceEvent(**self._common(), event=event, details=details))

    def many(self, count: int) -> Scribe:
        self.open()
        while len(self.entries) < count:
            self.event(f"happened_{len(self.entries)}")
        return self

    def twin(self) -> Scribe:
        """A copy of the whole machine, keys and all."""
        return Scribe(self.device, self.key, self.epoch, self.secret, list(self.entries), self.now)

    def state(self, sequence: int) -> bytes:
        """Its own signed word of where its journal stands, as the post hears it."""
        body = PostState(
            device=self.device, session=secrets.token_bytes(16), serial=1, at=self.now, online=True,
            journal_epoch=self.epoch, journal_sequence=sequence, journal_head=self.entries[sequence - 1].head,
        )  # fmt: skip
        return sign_statement(self.key, body)

    def _common(self) -> dict[str, Any]:
        return {
            "id": secrets.token_hex(16),
            "occurred_at": self.now,
            "recorded_at": self.now,
            "clock": ClockQuality.SYNCHRONISED,
        }


@dataclass
class Centre:
    """Acknowledges under a root."""

    root: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    ack: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def document(self) -> Signed:
        public = public_bytes(self.ack)
        key = RoleKey(
            key=key_id(public),
            role=ACK,
            public=public,
            not_before=BEGIN - 60 * MINUTE,
            not_after=BEGIN + 10**5 * MINUTE,
        )
        document = KeysDocument(version=1, issued=BEGIN, expires=BEGIN + 10**5 * MINUTE, keys=(key,))
        return sign_keys_document(self.root, document)

    def acknowledge(self, scribe: Scribe, upto: int, *, at: datetime | None = None) -> bytes:
        ack = Ack(
            device=scribe.device, nonce=secrets.token_bytes(16), epoch=scribe.epoch, upto=upto,
            head=scribe.entries[upto - 1].head, want=upto + 1, time=at or BEGIN + upto * MINUTE,
        )  # fmt: skip
        return encode(sign(self.ack, ACK, encode_body(ack)))

    def keys(self, *scribes: Scribe, marks: Sequence[StreamMark] = ()) -> AuditKeys:
        return AuditKeys(
            {scribe.device: (scribe.public,) for scribe in scribes},
            root=public_bytes(self.root),
            documents=[self.document()],
            marks=marks,
        )


def export(
    file: Path,
    *scribes: Scribe,
    first: int = 1,
    last: int | None = None,
    witnesses: Sequence[tuple[str, bytes]] = (),
    signed_every: int = 1,
    to: str = "",
    kind: FileKind = FileKind.EXPORT,
) -> Path:
    """A file of these journals; the last of them signs its end."""
    made_at = max(scribe.now for scribe in scribes) + 60 * MINUTE
    with file.open("wb") as opened:
        writer = JournalWriter(opened, Header(kind=kind, device=scribes[-1].device, made_at=made_at, to=to))
        for scribe in scribes:
            shown = scribe.entries[first - 1 : last]
            before = scribe.entries[first - 2].head if first > 1 else chain.genesis(scribe.device, scribe.epoch)
            writer.segment(
                device=scribe.device, epoch=scribe.epoch, key=scribe.public, first=first, previous=before
            )  # fmt: skip
            for entry in shown:
                signed = entry.sequence % signed_every == 0 or entry is shown[-1]
                writer.entry(
                    entry.sequence, body=entry.body, salt=entry.salt, head=entry.head,
                    signature=entry.signature if signed else b"",
                )  # fmt: skip
        for source, statement in witnesses:
            writer.witness(source, statement)
        writer.end(scribes[-1].key if kind is FileKind.EXPORT else None)
    return file


def tampered(file: Path, change: Callable[[Lines], object]) -> Path:
    """The file with its lines changed as somebody with a text editor would, beside the first."""
    lines = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    change(lines)
    spoilt = file.with_name(f"spoilt-{file.name}")
    spoilt.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return spoilt


def at(lines: Lines, sequence: int) -> int:
    """Where an entry stands among the lines."""
    return next(place for place, line in enumerate(lines) if line["line"] == "entry" and line["n"] == sequence)


def found(report: AuditReport) -> set[tuple[FaultKind, int]]:
    """Faults with their entries, without what every changed file has: a seal that does not hold."""
    return {(fault.kind, fault.sequence) for fault in report.faults if fault.kind is not FaultKind.SEAL}


def audit(keys: AuditKeys, *files: Path) -> AuditReport:
    return verify_files(files, keys)
