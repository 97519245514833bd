"""A post for the tests: a true broker, and devices with true stores, desks and journals in this process."""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from border_agent.agent.answers import Answers
from border_agent.agent.calls import Calls
from border_agent.agent.case import Case
from border_agent.agent.desk import Desk
from border_agent.agent.eyes import Eyes
from border_agent.agent.hub import Hub
from border_agent.agent.post.line import PostLine
from border_agent.agent.post.state import Condition
from border_agent.agent.post.values import ClaimView, PostProblemCode, RemoteInspection
from border_agent.agent.recorder import Recorder
from border_agent.clock import Clock
from border_agent.config import KioskSection, MqttVersion, Role, TimesSection
from border_agent.decoding.client import DecodingWorker
from border_agent.faces import load_calibration
from border_agent.inspection.evidence import ClockEvidence, Evidence, Step
from border_agent.inspection.machine import Phase
from border_agent.reporting.values import LineSettings
from border_agent.store import Journal, Lists, Passages, Staging, Store, VisaUses, create_key
from firmware_bridge.roles import Reading
from mqtt_schemas.entries import ClockQuality, Decision, Direction, Entry, read_entry
from mqtt_schemas.feeds import Feed, extend_feed, feed_genesis
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.messages import FeedChange, FeedHead, FeedOperation
from mqtt_schemas.post import Finished, PictureKind, PostBody, PostChannel, sign_statement
from mqtt_schemas.records import DeviceRecord

POST = "uto-air"
KIOSK, COUNTER, SECOND = "uto-kiosk-1", "uto-counter-1", "uto-counter-2"
LINES = b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F3004159ZE184226B<<<<<10"
JPEG = b"\xff\xd8\xff\xe0" + bytes(40_000) + b"\xff\xd9"


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> None:
    """Until it is so; fails the test where it does not become so. Generous: machines are shared."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.002)


def rows_of(records: list[DeviceRecord]) -> list[bytes]:
    return [
        msgspec.json.encode(
            FeedChange(op=FeedOperation.PUT, key=record.device, record=msgspec.Raw(msgspec.json.encode(record)))
        )
        for record in records
    ]


@dataclass
class Station:
    """One device of the post. `open` gives it a life; killed or closed, its folder stays."""

    folder: Path
    device: str
    role: Role
    authority: LabAuthority
    brokers: tuple[str, ...]
    post: str = POST
    mqtt: MqttVersion = MqttVersion.V5
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    condition: Condition = field(default_factory=lambda: Condition(role="kiosk", gate="A3"))
    lost: list[tuple[str, ClaimView]] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        create_key(self.folder / "store.key")

    def record(self, **more: Any) -> DeviceRecord:
        fields = {
            "device": self.device,
            "post": self.post,
            "role": self.role.value,
            "journal_key": public_bytes(self.key),
        }
        return DeviceRecord(**(fields | more))

    def settings(self) -> LineSettings:
        tls = self.authority.client(self.device)
        return LineSettings(
            brokers=self.brokers,
            authority=tls.ca,
            certificate=tls.certificate,
            key=tls.key,
            mqtt=self.mqtt,
            retry_first=0.05,
            retry_most=0.3,
            keepalive=5,
        )

    def open(self) -> Station:
        self._stack = ExitStack()
        self.clock = Clock()
        self.hub = Hub()
        self.store = self._stack.enter_context(
            Store(self.folder / "store.db", self.folder / "store.key", reserve_bytes=0)
        )
        self.journal = Journal(self.store, self.device, self.key, self.clock, software="test")
        self.recorder = Recorder(self.journal, self.clock)
        worker = DecodingWorker()
        self.desk = Desk(
            device=self.device,
            abilities=lambda: (Step.DOCUMENT,),
            eyes=Eyes(worker, {}),
            answers=Answers(
                Lists(self.store), VisaUses(self.store), Passages(self.store), self.clock, load_calibration(), worker
            ),
            recorder=self.recorder,
            passages=Passages(self.store),
            hub=self.hub,
            times=TimesSection(),
        )
        self._stack.callback(self.desk.stop)
        self.calls = Calls(lambda event, _: self.noted.append(event), self.clock.now, self.hub)
        self.line = PostLine(
            self.settings() if self.brokers else None,
            post=self.post,
            device=self.device,
            role=self.role,
            hall=KioskSection(gate="A3", counter="12"),
            key=self.key,
            store=self.store,
            clock=self.clock,
            hub=self.hub,
            desk=self.desk,
            recorder=self.recorder,
            calls=self.calls,
            condition=lambda: self.condition,
        )
        self.line.on_lost(lambda inspection, to: self.lost.append((inspection, to)))
        return self

    def install(self, records: list[DeviceRecord]) -> None:
        """The list of devices, as the centre would have it installed; every change is a new one."""
        rows, digest = rows_of(records), feed_genesis(Feed.DEVICES)
        for version, row in enumerate(rows, start=1):
            digest = extend_feed(digest, version, row)
        staging, now = Staging(self.store), datetime.now(UTC)
        here = staging.position(Feed.DEVICES).staged_version
        if rows[here:]:
            staging.stage(Feed.DEVICES, here + 1, rows[here:])
        head = FeedHead(
            feed=Feed.DEVICES.value, version=len(rows), head=digest, issued=now, expires=now + timedelta(days=3)
        )
        assert staging.install(head, now)

    def start(self) -> Station:
        self._stack.enter_context(self.line)
        return self

    def close(self) -> None:
        self._stack.close()

    def finish(self, pictures: Mapping[PictureKind, bytes] | None = None) -> Case:
        """A traveller lays down a passport and goes on to the counters."""
        case = self.desk.start()
        for kind, jpeg in (pictures or {}).items():
            self.desk._album._pictures[case.id][kind] = jpeg
        self.desk.document_read(Reading(raw=LINES, device="mrz", at=time.monotonic()))
        wait_for(lambda: self.desk.case(case.id).phase is Phase.PROPOSED)
        return self.desk.case(case.id)

    def remote(self, inspection: str) -> RemoteInspection | None:
        return next((one for one in self.line.waiting() if one.id == inspection), None)

    def problems(self) -> set[PostProblemCode]:
        return {problem.code for problem in self.line.status().problems}

    def entries(self) -> list[Entry]:
        with self.store.reading() as connection:
            return [read_entry(bytes(body)) for (body,) in connection.execute("SELECT body FROM journal ORDER BY 1")]

    def referrals(self) -> dict[str, str | None]:
        with self.store.reading() as connection:
            return dict(connection.execute("SELECT inspection, settled_as FROM referral").fetchall())


class World:
    """A post's devices, enrolled with each other."""

    def __init__(self, folder: Path, authority: LabAuthority, broker: LabBroker) -> None:
        self.folder, self.authority, self.broker = folder, authority, broker
        brokers = (f"mqtts://localhost:{broker.port}",)
        self.kiosk = Station(folder / KIOSK, KIOSK, Role.KIOSK, authority, brokers)
        self.counter = Station(folder / COUNTER, COUNTER, Role.POST, authority, brokers)
        self.second = Station(folder / SECOND, SECOND, Role.POST, authority, brokers)
        self.stations = (self.kiosk, self.counter, self.second)

    def start(self, *stations: Station) -> None:
        """Open those and connect them; all know each other."""
        for station in stations:
            station.open().install([one.record() for one in self.stations])
            station.start()


class Impostor:
    """A client with a valid certificate, that says whatever a test wants, and keeps what it hears."""

    def __init__(self, authority: LabAuthority, broker: LabBroker, name: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        ready = threading.Event()
        tls = authority.client(name)
        context = ssl.create_default_context(cafile=str(tls.ca))
        context.load_cert_chain(tls.certificate, tls.key)
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
        self.client.tls_set_context(context)
        self.client.on_message = self._received
        self.client.on_connect = lambda client, *_: client.subscribe("borne/v1/post/#", 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        assert ready.wait(60)

    def publish(self, topic: str, payload: bytes) -> None:
        info = self.client.publish(topic, payload, 1)
        info.wait_for_publish(60)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _received(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))


@dataclass
class Voice:
    """A device's words, made by hand."""

    device: str
    key: Ed25519PrivateKey
    session: bytes = b"s" * 16
    serial: int = 0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def body(self, kind: type, **fields: Any) -> PostBody:
        self.serial += 1
        header = {"device": self.device, "session": self.session, "serial": self.serial, "at": self.at}
        return kind(**(header | fields))  # type: ignore[no-any-return]

    def say(self, kind: type, **fields: Any) -> bytes:
        return sign_statement(self.key, self.body(kind, **fields))

    def finished(self, inspection: str = "", **fields: Any) -> bytes:
        """One that waits, whose evidence says nothing."""
        inspection = inspection or secrets.token_hex(16)
        now = datetime.now(UTC)
        evidence = Evidence(
            inspection_id=inspection,
            device=self.device,
            started_at=now,
            clock=ClockEvidence(at=now, quality=ClockQuality.UNKNOWN),
        )
        said = {
            "inspection_id": inspection,
            "direction": Direction.ENTRY,
            "started_at": now,
            "finished_at": now,
            "proposal": Decision.REFER,
            "evidence": msgspec.json.encode(evidence),
        }
        return self.say(Finished, **(said | fields))

    def topic(self, channel: PostChannel, post: str = POST) -> str:
        return f"borne/v1/post/{post}/{self.device}/{channel.value}"
