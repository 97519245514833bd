"""A device and its surroundings for the tests: a private broker, and a centre that does what a test tells it to."""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from border_agent.clock import Clock
from border_agent.reporting import ReportingService, ReportingSettings
from border_agent.store import Journal, Store, create_key
from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, PublishSettings, init
from mqtt_schemas.centre.service import CentreService
from mqtt_schemas.chain import genesis
from mqtt_schemas.codec import SecretTable, build_chunk, prove_batch
from mqtt_schemas.entries import ClockQuality, DeviceEvent
from mqtt_schemas.feeds import Feed, extend_feed, feed_genesis
from mqtt_schemas.keys import ACK, KEYS_FEED, feed_role, key_id, public_bytes, sign, sign_keys_document
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import CENTRE, LabAuthority
from mqtt_schemas.messages import (
    Ack,
    EvidenceAck,
    EvidencePiece,
    FeedHead,
    JournalBatch,
    KeysDocument,
    Problem,
    Pull,
    RoleKey,
    Signed,
    State,
    decode,
    encode,
    encode_body,
)
from mqtt_schemas.topics import Channel, device_topic, feed_head_topic, parse_topic, subscription

DEVICE = "uto-post-1"


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> None:
    """Until it is so; fails the test where it does not become so. Generous: machines are shared."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


def event(size: int = 200) -> DeviceEvent:
    now = datetime.now(UTC)
    return DeviceEvent(
        id=secrets.token_hex(16),
        occurred_at=now,
        recorded_at=now,
        clock=ClockQuality.UNKNOWN,
        event="started",
        details={"filler": secrets.token_hex(min(500, size // 2))},
    )


@dataclass
class Post:
    """One device. `open` gives it a life; killed or closed, its folder stays."""

    folder: Path
    authority: LabAuthority
    brokers: tuple[str, ...]
    root: bytes
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    clock: Clock = field(default_factory=Clock)
    more: dict[str, Any] = field(default_factory=dict)
    reserve: int = 0
    sealing: X25519PrivateKey | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        create_key(self.folder / "store.key")

    def settings(self) -> ReportingSettings:
        tls = self.authority.client(DEVICE)
        return ReportingSettings(
            brokers=self.brokers,
            authority=tls.ca,
            certificate=tls.certificate,
            key=tls.key,
            root=self.root,
            **({"retry_first": 0.1, "retry_most": 0.5} | self.more),
        )

    def open(self) -> Post:
        self.store = Store(self.folder / "store.db", self.folder / "store.key", reserve_bytes=self.reserve)
        self.journal = Journal(self.store, DEVICE, self.key, self.clock, software="test")
        self.service = ReportingService(self.store, self.journal, self.clock, self.settings(), sealing=self.sealing)
        return self

    def __enter__(self) -> Post:
        self.open().service.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.service.stop()
        self.store.close()

    def count(self, kind: str) -> int:
        return self.service.status().counts.get(kind, 0)

    def problems(self) -> set[str]:
        return {problem.code.value for problem in self.service.status().problems}

    def drained(self) -> bool:
        status = self.service.status()
        return status.online and status.unacknowledged == 0 and status.acknowledged > 0

    def installed(self, feed: str) -> int:
        return next(state.version for state in self.service.status().feeds if state.name == feed)


class Puppet:
    """A centre on strings: it signs and says what a test wants, and keeps what came."""

    def __init__(self, authority: LabAuthority, broker: LabBroker, *, check_time: bool = True) -> None:
        self.root_key = Ed25519PrivateKey.generate()
        self.keys = {role: Ed25519PrivateKey.generate() for role in (ACK, *map(feed_role, Feed))}
        self.states: list[State] = []
        self.batches: list[JournalBatch] = []
        self.pulls: list[Pull] = []
        self.pieces: list[EvidencePiece] = []
        self.answer = True
        """Acknowledge hellos and batches as a good centre does."""
        self.reads: tuple[str, ...] = ()
        """Encodings of batches that it says it reads."""
        self.hold_seconds = 0
        """How long evidence is to wait, as its acknowledgements say."""
        self.marks: dict[bytes, tuple[int, bytes]] = {}
        self._secrets: dict[bytes, SecretTable] = {}
        self._ready = threading.Event()
        tls = authority.client(CENTRE)
        context = ssl.create_default_context(cafile=str(tls.ca))
        context.load_cert_chain(tls.certificate, tls.key)
        if not check_time:
            context.verify_flags |= ssl.VerifyFlags(0x200000)
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=CENTRE, protocol=MQTTv5)
        self.client.tls_set_context(context)
        self.client.on_message = self._received
        self.client.on_connect = lambda client, *_: client.subscribe(
            [
                (subscription(channel), 1)
                for channel in (Channel.STATE, Channel.JOURNAL, Channel.PULL, Channel.EVIDENCE)
            ]
        )
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        assert self._ready.wait(60)

    @property
    def root(self) -> bytes:
        return public_bytes(self.root_key)

    @property
    def nonce(self) -> bytes:
        return next(state.nonce for state in reversed(self.states) if state.online)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic: str, message: Struct | bytes, *, retain: bool = False) -> None:
        payload = message if isinstance(message, bytes) else encode(message)
        self.client.publish(topic, payload, 1, retain)

    def publish_keys(self, version: int = 1, root: Ed25519PrivateKey | None = None) -> None:
        now = datetime.now(UTC)
        document = KeysDocument(
            version=version,
            issued=now,
            expires=now + timedelta(days=30),
            keys=tuple(
                RoleKey(
                    key=key_id(public_bytes(key)),
                    role=role,
                    public=public_bytes(key),
                    not_before=now - timedelta(days=900),
                    not_after=now + timedelta(days=900),
                )
                for role, key in self.keys.items()
            ),
        )
        self.publish(feed_head_topic(KEYS_FEED), sign_keys_document(root or self.root_key, document), retain=True)

    def head(self, feed: str, rows: list[bytes], key: Ed25519PrivateKey | None = None, **more: Any) -> Signed:
        digest, now = feed_genesis(feed), datetime.now(UTC)
        for version, row in enumerate(rows, start=1):
            digest = extend_feed(digest, version, row)
        fields: dict[str, Any] = {
            "version": len(rows),
            "head": digest,
            "issued": now,
            "expires": now + timedelta(days=3),
        }
        body = encode_body(FeedHead(feed=feed, **(fields | more)))
        return sign(key or self.keys[feed_role(feed)], feed_role(feed), body)

    def publish_head(self, feed: str, rows: list[bytes], key: Ed25519PrivateKey | None = None) -> None:
        self.publish(feed_head_topic(feed), self.head(feed, rows, key), retain=True)

    def chunk(self, feed: str, first: int, rows: list[bytes]) -> None:
        self.publish(device_topic(DEVICE, Channel.CHUNK), build_chunk(feed, first, rows))

    def ack(
        self,
        epoch: bytes,
        upto: int,
        head: bytes,
        *,
        nonce: bytes | None = None,
        key: Ed25519PrivateKey | None = None,
        problem: Problem = Problem.NONE,
        time: datetime | None = None,
        device: str = DEVICE,
    ) -> Signed:
        body = Ack(
            device=device,
            nonce=self.nonce if nonce is None else nonce,
            epoch=epoch,
            upto=upto,
            head=head,
            want=upto + 1,
            problem=problem,
            time=time or datetime.now(UTC),
            reads=self.reads,
            hold=self.hold_seconds,
        )
        return sign(key or self.keys[ACK], ACK, encode_body(body))

    def send_ack(self, *arguments: Any, **more: Any) -> Signed:
        signed = self.ack(*arguments, **more)
        self.publish(device_topic(DEVICE, Channel.ACK), signed)
        return signed

    def parts(self, name: bytes) -> list[int]:
        """Where the parts of a piece of evidence began that have come."""
        return [piece.offset for piece in self.pieces if piece.sha256 == name]

    def hold(
        self,
        name: bytes,
        upto: int,
        *,
        whole: bool = False,
        refused: str = "",
        nonce: bytes | None = None,
        key: Ed25519PrivateKey | None = None,
        device: str = DEVICE,
        role: str = ACK,
    ) -> None:
        """Say how much of a piece of evidence is held."""
        body = EvidenceAck(
            device=device,
            nonce=self.nonce if nonce is None else nonce,
            sha256=name,
            upto=upto,
            whole=whole,
            refused=refused,
            hold=self.hold_seconds,
            time=datetime.now(UTC),
        )
        signed = sign(key or self.keys[ACK], role, encode_body(body))
        self.publish(device_topic(DEVICE, Channel.EVIDENCE_ACK), signed)

    def prove(self, batch: JournalBatch, key: Ed25519PrivateKey) -> None:
        """Whoever asserts with a batch should also see it hold."""
        table = self._secrets.setdefault(batch.epoch, SecretTable())
        table.add(batch.secrets)
        prove_batch(batch, table, key.public_key())

    def _received(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        topic, payload = parse_topic(message.topic), bytes(message.payload)
        # Before what came can be seen: a test that saw it come may then change its mind for the next one.
        answer = self.answer
        match topic.channel:
            case Channel.STATE:
                state = decode(State, payload)
                self.states.append(state)
                if state.online and state.epoch is not None and answer:
                    self.acknowledge(state.epoch)
            case Channel.JOURNAL:
                batch = decode(JournalBatch, payload)
                self.batches.append(batch)
                if answer:
                    mark = self.marks.get(batch.epoch, (0, b""))[0]
                    if batch.first <= mark + 1 <= batch.first + batch.count - 1:
                        self.marks[batch.epoch] = (batch.first + batch.count - 1, batch.head)
                    self.acknowledge(batch.epoch)
            case Channel.EVIDENCE:
                self.pieces.append(decode(EvidencePiece, payload))
            case _:
                self.pulls.append(decode(Pull, payload))

    def acknowledge(self, epoch: bytes) -> None:
        upto, head = self.marks.get(epoch, (0, genesis(DEVICE, epoch)))
        self.send_ack(epoch, upto, head)


class TrueCentre:
    """The reference centre in a folder, started and stopped at will."""

    def __init__(self, folder: Path, authority: LabAuthority, broker: LabBroker) -> None:
        self.folder = folder
        tls = authority.client(CENTRE)
        self.root = init(
            folder,
            BrokerSettings(
                host="localhost",
                port=broker.port,
                ca=str(tls.ca),
                certificate=str(tls.certificate),
                key=str(tls.key),
            ),
            PublishSettings(chunks_per_second=200.0, uses_seconds=1),
        )
        self.start()

    def start(self) -> None:
        self.service = CentreService(CentreFolder(self.folder))
        self.service.start()

    def stop(self) -> None:
        self.service.stop()

    def database(self) -> Database:
        return CentreFolder(self.folder).database()

    def entries(self) -> list[tuple[int, bytes, bytes]]:
        """Sequence, head and body of each stored entry."""
        with self.database() as database:
            rows = database.rows("SELECT sequence, head, body FROM journal ORDER BY stream, sequence")
            return [(int(row[0]), bytes(row[1]), bytes(row[2])) for row in rows]
