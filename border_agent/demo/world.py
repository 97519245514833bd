"""The demo's world: one device and its own data centre in a folder, with throw-away keys."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from border_agent.demo.appliance import Appliance
from border_agent.demo.national import National
from mqtt_schemas.feeds import Feed
from mqtt_schemas.lab.broker import LabBroker

DEVICE = "uto-aeroport-g1"
POST = "utopia-aeroport"


class World(Appliance):
    """Broker, centre, agent and twins in one folder. A context manager: leaving ends every process."""

    def __init__(
        self, folder: Path, *, role: str = "post", extra: str = "", device: str = DEVICE, training: bool = False
    ) -> None:
        """`extra`: more sections for the device's configuration."""
        super().__init__(
            folder, National(folder), device=device, post=POST, role=role, extra=extra, training=training
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def broker(self) -> LabBroker:
        return self.national.broker

    @property
    def centre_folder(self) -> Path:
        return self.national.centre_folder

    def prepare(self, feeds: dict[Feed, list[Struct]]) -> None:
        """Start the broker and the twins, make the centre and the device known to each other, fill the lists."""
        self.national.prepare()
        self.prepare_device()
        self.national.publish(feeds)

    def start_centre(self) -> None:
        self.national.start()

    def stop_centre(self) -> None:
        self.national.stop_centre()

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        self.stop_device()
        self.national.stop()
