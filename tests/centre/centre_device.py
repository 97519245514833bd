"""A device of paper for the centre's tests: a journal in memory, its batches and hellos."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt_schemas import chain
from mqtt_schemas.centre.backlog import Backlog
from mqtt_schemas.centre.database import MEMORY, Database, open_database
from mqtt_schemas.centre.desk import Desk, Incoming
from mqtt_schemas.centre.feedstore import FeedStore
from mqtt_schemas.centre.folder import PublishSettings
from mqtt_schemas.centre.keys import ROLES, RoleKeys, issue_document
from mqtt_schemas.centre.publisher import Publisher
from mqtt_schemas.centre.sqlite import SqliteDatabase
from mqtt_schemas.centre.store import Store
from mqtt_schemas.centre.values import Device, DeviceStatus
from mqtt_schemas.codec import SecretTable, build_batch
from mqtt_schemas.entries import (
    ClockQuality,
    Decision,
    Direction,
    DocumentFacts,
    EpochOpened,
    EpochReason,
    FindingFact,
    Movement,
    VisaFacts,
    write_entry,
)
from mqtt_schemas.keys import ACK, KeyRing, public_bytes
from mqtt_schemas.messages import Ack, JournalBatch, SaltSecret, Signed, State, decode, decode_body, encode
from mqtt_schemas.topics import Channel, device_topic

AT = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


class PaperDevice:
    """A journal in memory. Entry 1 opens the epoch; every `day` entries begin a new secret."""

    def __init__(self, name: str = "kiosk-1", key: Ed25519PrivateKey | None = None, day: int = 5) -> None:
        self.name = name
        self.key = key or Ed25519PrivateKey.generate()
        self.day = day
        self.nonce = secrets.token_bytes(16)
        self.begin()

    @property
    def public(self) -> bytes:
        return public_bytes(self.key)

    def begin(self, reason: EpochReason = EpochReason.FIRST_START) -> None:
        """A new epoch with its first entry."""
        self.epoch = chain.new_epoch()
        self.bodies: list[bytes] = []
        self.heads = [chain.genesis(self.name, self.epoch)]
        self.secrets = SecretTable()
        self.add(
            write_entry(
                EpochOpened(
                    id=secrets.token_hex(16),
                    occurred_at=AT,
                    recorded_at=AT,
                    clock=ClockQuality.SYNCHRONISED,
                    device=self.name,
                    software="0.1.0",
                    reason=reason,
                )
            )
        )

    def add(self, body: bytes) -> int:
        """One more entry; its sequence."""
        sequence = len(self.bodies) + 1
        if sequence % self.day == 1 or self.day == 1:
            self.secrets.add([SaltSecret(first=sequence, secret=chain.new_secret())])
        secret = self.secrets.find(sequence)
        assert secret is not None
        self.heads.append(chain.extend(self.heads[-1], self.epoch, sequence, secret, body))
        self.bodies.append(body)
        return sequence

    def travellers(self, count: int) -> None:
        for _ in range(count):
            self.add(write_entry(movement(len(self.bodies))))

    def batch(self, first: int, last: int) -> JournalBatch:
        return build_batch(
            self.name,
            self.epoch,
            first,
            self.heads[first - 1],
            self.bodies[first - 1 : last],
            self.heads[last],
            chain.sign_head(self.key, self.name, self.epoch, last, self.heads[last]),
            self.secrets.between(first, last),
        )

    def hello(self, *, online: bool = True) -> State:
        return State(
            device=self.name,
            online=online,
            nonce=self.nonce,
            epoch=self.epoch,
            sequence=len(self.bodies),
            head=self.heads[-1],
        )

    # As they come to the desk

    def sent(self, first: int, last: int) -> Incoming:
        return self.raw(Channel.JOURNAL, encode(self.batch(first, last)))

    def greets(self, *, online: bool = True) -> Incoming:
        return self.raw(Channel.STATE, encode(self.hello(online=online)))

    def raw(self, channel: Channel, payload: bytes) -> Incoming:
        return Incoming(device_topic(self.name, channel), payload)


def movement(number: int, **more: Any) -> Movement:
    at = AT + timedelta(seconds=number)
    return Movement(
        id=secrets.token_hex(16),
        occurred_at=at,
        recorded_at=at,
        clock=ClockQuality.SYNCHRONISED,
        inspection_id=secrets.token_hex(16),
        direction=Direction.ENTRY,
        document=DocumentFacts(
            format="TD3",
            lines=("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"),
            issuer="UTO",
            number=f"L{number:08}",
            nationality="UTO",
            surname="ERIKSSON",
            given_names="ANNA MARIA",
        ),
        visa=VisaFacts(visa_id="0011223344556677", issuer="UTO", signature="valid", seen_at_centre=True),
        findings=(FindingFact(code="visa.not_yet_seen", severity="refer"),),
        proposal=Decision.ADMIT,
        decision=Decision.ADMIT,
        officer="officer-7",
        **more,
    )


@dataclass
class Office:
    """A desk on a database, in memory unless it is somewhere else, and what a device needs to believe it."""

    desk: Desk
    store: Store
    publisher: Publisher
    feeds: FeedStore
    ring: KeyRing

    def enrol(self, *devices: PaperDevice) -> None:
        for device in devices:
            with self.store.database.transaction():
                self.store.put_device(Device(device.name, "post-1", device.public, b"", DeviceStatus.ENROLLED), AT)

    def acks(self, *messages: Incoming) -> list[Ack]:
        """Hand messages to the desk as one group; its acknowledgements, their signatures proved."""
        return [self.open(sent.payload) for sent in self.desk.handle(list(messages))]

    def open(self, payload: bytes) -> Ack:
        return decode_body(Ack, self.ring.verify(decode(Signed, payload), ACK))

    def bodies(self) -> list[tuple[str, int, bytes]]:
        return list(
            self.store.database.rows(
                "SELECT s.device, j.sequence, j.body FROM journal j JOIN stream s ON s.id = j.stream"
                " ORDER BY j.stream, j.sequence"
            )
        )

    def codes(self) -> list[str]:
        return [alarm.code for alarm in self.store.alarms()]

    def quarantined(self) -> list[tuple[str, bytes]]:
        return list(self.store.database.rows("SELECT reason, payload FROM quarantine ORDER BY id"))


def by_hand(database: Database, statement: str, *values: bytes) -> None:
    """Change what is stored as somebody would who has the store itself, past this program's rules."""
    if isinstance(database, SqliteDatabase):
        for (name,) in list(database.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")):
            database.execute(f"DROP TRIGGER {name}")
    else:
        database.execute("SET session_replication_role = replica")
    database.execute(statement, values)


_ROOT = Ed25519PrivateKey.generate()
KEYS = RoleKeys({role: Ed25519PrivateKey.generate() for role in ROLES})
DOCUMENT = issue_document(_ROOT, KEYS, 1, AT)


def open_office(path=MEMORY, settings: PublishSettings | None = None, clock=lambda: AT, url: str = "") -> Office:
    database = open_database(path, url, create=True)
    if database.one("SELECT 1 FROM keys_document") is None:
        database.execute("INSERT INTO keys_document VALUES (1, ?, '')", [encode(DOCUMENT)])
    store, feeds = Store(database), FeedStore(database)
    backlog = Backlog(database)
    publisher = Publisher(feeds, KEYS, settings or PublishSettings(), backlog)
    desk = Desk(store, KEYS, publisher, clock, backlog=backlog)
    return Office(desk, store, publisher, feeds, KeyRing.open(DOCUMENT, public_bytes(_ROOT)))
