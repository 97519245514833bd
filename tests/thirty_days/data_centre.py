"""The data centre: the true service on its SQLite store, its two threads replaced by events."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from mqtt_schemas.centre import service as service_module
from mqtt_schemas.centre.desk import Incoming
from mqtt_schemas.centre.folder import BrokerSettings, CentreFolder, PublishSettings, init
from mqtt_schemas.centre.register import enrol
from mqtt_schemas.centre.service import GROUP, CentreService
from mqtt_schemas.feeds import Feed, put
from mqtt_schemas.lab.pki import CENTRE, LabAuthority
from mqtt_schemas.records import VisaRecord
from tests.thirty_days.shared_line import Broker
from tests.thirty_days.timeline import Timeline

_LOOK_SECONDS = 60.0
"""How often it looks for aged heads; the service itself does twice a second."""
_USES_SECONDS = 600
_SETTLE_SECONDS, _SETTLE_EVERY = _USES_SECONDS + 30.0, 10.0
"""For so long after a message, and so often, the settler is asked; in truth twice a second."""


class _Client:
    """In place of paho's: publishes at the simulated broker."""

    def __init__(self) -> None:
        self.broker: Broker | None = None
        self.on_connect: Any = None
        self.on_connect_fail: Any = None
        self.on_subscribe: Any = None
        self.on_disconnect: Any = None
        self.on_message: Any = None

    def publish(self, topic: str, payload: bytes, _qos: int, retain: bool) -> None:
        assert self.broker is not None
        self.broker.from_centre(topic, payload, retain=retain)

    def loop_start(self) -> None:
        """paho's thread; there is none."""


class DataCentre:
    """A centre of its own, enrolling as it is told."""

    def __init__(self, folder: Path, authority: LabAuthority, timeline: Timeline) -> None:
        tls = authority.client(CENTRE)
        # Heads anew every six hours, uses and stays every ten minutes: what goes to every post goes down this line
        # twenty-five times.
        publish = PublishSettings(renew_minutes=360, uses_seconds=_USES_SECONDS)
        self.folder = folder
        self._timeline = timeline
        broker = BrokerSettings(
            host="localhost", port=8883, ca=str(tls.ca), certificate=str(tls.certificate), key=str(tls.key)
        )
        self.root = init(folder, broker, publish, at=timeline.moment())
        self._client = _Client()
        self._inbox: deque[Incoming] = deque()
        self._look_at = 0.0
        self._settle_until = 0.0
        self._turn_at: float | None = None
        self.groups = 0

    def enrol(self, device: str, journal_key: bytes, sealing_key: bytes) -> None:
        enrol(self.folder, device, "border", journal_key, sealing_key=sealing_key, at=self._timeline.moment())

    def start(self, broker: Broker) -> None:
        """At its broker from now on."""
        self._client.broker = broker
        with mock.patch.object(service_module, "_client", lambda *_: self._client):
            self.service = CentreService(CentreFolder(self.folder))
        self.service._online.set()
        self.service._arrive()
        self._turn_by(self._timeline.now)

    def received(self, topic: str, payload: bytes) -> None:
        self._inbox.append(Incoming(topic, payload))
        self._turn_by(self._timeline.now)

    def publish_visas(self, records: Sequence[VisaRecord]) -> None:
        """What an import of the visa office's file comes to."""
        with self.service._database.transaction():
            assert self.service._publisher is not None
            self.service._publisher._feeds.append(
                Feed.VISAS,
                [(record.visa_id, put(record.visa_id, record)) for record in records],
                (),
                self._timeline.moment(),
            )

    def stop(self) -> None:
        self.service._database.close()

    def _turn_by(self, when: float) -> None:
        if self._turn_at is None or when < self._turn_at:
            self._turn_at = when
            self._timeline.at(when, lambda: self._turn(when))

    def _turn(self, when: float) -> None:
        """What `CentreService._work` does in one round, and when the next is due."""
        if self._turn_at != when:
            return
        self._turn_at = None
        service, now = self.service, self._timeline.now
        taken = [self._inbox.popleft() for _ in range(min(GROUP, len(self._inbox)))]
        self.groups += bool(taken)
        service._send(service._desk.handle(taken))
        assert service._publisher is not None and service._settler is not None
        service._send(service._publisher.due(now))
        service._settler.step(self._timeline.moment(), now, busy=bool(taken))
        if now >= self._look_at:
            service._watch()
            self._look_at = now + _LOOK_SECONDS
        if self._inbox:
            self._turn_by(now)
            return
        waits = [self._look_at - now]
        if (chunk := service._publisher.wait(now)) is not None:
            waits.append(chunk)
        if taken:
            self._settle_until = now + _SETTLE_SECONDS
        if now < self._settle_until:
            waits.append(max(service._settler.wait(now), _SETTLE_EVERY))
        self._turn_by(now + max(0.001, min(waits)))
