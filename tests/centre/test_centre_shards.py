"""A centre of several processes over PostgreSQL: two shards and a publisher at one broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from centre_client import LineDevice
from centre_device import PaperDevice
from postgres_kit import Cluster
from test_centre_line import PATIENCE, Process, until, visas

from mqtt_schemas.centre.duties import Duties
from mqtt_schemas.centre.errors import AlreadyRunning
from mqtt_schemas.centre.folder import (
    BrokerSettings,
    CentreFolder,
    PublishSettings,
    StoreSettings,
    init,
    keys_document,
)
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.proof import verify
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.centre.reports import alarms, counts
from mqtt_schemas.centre.service import run
from mqtt_schemas.feeds import Feed, feed_genesis, open_head
from mqtt_schemas.keys import KeyRing
from mqtt_schemas.lab.broker import LabBroker, centre_acl
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.messages import Pull, encode
from mqtt_schemas.topics import Channel

SHARDS = 2
NAMES = ("centre-1", "centre-2", "centre-publisher")
PROGRAM = (
    "import sys, logging; from pathlib import Path; from mqtt_schemas.centre.service import run;"
    "from mqtt_schemas.centre.duties import Duties, PUBLISHES; logging.basicConfig(level='INFO');"
    "text = sys.argv[3]; duties = Duties.of_shard(text) if '/' in text else PUBLISHES;"
    "run(Path(sys.argv[1]), duties, ready=lambda: Path(sys.argv[2]).touch())"
)


class Part(Process):
    """One of the centre's processes."""

    def __init__(self, folder: Path, duties: str) -> None:
        super().__init__(folder)
        name = duties.replace("/", "-of-")
        self.ready, self.log = folder.parent / f"ready-{name}", folder.parent / f"{name}.log"
        self.command = [sys.executable, "-c", PROGRAM, str(folder), str(self.ready), duties]


class Centre:
    """Its processes, and what devices need."""

    def __init__(self, folder: Path, broker: LabBroker, authority: LabAuthority, store: StoreSettings) -> None:
        self.folder = folder
        self.broker = broker
        self.authority = authority
        for name in NAMES:
            authority.client(name)
        settings = BrokerSettings(
            port=broker.port,
            ca=str(authority.ca),
            certificate=str(authority.folder / "{name}.pem"),
            key=str(authority.folder / "{name}.key"),
        )
        root = init(folder, settings, PublishSettings(chunks_per_second=50), store=store)
        with CentreFolder(folder).database() as database:
            self.ring = KeyRing.open(keys_document(database)[1], root)
        self.shards = [Part(folder, f"{number}/{SHARDS}") for number in range(1, SHARDS + 1)]
        self.publisher = Part(folder, "publisher")

    @property
    def parts(self) -> list[Part]:
        return [*self.shards, self.publisher]

    def device(self, name: str) -> LineDevice:
        device = PaperDevice(name, day=50)
        enrol(self.folder, name, "post-1", device.public)
        return LineDevice(device, self.broker, self.authority.client(name), self.ring)

    def shard_of(self, name: str) -> Part:
        return next(part for number, part in enumerate(self.shards, 1) if Duties(number, SHARDS, False).takes(name))


@pytest.fixture
def centre(tmp_path: Path, postgres: Cluster) -> Iterator[Centre]:
    authority = LabAuthority(tmp_path / "pki")
    url = postgres.fresh()
    with LabBroker(tmp_path / "broker", authority.server(), acl=centre_acl(*NAMES)) as broker:
        made = Centre(tmp_path / "centre", broker, authority, StoreSettings(url=url))
        for part in made.parts:
            part.start(wait=False)
        for part in made.parts:
            part.wait_ready()
        yield made
        for part in made.parts:
            part.kill()
    postgres.give_back(url)


def test_every_device_has_its_shard_and_one_that_dies_stops_no_other(centre: Centre) -> None:
    names = [f"kiosk-{number}" for number in range(1, 7)]
    assert {centre.shard_of(name) for name in names} == set(centre.shards)
    with ExitStack() as open_lines:
        lines = [open_lines.enter_context(centre.device(name)) for name in names]
        for line in lines:
            line.device.travellers(199)
            line.drain(20)
            line.device.travellers(200)
        dead = centre.shards[0]
        dead.kill()
        served = [line for line in lines if centre.shard_of(line.device.name) is not dead]
        waiting = [line for line in lines if line not in served]
        for line in served:
            line.drain(20)
        assert {line.highest for line in served} == {400}
        assert {line.highest for line in waiting} == {200}
        dead.start()
        for line in waiting:
            line.drain(20)
    assert all(report.ok for report in verify(centre.folder))
    found = counts(centre.folder)
    assert (found.entries, found.repeated_movements, found.streams) == (2400, 0, 6)
    assert alarms(centre.folder) == []


def test_the_lists_come_from_the_publisher(centre: Centre, tmp_path: Path) -> None:
    with centre.device("kiosk-1") as line:
        until(lambda: len(line.heads) == 1 + len(Feed))
        import_feed(centre.folder, "visas", visas(tmp_path / "visas.jsonl", *range(30)))
        until(lambda: open_head(line.heads["visas"], "visas", centre.ring).version == 30)
        centre.publisher.kill()
        line.publish(Channel.PULL, encode(Pull(feed="visas", after=0, head=feed_genesis("visas"))))
        # Journals do not need it.
        line.device.travellers(20)
        line.drain(10)
        assert line.chunks.empty()
        centre.publisher.start()
        line.publish(Channel.PULL, encode(Pull(feed="visas", after=0, head=feed_genesis("visas"))))
        assert line.chunks.get(timeout=PATIENCE).first == 1
    assert alarms(centre.folder) == []


def test_no_process_is_there_twice(centre: Centre) -> None:
    for duties in (Duties(), Duties.of_shard("1/2"), Duties.of_shard("1/3"), Duties(0, 1, True)):
        # Before it goes to the broker, where it would throw the other off.
        centre.authority.client(duties.name)
        with pytest.raises(AlreadyRunning):
            run(centre.folder, duties)
    assert all(part.alive for part in centre.parts)
    assert [part.end() for part in centre.parts] == [0, 0, 0]


def test_a_shard_signs_acknowledgements_and_nothing_else(centre: Centre) -> None:
    """Its keys are all it can read, so they may be all that it is let read."""
    centre.shards[0].end()
    for file in (centre.folder / "keys").glob("feed-*.pem"):
        file.rename(file.with_suffix(".elsewhere"))
    centre.shards[0].start()
    with centre.device(next(name for name in _names() if centre.shard_of(name) is centre.shards[0])) as line:
        line.drain(10)
        assert line.highest == 1


def _names() -> Iterator[str]:
    yield from (f"kiosk-{number}" for number in range(1, 100))
