"""A whole post: kiosks and a counter on its own network, the data centre outside, and the people who work there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from border_agent.api.client import Json
from border_agent.demo.appliance import Appliance
from border_agent.demo.chips import obstacle
from border_agent.demo.counter import Arrival
from border_agent.demo.flight import lists_are_there, prepare_flight
from border_agent.demo.national import National
from border_agent.demo.parts import READY_SECONDS
from border_agent.demo.world import DEVICE, POST
from mqtt_schemas.centre.officers import activate, put_officer
from mqtt_schemas.lab.broker import POST_ACL, LabBroker
from mqtt_schemas.records import OfficerRole

KIOSKS = ("uto-aeroport-borne-1", "uto-aeroport-borne-2")


class Person(Struct, frozen=True, kw_only=True):
    """Somebody who works at the post. Fictional."""

    number: str
    name: str
    roles: tuple[OfficerRole, ...]
    language: str = "fr"


PEOPLE = (
    Person(number="1001", name="DIALLO Awa", roles=(OfficerRole.OFFICER,)),
    Person(number="1002", name="TABI Samuel", roles=(OfficerRole.OFFICER,), language="en"),
    Person(number="2001", name="NGONO Claire", roles=(OfficerRole.SUPERVISOR, OfficerRole.OFFICER)),
    Person(number="3001", name="SOW Moussa", roles=(OfficerRole.TECHNICIAN,)),
    Person(number="4001", name="FOTSO Alain", roles=(OfficerRole.AUDITOR,)),
    Person(number="5001", name="KEITA Fanta", roles=(OfficerRole.READER,)),
)


class PostWorld:
    """Everything in one folder. A context manager: leaving ends every process."""

    def __init__(
        self,
        folder: Path,
        album: Path,
        *,
        kiosks: Sequence[str] = KIOSKS,
        people: Sequence[Person] = PEOPLE,
        training: bool = False,
        port: int = 0,
    ) -> None:
        """`port`: of the console; 0: a free one."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.national = National(folder)
        self.lan = LabBroker(folder / "lan", self.national.authority.server("lan"), acl=POST_ACL)
        self._album_folder = album
        self._people = people
        self._training = training
        self._port = port
        self.counter = self._appliance("c", DEVICE, "post")
        self.kiosks = tuple(self._appliance(f"k{n}", name, "kiosk") for n, name in enumerate(kiosks, start=1))
        self._starting: list[threading.Thread] = []
        self.codes: dict[str, str] = {}
        """One-time activation codes by service number."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.ExitStack() as ends:  # last first, and each whatever becomes of the others
            ends.callback(self.lan.stop)
            ends.callback(self.national.stop)
            for appliance in self.appliances:
                ends.callback(appliance.stop_agent)  # one that was just being started
            ends.callback(self._wait_for_starting)
            for appliance in self.appliances:
                ends.callback(appliance.stop_device)

    @property
    def appliances(self) -> tuple[Appliance, ...]:
        return (self.counter, *self.kiosks)

    @property
    def ca(self) -> Path:
        """The authority that browsers must trust."""
        return self.national.authority.ca

    @property
    def url(self) -> str:
        """The console's address."""
        port = (self.counter.folder / "console.port").read_text(encoding="ascii").strip()
        return f"https://localhost:{port}"

    def start(self) -> list[Arrival]:
        """Start everything; the travellers, in the order of the cast. Raises DemoFailed."""
        flight = prepare_flight(self._album_folder, self.folder, chips=not obstacle())
        self.national.prepare()
        self.lan.start()
        for appliance in self.appliances:
            appliance.folder.mkdir(exist_ok=True)
            appliance.extra = self._sections(appliance)
            appliance.prepare_device()
        self.national.publish(flight.feeds)
        self._enter_people()
        self.national.start()
        self._start_agents()
        for appliance in self.appliances:
            appliance.wait_for("lists", _all_lists)
        return flight.arrivals

    def _wait_for_starting(self) -> None:
        for thread in self._starting:
            if thread.is_alive():  # an interruption may have come before its turn to start
                thread.join(READY_SECONDS)

    def _start_agents(self) -> None:
        failed: list[Exception] = []

        def start(appliance: Appliance) -> None:
            try:
                appliance.start_agent()
            except Exception as error:
                failed.append(error)

        self._starting = [
            threading.Thread(target=start, args=(appliance,), daemon=True) for appliance in self.appliances
        ]
        for thread in self._starting:
            thread.start()
        for thread in self._starting:
            thread.join()
        if failed:
            raise failed[0]

    def _enter_people(self) -> None:
        for person in self._people:
            put_officer(
                self.national.centre_folder,
                person.number,
                name=person.name,
                roles=person.roles,
                posts=(POST,),
                language=person.language,
            )
            self.codes[person.number] = activate(self.national.centre_folder, person.number).code

    def _appliance(self, folder: str, device: str, role: str) -> Appliance:
        return Appliance(
            self.folder / folder, self.national, device=device, post=POST, role=role, training=self._training
        )

    def _sections(self, appliance: Appliance) -> str:
        tls = self.national.authority.client(appliance.device)
        lan = f"""
[lan]
brokers = ["mqtts://{self.lan.host}:{self.lan.port}"]
authority = "{tls.ca}"
certificate = "{tls.certificate}"
key = "{tls.key}"
"""
        if appliance.role == "kiosk":
            return lan + f'\n[kiosk]\ngate = "{"AB"[self.kiosks.index(appliance) % 2]}"\ncounter = "1"\n'
        server = self.national.authority.server("console")
        return (
            lan
            + f"""
[console]
port = {self._port}
names = ["localhost", "127.0.0.1"]
certificate = "{server.certificate}"
key = "{server.key}"
"""
        )


def _all_lists(state: Json) -> bool:
    return lists_are_there(state) and {"officers", "devices"} <= {
        name for name, info in state["lists"].items() if info["version"]
    }
