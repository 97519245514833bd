"""One thin line for the whole nation, the broker behind it, and a device's end of it: all under simulated time.

The broker does what Mosquitto does for these clients: it keeps what is retained, hands on at least once, forgets a
client that goes, and publishes its last will. It stands beside the centre: between these two nothing takes time.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence

from border_agent.clock import Clock
from border_agent.reporting.errors import LineDown
from border_agent.reporting.link import Address, Message
from border_agent.reporting.values import LineSettings
from tests.line.slow_line import HEADERS, SEGMENT
from tests.line.wire import Quality, Wire
from tests.thirty_days.timeline import Timeline

_TLS_RECORD = 22
_LARGEST_RECORD = 16_384
_PUBACK = 4 + _TLS_RECORD + HEADERS
_HANDSHAKE = (2_600, 3_400)
"""Bytes up and down until a device is connected and subscribed: TLS 1.3 with certificates both ways, MQTT."""
_HANDSHAKE_ROUNDS = 4
"""TCP, TLS, CONNECT, SUBSCRIBE."""
_KEEPALIVE = (30.0, 45.0)
"""After a silent cut both ends find out so much later."""
_SOCKET_BUFFER = 65_536

_HEAD = "/down/head/"

Piece = Callable[[], None]
"""What happens when a piece has arrived."""


def publish_size(message: Message) -> int:
    """Bytes of a PUBLISH (MQTT 5) under TLS 1.3, without TCP."""
    size = 1 + 3 + 2 + len(message.topic.encode()) + 2 + 1 + len(message.payload)
    return size + _TLS_RECORD * math.ceil(size / _LARGEST_RECORD)


def _kind(message: Message) -> str:
    """`up/journal`, `down/ack`, `down/head` …"""
    return "/".join(message.topic.split("/")[3:5])


class SharedLine:
    """Both directions. What is sent is cut into segments, so that devices take turns."""

    def __init__(self, timeline: Timeline, quality: Quality) -> None:
        self.timeline = timeline
        self.quality = quality
        self.up_now = True
        self.up: Wire[Piece | None] = Wire(quality, 1)
        self.down: Wire[Piece | None] = Wire(quality, 2)
        self.bytes: Counter[str] = Counter()
        """Of whole messages, by what they carry."""
        self._asked: dict[int, float] = {}

    def send(self, wire: Wire[Piece | None], flow: str, size: int, arrived: Piece | None) -> None:
        """`arrived` is called with the last segment."""
        if not self.up_now:
            return
        now = self.timeline.now
        while size > SEGMENT:
            wire.put(flow, None, SEGMENT + HEADERS, now)
            size -= SEGMENT
        wire.put(flow, arrived, size + HEADERS, now)
        self._ask(wire)

    def forget(self, flow: str) -> None:
        """A connection is gone."""
        self.up.forget(flow)
        self.down.forget(flow)

    def cut(self) -> None:
        """Nothing passes, and nobody is told."""
        self.up_now = False

    def mend(self) -> None:
        self.up_now = True

    def _ask(self, wire: Wire[Piece | None]) -> None:
        due = wire.deadline()
        asked = self._asked.get(id(wire), math.inf)
        if due is not None and (due < asked or asked < self.timeline.now):
            self._asked[id(wire)] = due
            self.timeline.at(due, lambda: self._hand_out(wire, due))

    def _hand_out(self, wire: Wire[Piece | None], due: float) -> None:
        if self._asked.get(id(wire)) == due:
            self._asked[id(wire)] = math.inf
        for _, arrived in wire.due(self.timeline.now):
            if arrived is not None:
                arrived()
        self._ask(wire)


class Broker:
    """`centre` gets what devices publish; what the centre publishes goes down the line."""

    def __init__(self, line: SharedLine, centre: Callable[[str, bytes], None]) -> None:
        self._line = line
        self._centre = centre
        self._retained: dict[str, bytes] = {}
        self.links: dict[str, SimLink] = {}

    def from_device(self, message: Message, *, retain: bool) -> None:
        if retain:
            self._retained[message.topic] = message.payload
        self._centre(message.topic, message.payload)

    def from_centre(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if retain:
            self._retained[topic] = payload
        message = Message(topic, payload)
        if _HEAD in topic:
            for link in list(self.links.values()):
                link.deliver(message)
        elif (link := self.links.get(topic.split("/")[2])) is not None:
            link.deliver(message)

    def connected(self, link: SimLink) -> None:
        self.links[link.device] = link
        for topic, payload in self._retained.items():
            if _HEAD in topic:
                link.deliver(Message(topic, payload))

    def gone(self, link: SimLink, will: Message) -> None:
        if self.links.get(link.device) is link:
            del self.links[link.device]
            self.from_device(will, retain=True)


class SimLink:
    """In place of `reporting.link.Link`: the same methods, over the shared line; `wait` never waits."""

    def __init__(
        self,
        device: str,
        settings: LineSettings,
        clock: Clock,
        subscriptions: Sequence[str],
        *,
        line: SharedLine,
        broker: Broker,
        woken: Callable[[], None],
    ) -> None:
        self.device = device
        self.ready = False
        self.refusals = 0
        self._line = line
        self._broker = broker
        self._woken = woken
        self._messages: list[Message] = []
        self._will: Message | None = None
        self._connection = 0
        self._failed = False
        self._chance = random.Random(device)

    @property
    def connected(self) -> bool:
        return self._will is not None

    @property
    def busy(self) -> bool:
        return self._line.up.waiting(self.device, self._line.timeline.now) > _SOCKET_BUFFER

    def open(self, address: Address, will: Message) -> None:
        self.close()
        if not self._line.up_now:
            raise LineDown(str(address), "no answer")
        self._connection += 1
        self._will, self._failed = will, False
        self._line.send(self._line.up, self.device, _HANDSHAKE[0], None)
        self._line.send(self._line.down, self.device, _HANDSHAKE[1], None)
        rounds = 2 * self._line.quality.delay * _HANDSHAKE_ROUNDS
        connection = self._connection
        self._line.timeline.after(rounds, lambda: self._become_ready(connection))

    def wait(self, timeout: float) -> list[Message]:
        if self._failed:
            self.close()
            raise LineDown("broker", "silent")
        taken, self._messages = self._messages, []
        return taken

    def publish(self, message: Message, *, retain: bool = False) -> None:
        if self._will is None:
            raise LineDown("broker", "not connected")

        def arrived() -> None:
            self._line.send(self._line.down, self.device, _PUBACK, None)
            self._broker.from_device(message, retain=retain)

        self._line.bytes[_kind(message)] += publish_size(message)
        self._line.send(self._line.up, self.device, publish_size(message), arrived)

    def deliver(self, message: Message) -> None:
        """The broker sends it this message."""

        def arrived() -> None:
            self._line.send(self._line.up, self.device, _PUBACK, None)
            self._messages.append(message)
            self._woken()

        self._line.bytes[_kind(message)] += publish_size(message)
        self._line.send(self._line.down, self.device, publish_size(message), arrived)

    def silenced(self) -> None:
        """The line was cut: some time later both ends find out."""
        if self._will is None:
            return
        connection, will = self._connection, self._will
        self._line.forget(self.device)

        def found_out() -> None:
            self._broker.gone(self, will)
            if self._connection == connection and self._will is not None:
                self._failed = True
                self._woken()

        self._line.timeline.after(self._chance.uniform(*_KEEPALIVE), found_out)

    def wake(self) -> None:
        self._woken()

    def close(self) -> None:
        will, self._will = self._will, None
        self.ready = False
        self._messages = []
        if will is not None:
            self._line.forget(self.device)
            self._broker.gone(self, will)

    def leave(self, farewell: Message) -> None:
        self.close()

    def dispose(self) -> None:
        self.close()

    def _become_ready(self, connection: int) -> None:
        if self._connection == connection and self._will is not None and self._line.up_now:
            self.ready = True
            self._broker.connected(self)
            self._woken()
