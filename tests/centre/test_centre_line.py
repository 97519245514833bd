"""The centre as its own process at a real Mosquitto over TLS 1.3: outages, kills, hostile messages, feeds."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from centre_client import LineDevice
from centre_device import PaperDevice

from mqtt_schemas.centre.errors import AlreadyRunning, BadConfiguration
from mqtt_schemas.centre.folder import (
    BrokerSettings,
    CentreFolder,
    PublishSettings,
    StoreSettings,
    init,
    keys_document,
    renew_keys_document,
)
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.proof import verify
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.centre.reports import alarms
from mqtt_schemas.centre.service import CentreService, run
from mqtt_schemas.centre.sqlite import SqliteDatabase
from mqtt_schemas.codec import open_chunk
from mqtt_schemas.errors import BadSignature
from mqtt_schemas.feeds import Feed, feed_genesis, open_head, prove_changes, read_change
from mqtt_schemas.keys import KeyRing
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.messages import Problem, Pull, encode
from mqtt_schemas.records import VisaRecord
from mqtt_schemas.topics import Channel, device_topic

PATIENCE = 60.0
CONNECT = bytes.fromhex("101400044d51545405020014000007") + b"kiosk-1"
PROGRAM = (
    "import sys, logging; from pathlib import Path; from mqtt_schemas.centre.service import run;"
    "logging.basicConfig(level='INFO');"
    "run(Path(sys.argv[1]), ready=lambda: Path(sys.argv[2]).touch())"
)


class Process:
    """The centre in a process of its own."""

    def __init__(self, folder: Path, *wrapper: str) -> None:
        self.folder = folder
        self.ready = folder.parent / "ready"
        self.log = folder.parent / "centre.log"
        self.command = [*wrapper, sys.executable, "-c", PROGRAM, str(folder), str(self.ready)]
        self.running: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        self.ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(self.command, stdout=log, stderr=log)
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        until(self.ready.exists)

    def kill(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait()

    def end(self) -> int:
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(PATIENCE)

    @property
    def alive(self) -> bool:
        return self.running is not None and self.running.poll() is None


def until(condition, timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@dataclass
class Line:
    """A broker, a centre that runs, and what devices need."""

    broker: LabBroker
    authority: LabAuthority
    centre: Process
    ring: KeyRing

    @property
    def folder(self) -> Path:
        return self.centre.folder

    def device(self, name: str = "kiosk-1", *, enrolled: bool = True) -> LineDevice:
        device = PaperDevice(name, day=50)
        if enrolled:
            enrol(self.folder, name, "post-1", device.public, replace=True)
        return LineDevice(device, self.broker, self.authority.client(name), self.ring)

    def codes(self) -> list[str]:
        return [alarm.code for alarm in alarms(self.folder)]

    def stored(self) -> list[bytes]:
        with CentreFolder(self.folder).database() as database:
            return [body for (body,) in database.rows("SELECT body FROM journal ORDER BY stream, sequence")]

    def proved(self, *devices: PaperDevice) -> None:
        """Everything of these devices is there, once, and the chain holds."""
        assert sorted(self.stored()) == sorted(body for device in devices for body in device.bodies)
        assert all(report.ok for report in verify(self.folder))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LabAuthority:
    return LabAuthority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def broker(tmp_path: Path, authority: LabAuthority) -> Iterator[LabBroker]:
    # Without Mosquitto this is an error with words, not a skipped test: `make test` installs it.
    with LabBroker(tmp_path / "broker", authority.server()) as made:
        yield made


def make_folder(
    path: Path, broker: LabBroker, authority: LabAuthority, store: StoreSettings | None = None
) -> KeyRing:
    identity = authority.client("centre")
    root = init(
        path,
        BrokerSettings(
            port=broker.port, ca=str(identity.ca), certificate=str(identity.certificate), key=str(identity.key)
        ),
        PublishSettings(chunks_per_second=50),
        store=store,
    )
    with CentreFolder(path).database() as database:
        return KeyRing.open(keys_document(database)[1], root)


@pytest.fixture
def line(tmp_path: Path, broker: LabBroker, authority: LabAuthority, store: StoreSettings) -> Iterator[Line]:
    ring = make_folder(tmp_path / "centre", broker, authority, store)
    centre = Process(tmp_path / "centre")
    centre.start()
    try:
        yield Line(broker, authority, centre, ring)
    finally:
        centre.kill()


def _one_entry(device: LineDevice) -> float:
    """Seconds from one entry's sending to its acknowledgement."""
    device.device.travellers(1)
    last = len(device.device.bodies)
    before = time.monotonic()
    device.send(last, last)
    device.ack_until(last)
    return time.monotonic() - before


def test_from_hello_to_acknowledgement(line: Line) -> None:
    with line.device() as device:
        ack = device.ack()
        assert (ack.upto, ack.problem) == (0, Problem.NONE)
        device.device.travellers(999)
        device.drain(50)
        line.proved(device.device)
        # With Nagle's algorithm on either side it would be more than 80 ms, every time; a busy machine's is not.
        medians = [statistics.median(_one_entry(device) for _ in range(15))]
        while medians[-1] >= 0.06 and len(medians) < 8:
            medians.append(statistics.median(_one_entry(device) for _ in range(15)))
        assert min(medians) < 0.06, medians
    assert line.codes() == []
    assert line.centre.end() == 0
    # And again, from where it was.
    line.centre.start()
    with device:
        assert device.ack_until(len(device.device.bodies)).problem is Problem.NONE


def test_hostile_messages_on_every_topic(line: Line) -> None:
    with line.device() as device, line.device("kiosk-2") as other:
        device.device.travellers(20)
        device.drain(5)
        batch = device.device.batch(18, 21)
        upward = (Channel.JOURNAL, Channel.STATE, Channel.PULL)
        for channel in upward:
            for payload in (b"", b"rubbish", b"\xff" * 5000, b"[" * 200_000, os.urandom(100_000)):
                device.publish(channel, payload)
            device.publish(channel, msgspec.msgpack.encode({"v": "2.0"}))
            device.publish(channel, msgspec.json.encode({"v": "9.1"}))
        device.send(30 - 10, 21)
        for field in ("signature", "head", "previous", "rows"):
            value = bytearray(getattr(batch, field))
            value[-1] ^= 1
            device.publish(Channel.JOURNAL, encode(msgspec.structs.replace(batch, **{field: bytes(value)})))
        # In another's name: by its own topic, by the other's, which the broker does not pass on.
        device.publish(Channel.JOURNAL, encode(other.device.batch(1, 1)))
        device.client.publish(device_topic("kiosk-2", Channel.JOURNAL), encode(other.device.batch(1, 1)), 1)
        device.client.publish(device_topic("kiosk-2", Channel.ACK), b"forged", 1)
        device.device.travellers(1)
        device.send(22, 22)
        device.ack_until(22)
        device.hello()
        assert device.ack_until(22).problem is Problem.NONE
        other.ack_until(0)
        other.drain(5)
        line.proved(device.device, other.device)
    assert {"malformed", "version", "foreign_device", "signature"} <= set(line.codes())
    assert "internal" not in line.codes()
    assert line.centre.alive
    said = line.centre.log.read_text()
    assert said.count(" malformed: ") == 1
    assert "Traceback" not in said


def test_only_certificates_of_the_authority_are_let_in(line: Line, tmp_path: Path) -> None:
    for identity in (None, LabAuthority(tmp_path / "pki").client("kiosk-1")):
        context = ssl.create_default_context(cafile=line.authority.ca)
        if identity is not None:
            context.load_cert_chain(identity.certificate, identity.key)
        with (
            socket.create_connection(("localhost", line.broker.port), PATIENCE) as plain,
            pytest.raises((ssl.SSLError, ConnectionError)),
            context.wrap_socket(plain, server_hostname="localhost") as wire,
        ):
            # In TLS 1.3 the refusal comes after the client's half: with the first read.
            wire.sendall(CONNECT)
            if not wire.recv(1):
                raise ConnectionError
    # The centre's own certificate from another authority: it never comes online, and says so.
    folder = tmp_path / "other"
    make_folder(folder, line.broker, line.authority)
    text = (folder / "centre.toml").read_text()
    mine = line.authority.client("centre")
    theirs = LabAuthority(tmp_path / "pki").client("centre")
    text = text.replace(str(mine.certificate), str(theirs.certificate)).replace(str(mine.key), str(theirs.key))
    (folder / "centre.toml").write_text(text)
    service = CentreService(CentreFolder(folder))
    service.start()
    assert not service.wait_online(2.5)
    service.stop()


def test_killed_in_mid_stream_nothing_acknowledged_is_lost(line: Line) -> None:
    with line.device() as device:
        device.device.travellers(2999)
        sent = upto = 0
        for kill_at in (300, 900, 1700):
            while upto < kill_at:
                while sent < min(upto + 8 * 25, 3000):
                    device.send(sent + 1, sent + 25)
                    sent += 25
                upto = max(upto, device.ack().upto)
            line.centre.kill()
            # What was acknowledged, to the last packet on the wire, is on the disk.
            with CentreFolder(line.folder).database() as database:
                (mark,) = database.one("SELECT mark FROM stream")
            assert mark >= device.highest >= kill_at
            line.centre.start()
            # The restarted centre finds the retained hello and answers it by itself.
            ack = device.ack_until(mark)
            assert ack.head == device.device.heads[ack.upto]
            sent = upto = ack.upto
        device.drain(100)
        line.proved(device.device)
    assert line.codes() == []


def test_the_broker_is_killed_and_comes_back(line: Line) -> None:
    with line.device() as device:
        device.device.travellers(499)
        device.drain(50)
        line.broker.kill()
        device.device.travellers(500)
        until(lambda: not device.connected.is_set())
        device.heads.clear()
        line.broker.start()
        assert device.connected.wait(PATIENCE)
        device.drain(50)
        line.proved(device.device)
        # The heads, retained by nobody in between, are there again.
        until(lambda: len(device.heads) == 1 + len(Feed))
    assert line.codes() == []


def visas(file: Path, *numbers: int, uses: int = 0) -> Path:
    records = [
        VisaRecord(
            visa_id=f"{number:016x}",
            issuer="UTO",
            document_issuer="D",
            document_number=f"C{number:08}",
            valid_from=date(2026, 1, 1),
            valid_until=date(2026, 12, 31),
            entries=1,
            uses=uses,
            portrait=os.urandom(1500),
        )
        for number in numbers
    ]
    file.write_bytes(b"\n".join(msgspec.json.encode(record) for record in records))
    return file


def test_feeds_are_published_pulled_and_changed(line: Line, tmp_path: Path) -> None:
    with line.device() as device:
        until(lambda: len(device.heads) == 1 + len(Feed))
        version, head, held = 0, feed_genesis("visas"), {}
        for numbers in (range(60), range(10, 70), range(10, 71)):
            # By another process than the one that runs: this one.
            report = import_feed(line.folder, "visas", visas(tmp_path / "visas.jsonl", *numbers))

            def arrived(wanted: int = report.version) -> bool:
                return open_head(device.heads["visas"], "visas", line.ring).version == wanted

            until(arrived)
            target = open_head(device.heads["visas"], "visas", line.ring)
            assert target.expires > datetime.now(UTC)
            device.publish(Channel.PULL, encode(Pull(feed="visas", after=version, head=head, limit=16384)))
            rows: list[bytes] = []
            while version + len(rows) < target.version:
                chunk = device.chunks.get(timeout=PATIENCE)
                assert chunk.first == version + len(rows) + 1
                rows += open_chunk(chunk)
            prove_changes(version, head, rows, target)
            for change in map(read_change, rows):
                held[change.key] = change
                if change.op == "delete":
                    del held[change.key]
            version, head = target.version, target.head
            assert held.keys() == {f"{number:016x}" for number in numbers}
        device.publish(Channel.PULL, encode(Pull(feed="visas", after=version, head=b"\0" * 32)))
        until(lambda: line.codes() == ["feed_history"])
        renew_keys_document(line.folder)
        until(
            lambda: KeyRing.open(device.heads["keys"], CentreFolder(line.folder).root_public()).document.version == 2
        )


def test_it_waits_for_a_broker_that_is_not_there(tmp_path: Path, broker: LabBroker, authority: LabAuthority) -> None:
    ring = make_folder(tmp_path / "centre", broker, authority)
    broker.stop()
    centre = Process(tmp_path / "centre")
    centre.start(wait=False)
    time.sleep(1.0)
    assert centre.alive
    assert not centre.ready.exists()
    broker.start()
    try:
        centre.wait_ready()
        with Line(broker, authority, centre, ring).device() as device:
            assert device.ack().upto == 0
        with pytest.raises(AlreadyRunning):
            run(tmp_path / "centre")
        assert centre.end() == 0
    finally:
        centre.kill()


def test_a_network_thread_that_died_is_started_again(
    tmp_path: Path, broker: LabBroker, authority: LabAuthority
) -> None:
    ring = make_folder(tmp_path / "centre", broker, authority)
    service = CentreService(CentreFolder(tmp_path / "centre"))
    service.start()
    try:
        assert service.wait_online(PATIENCE)
        assert service.trouble is None
        assert service._client.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        service._client.loop_stop()
        with Line(broker, authority, Process(tmp_path / "centre"), ring).device() as device:
            assert device.ack().upto == 0
    finally:
        service.stop()
    assert not service.online


def test_it_does_not_start_with_what_no_device_would_believe(
    tmp_path: Path, broker: LabBroker, authority: LabAuthority
) -> None:
    make_folder(tmp_path / "centre", broker, authority)
    make_folder(tmp_path / "other", broker, authority)
    shutil.copy(tmp_path / "other" / "keys" / "ack.pem", tmp_path / "centre" / "keys" / "ack.pem")
    with pytest.raises(BadSignature):
        run(tmp_path / "centre")
    (tmp_path / "other" / "centre.toml").write_text("[broker]\nca = 'nowhere.pem'")
    with pytest.raises(BadConfiguration, match="TLS"):
        run(tmp_path / "other")


@pytest.mark.usefixtures("mounting")  # where it is missing: test_centre_store has another way
def test_a_disk_that_fills_up(tmp_path: Path, broker: LabBroker, authority: LabAuthority) -> None:
    ring = make_folder(tmp_path / "centre", broker, authority)
    device = PaperDevice(day=50)
    enrol(tmp_path / "centre", device.name, "post-1", device.public)
    small = tmp_path / "small"
    small.mkdir()
    mount = f'mount -t tmpfs -o size=16m tmpfs {small} && cp -a {tmp_path}/centre {small}/ && exec "$@"'
    centre = Process(small / "centre", "unshare", "-m", "sh", "-c", mount, "sh")
    centre.command[-1:] = [str(tmp_path / "ready")]
    centre.ready, centre.log = tmp_path / "ready", tmp_path / "centre.log"
    centre.start()
    try:
        assert centre.running is not None
        inside = Path(f"/proc/{centre.running.pid}/root{small}/centre")
        filler = inside / "filler"
        with LineDevice(device, broker, authority.client(device.name), ring) as wire:
            wire.ack()
            device.travellers(199)
            wire.drain(50)
            _fill(filler)
            device.travellers(800)
            for first in range(201, 1000, 100):
                wire.send(first, first + 99)
            until(lambda: "centre.disk_full" in centre.log.read_text())
            time.sleep(0.5)
            told = wire.highest
            # What was told is there; the rest was not told.
            copy = tmp_path / "copy"
            copy.mkdir()
            for file in inside.glob("centre.db*"):
                shutil.copy(file, copy)
            with SqliteDatabase(copy / "centre.db") as database:
                (mark,) = database.one("SELECT mark FROM stream")
            assert told <= mark < 1000
            assert centre.alive
            assert centre.log.read_text().count("centre.disk_full") == 1
            filler.unlink()
            wire.drain(100)
            assert wire.highest == 1000
    finally:
        centre.kill()


def _fill(file: Path) -> None:
    """Write until there is no room."""
    with contextlib.suppress(OSError), file.open("ab") as filling:
        while True:
            filling.write(b"\0" * 4096)
            filling.flush()
