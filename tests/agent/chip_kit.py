"""A chip reader without PC/SC: our own passport in software, in this process, read by the real terminal."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from border_agent.agent import runtime
from border_agent.agent.chip_reader import ChipReader
from border_agent.agent.eyes import Seen
from border_agent.agent.runtime import Agent
from border_agent.config import CameraRole
from border_agent.decoding import FoundFace, FoundMrz, Picture
from border_agent.inspection.evidence import Step
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.store.staging import Staging
from firmware_bridge.roles import CardTransport, DeviceProblem, DeviceState, Reading
from mqtt_schemas.feeds import Feed, extend_feed, feed_genesis, put
from mqtt_schemas.messages import FeedHead
from mqtt_schemas.records import CscaRecord

CHIPS = """
[devices.chip_reader]
name = "puce"
"""


class Tray:
    """Where a passport is laid down. See `firmware_bridge.roles.CardReader`."""

    def __init__(self) -> None:
        self.name = "tray"
        self.state = DeviceState.ready
        self.problems: deque[DeviceProblem] = deque(maxlen=8)
        self.asked = 0
        self._changed = threading.Condition()
        self._chip: VirtualChip | None = None
        self._open = False

    def lay_down(self, chip: VirtualChip | None) -> None:
        with self._changed:
            self._chip = chip
            self._changed.notify_all()

    def open(self) -> None:
        self._open = True

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def look(self) -> None: ...

    def card(self, timeout: float) -> CardTransport | None:
        self.asked += 1
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._chip is None and self._open and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            chip = self._chip if self._open else None
        if chip is not None:
            chip.power(True)
        return chip


class Sight:
    """Eyes that see one good face wherever they look, portraits of chips included."""

    def __init__(self, zones: Iterable[FoundMrz | None] = ()) -> None:
        self.zones = deque(zones)
        self.stored: list[bytes] = []
        self.faces: deque[FoundFace | None] = deque()
        """Of stored pictures, one after the other; then `face()`."""

    def sees(self, role: CameraRole) -> bool:
        return True

    def look(self, role: CameraRole) -> Seen:
        return Seen(Picture(8, 8, bytes(192)), (face(),))

    def embedded(self, picture: Picture, found: FoundFace) -> FoundFace:
        return found

    def codes(self) -> tuple[()]:
        return ()

    def zone(self) -> tuple[bool, FoundMrz | None]:
        return (True, self.zones.popleft()) if self.zones else (False, None)

    def portrait_jpeg(self, picture: bytes) -> bytes:
        return b"\xff\xd8\xff portrait"

    def stored_face(self, picture: bytes) -> FoundFace | None:
        self.stored.append(picture)
        return self.faces.popleft() if self.faces else face()


def face(value: float = 0.12) -> FoundFace:
    return FoundFace(
        box=(0, 0, 8, 8), score=1.5, embedding=(value,) * 128, eye_distance=60.0, sharpness=0.05, brightness=120.0
    )


def with_tray(monkeypatch: pytest.MonkeyPatch) -> Tray:
    """Agents started from now on have this tray for a chip reader, where one is configured."""
    tray = Tray()
    monkeypatch.setattr(
        runtime, "make_chip_reader", lambda config: ChipReader(tray) if config.devices.chip_reader else None
    )
    return tray


def trusting(agent: Agent, certificates: Iterable[bytes], crls: Iterable[bytes] = ()) -> None:
    """Install the list of authorities with these certificates; each revocation list goes with the first of them."""
    lists = list(crls)
    install_authorities(
        agent,
        [CscaRecord(issuer="UT", certificate=der, crl=lists.pop() if lists else b"") for der in certificates],
    )


def install_authorities(agent: Agent, records: list[CscaRecord]) -> None:
    staging, now = Staging(agent._store), datetime.now(UTC)
    at = staging.position(Feed.CSCA)
    rows = [put(str(number), record) for number, record in enumerate(records, at.version + 1)]
    version, head = at.version, at.head if at.version else feed_genesis(Feed.CSCA)
    for row in rows:
        version += 1
        head = extend_feed(head, version, row)
    staging.stage(Feed.CSCA, at.version + 1, rows)
    staging.install(
        FeedHead(feed=Feed.CSCA, version=version, head=head, issued=now, expires=now + timedelta(days=3)), now
    )


def lay_page(agent: Agent, lines: Iterable[str]) -> None:
    """The document reader reads these lines."""
    agent.desk.document_read(Reading("\n".join(lines).encode(), "reader", time.monotonic()))


def able(agent: Agent, *steps: Step, sight: Any = None, **times: float) -> None:
    """What the device can do from now on; short times where nothing is waited for."""
    agent.desk._abilities = lambda: steps
    agent.desk._eyes = sight if sight is not None else Sight()
    agent.desk._times = structs.replace(agent.desk._times, **times)
