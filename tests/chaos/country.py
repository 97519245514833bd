"""A small country in which everything is killed: devices, the data centre, the broker between them.

Every process is the true one; what dies, dies by SIGKILL at a random moment, and comes back a moment later on the
same folder or port. A broker comes back empty, or without room while the centre stands still, or in its place comes
an impostor with another authority's certificate. In the end everything that was told must be at the centre, once.
"""

from __future__ import annotations

import math
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from tests.centre.postgres_kit import Cluster
from tests.chaos.actors import (
    Actor,
    DeviceActor,
    FullBroker,
    Impostor,
    centre_actor,
    enrol_device,
    make_centre,
    wait_until,
)
from tests.chaos.reckoning import Reckoning, evidence, marks, reckon

_START_SECONDS = 90.0
_DRAIN_SECONDS = 900.0

_MEAN_PAUSE = 0.35
"""Seconds between two kills, of one actor after the other."""

_DECK = ("device",) * 6 + ("centre",) * 2 + ("broker",) * 2 + ("full", "impostor")
"""Shuffled, dealt out, shuffled again: twelve kills have seen everything once."""


@dataclass
class Country:
    """Devices, a centre, a broker. `run` kills, `reckon` counts."""

    folder: Path
    seed: int
    devices: int = 3
    server: Cluster | None = None
    """The PostgreSQL that the centre stores in, killed as well; None: SQLite."""
    killed: Counter[str] = field(default_factory=Counter)
    believed_impostor: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._ending = ExitStack()
        self.centre_folder = self.folder / "centre"

    def __enter__(self) -> Country:
        authority = LabAuthority(self.folder / "tls")
        others = LabAuthority(self.folder / "impostor-tls", "Somebody else (fictional)")
        self._server, self._false_server = authority.server(), others.server()
        self._broker = LabBroker(self.folder / "broker", self._server)
        self._ending.callback(self._broker.kill)
        self._broker.start()
        store = self.server.fresh() if self.server is not None else ""
        root = make_centre(self.centre_folder, authority, self._broker.port, store)
        self._centre = centre_actor(self.centre_folder, self.folder / "run")
        url = f"mqtts://localhost:{self._broker.port}"
        self._devices = [
            DeviceActor(self.folder / f"post-{number}", f"uto-post-{number}", authority, url, root)
            for number in range(self.devices)
        ]
        for device in self._devices:
            enrol_device(self.centre_folder, device)
        for actor in (self._centre, *self._devices):
            self._ending.callback(actor.kill)
            actor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def run(self, kills: int, progress: Callable[[int], None] = lambda _: None, seconds: float = math.inf) -> None:
        """So many kills, or for so long. Raises TimeoutError where somebody does not come back."""
        until = time.monotonic() + seconds
        self._all_deciding()
        cards = (*_DECK, "server", "server") if self.server is not None else _DECK
        deck: list[str] = []
        while self.killed.total() < kills and time.monotonic() < until:
            time.sleep(self._chance.expovariate(1 / _MEAN_PAUSE))
            deck = deck or self._chance.sample(cards, len(cards))
            match kind := deck.pop():
                case "device":
                    self._kill(self._chance.choice(self._devices))
                case "centre":
                    self._kill(self._centre)
                case "broker":
                    self._broker.kill()
                    self._rest()
                    self._broker.start()
                case "server":
                    assert self.server is not None
                    # To all its processes at once, without a checkpoint: as kill -9 of each.
                    self.server.stop(signal.SIGQUIT)
                    self._rest()
                    self.server.start()
                case "full":
                    self._without_room()
                case _:
                    self._impostor()
            self.killed[kind] += 1
            progress(self.killed.total())

    def reckon(self) -> Reckoning:
        """Let everything arrive, and compare both ends. Raises TimeoutError where it does not arrive."""
        ends = {}
        for device in self._devices:
            if not device.lines():
                wait_until(device.lines, _START_SECONDS, f"{device.device} does not start")
            device.tell("stop")
        for device in self._devices:
            wait_until(lambda device=device: device.lines()[-1][0] == "stopped", 60.0, f"{device.device} goes on")
            ends[device.device] = int(device.lines()[-1][1])
        wait_until(
            lambda: marks(self.centre_folder) == ends, _DRAIN_SECONDS, f"{marks(self.centre_folder)} of {ends}"
        )
        named = {name for device in self._devices for one in device.told() for name in one.evidence}
        wait_until(
            lambda: named <= evidence(self.centre_folder),
            _DRAIN_SECONDS,
            f"not all of {len(named)} pieces of evidence",
            every=0.2,
        )
        for device in self._devices:
            device.end()
        self._centre.end()
        return self.recount()

    def recount(self) -> Reckoning:
        """Compare both ends as they lie there."""
        return reckon(self.centre_folder, self._devices)

    def pretend(self) -> None:
        """Note a decision as told that never was: whoever counts must find it lost."""
        self._devices[0].note(f"{'00' * 16} 1 {'00' * 32} {'0' * 32} {'00' * 32}")

    def _all_deciding(self) -> None:
        for device in self._devices:
            wait_until(
                lambda device=device: len(device.lines()) > 2, _START_SECONDS, f"{device.device} decides nothing"
            )
        wait_until(self._anything_arrived, _START_SECONDS, "nothing reaches the centre")

    def _anything_arrived(self) -> bool:
        assert self._centre.running, f"the centre ended by itself: {self._centre.log()[-2000:]}"
        return bool(marks(self.centre_folder))

    def _kill(self, actor: Actor) -> None:
        """Some die while they start; most have done something."""
        assert actor.running, f"{actor.name} ended by itself: {actor.log()[-2000:]}"
        if isinstance(actor, DeviceActor) and self._chance.random() < 0.9:
            wait_until(lambda: len(actor.lines()) > 2, _START_SECONDS, f"{actor.name} decides nothing")
        actor.kill()
        self._rest(0.2)
        actor.start()

    def _without_room(self) -> None:
        """A broker that keeps three messages, in front of a centre that stands still: it loses what devices send."""
        port = self._broker.port
        self._broker.kill()
        full = FullBroker(self.folder / "full", self._server, port=port)
        full.start()
        try:
            self._rest()
            self._centre.pause()
            self._rest(1.5)
            self._centre.resume()
            self._rest()
        finally:
            self._centre.resume()
            full.kill()
        self._broker.start()

    def _impostor(self) -> None:
        port = self._broker.port
        self._broker.kill()
        impostor = Impostor(self.folder / "impostor", self._false_server, port=port)
        impostor.start()
        try:
            self._rest(1.5)
        finally:
            impostor.kill()
        self.believed_impostor = impostor.let_in()
        self._broker.start()

    def _rest(self, most: float = 0.5) -> None:
        time.sleep(self._chance.uniform(0.02, most))
