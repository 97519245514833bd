"""The demo's national side: a certificate authority, the broker, the data centre, and the lists it publishes."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from border_agent.demo.parts import end, spawn
from mqtt_schemas.centre.folder import BrokerSettings, PublishSettings, init
from mqtt_schemas.centre.importing import import_feed
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.feeds import Feed
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import CENTRE, LabAuthority


class National:
    """Broker and data centre in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.centre_folder = folder / "centre"
        self.authority = LabAuthority(folder / "tls")
        self.broker = LabBroker(folder / "broker", self.authority.server())
        self.root = b""
        self._centre: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Start the broker; make the centre's folder."""
        self.broker.start()
        centre = self.authority.client(CENTRE)
        self.root = init(
            self.centre_folder,
            BrokerSettings(
                host=self.broker.host,
                port=self.broker.port,
                ca=str(centre.ca),
                certificate=str(centre.certificate),
                key=str(centre.key),
            ),
            # The demo's kiosks have no TPM, and shall show what the watch-list does.
            PublishSettings(kiosks_without_tpm=True),
        )

    def enrol(self, device: str, post: str, role: str, journal_key: bytes, sealing_key: bytes) -> None:
        """Put a device into the register, and so into the list of devices."""
        enrol(self.centre_folder, device, post, journal_key, role=role, sealing_key=sealing_key)

    def publish(self, feeds: Mapping[Feed, Sequence[Struct]]) -> None:
        """Make these the content of their lists."""
        for feed, records in feeds.items():
            file = self.folder / f"{feed.value}.jsonl"
            file.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
            import_feed(self.centre_folder, feed.value, file)

    def start(self) -> None:
        """Start the data centre."""
        self._centre = spawn(self.folder / "centre.log", "centre", "run", "--folder", str(self.centre_folder))

    def stop_centre(self) -> None:
        end(self._centre)
        self._centre = None

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        self.stop_centre()
        with contextlib.suppress(OSError):
            self.broker.stop()
