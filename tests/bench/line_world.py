"""A device, a broker with TLS and a data centre in a process of its own, for benches of the line."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.append(str(Path(__file__).parents[2]))

from border_agent.clock import Clock
from border_agent.reporting import ReportingService, ReportingSettings
from border_agent.store import Journal, Store, create_key
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.entries import ClockQuality, DeviceEvent, Entry
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from tests.chaos.actors import centre_actor, make_centre
from tests.chaos.reckoning import marks
from tests.traffic.travellers import Travellers

MOST_AT_ONCE = 50


def whole(travellers: Travellers) -> Entry:
    """A movement with all that is in one, 2.2 kB."""
    return travellers.movement(datetime.now(UTC))


def small(_: Travellers) -> Entry:
    """Some 400 B, half of which cannot be compressed."""
    now = datetime.now(UTC)
    return DeviceEvent(
        id=secrets.token_hex(16),
        occurred_at=now,
        recorded_at=now,
        clock=ClockQuality.SYNCHRONISED,
        event="bench",
        details={"padding": secrets.token_hex(90)},
    )


@dataclass
class World:
    """A broker, and a centre that runs. `device` makes one more appliance."""

    folder: Path
    authority: LabAuthority
    broker: LabBroker
    root: bytes
    _made: int = field(default=0)

    def device(self, url: str = "") -> Device:
        self._made += 1
        made = Device(f"bench-{self._made}", self, url or f"mqtts://localhost:{self.broker.port}")
        enrol(self.folder / "centre", made.name, "bench", public_bytes(made.key))
        return made

    def mark(self, device: str) -> int:
        """Up to where the centre has it, on its own disk."""
        return marks(self.folder / "centre").get(device, 0)


class Device:
    """Journal and reporting in this process."""

    def __init__(self, name: str, world: World, url: str) -> None:
        self.name = name
        self.key = Ed25519PrivateKey.generate()
        self.travellers = Travellers(7, device=name)
        folder = world.folder / name
        folder.mkdir()
        create_key(folder / "store.key")
        clock = Clock()
        self.store = Store(folder / "store.db", folder / "store.key", reserve_bytes=0)
        self.journal = Journal(self.store, name, self.key, clock, software="bench")
        tls = world.authority.client(name)
        settings = ReportingSettings(
            brokers=(url,),
            authority=tls.ca,
            certificate=tls.certificate,
            key=tls.key,
            root=world.root,
            # No lists: a bench of the way up.
            feeds=(),
        )
        self.service = ReportingService(self.store, self.journal, clock, settings)

    def fill(self, entries: int, make: Callable[[Travellers], Entry] = whole) -> None:
        """So many entries more."""
        for begin in range(0, entries, MOST_AT_ONCE):
            self.journal.commit([make(self.travellers) for _ in range(min(MOST_AT_ONCE, entries - begin))])

    def drained(self) -> bool:
        status = self.service.status()
        return status.online and status.acknowledged >= self.journal.position().sequence

    def close(self) -> None:
        self.service.stop()
        self.store.close()


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Everything but devices, started."""
    folder = folder.resolve()
    authority = LabAuthority(folder / "tls")
    with LabBroker(folder / "broker", authority.server()) as broker:
        root = make_centre(folder / "centre", authority, broker.port)
        centre = centre_actor(folder / "centre", folder / "run")
        centre.start()
        try:
            yield World(folder, authority, broker, root)
        finally:
            centre.end()


def wait_for(what: Callable[[], bool], seconds: float = 300.0, every: float = 0.001) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come true in time")
        time.sleep(every)
