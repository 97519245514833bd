"""A device of paper on a real line: paho-mqtt over TLS, and the device's half of the protocol in short."""

from __future__ import annotations

import queue
import secrets
import socket
import ssl
import threading
import time

from centre_device import PaperDevice
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from mqtt_schemas.keys import ACK, KeyRing
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import Identity
from mqtt_schemas.messages import Ack, FeedChunk, Problem, Signed, decode, decode_body, encode
from mqtt_schemas.topics import Channel, device_topic, parse_topic, subscription

WINDOW = 8
PATIENCE = 60.0


def tls(identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(identity.ca)
    context.load_cert_chain(identity.certificate, identity.key)
    return context


class LineDevice:
    """A paper device that speaks to a broker."""

    def __init__(self, device: PaperDevice, broker: LabBroker, identity: Identity, ring: KeyRing) -> None:
        self.device = device
        self.ring = ring
        self.acks: queue.Queue[Ack] = queue.Queue()
        self.chunks: queue.Queue[FeedChunk] = queue.Queue()
        self.heads: dict[str, Signed] = {}
        self.highest = 0
        """Highest sequence ever acknowledged to this device."""
        self.connected = threading.Event()
        self._broker = broker
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=device.name, protocol=MQTTv5)
        self.client.tls_set_context(tls(identity))
        self.client.reconnect_delay_set(1, 1)
        self.client.on_socket_open = lambda _c, _u, s: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.connected.clear()
        self.client.on_message = self._on_message

    def __enter__(self) -> LineDevice:
        will = encode(self.device.hello(online=False))
        self.client.will_set(self.topic(Channel.STATE), will, qos=1, retain=True)
        self.client.connect_async("localhost", self._broker.port, 10, clean_start=True)
        self.client.loop_start()
        assert self.connected.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def topic(self, channel: Channel) -> str:
        return device_topic(self.device.name, channel)

    def _on_connect(self, client: Client, _userdata, _flags, reason, _properties) -> None:
        if reason.is_failure:
            return
        filters = [self.topic(Channel.ACK), self.topic(Channel.CHUNK), subscription(Channel.FEED_HEAD)]
        client.subscribe([(one, 1) for one in filters])
        self.device.nonce = secrets.token_bytes(16)
        self.hello()
        self.connected.set()

    def _on_message(self, _client, _userdata, message) -> None:
        topic = parse_topic(message.topic)
        if topic.channel is Channel.CHUNK:
            self.chunks.put(decode(FeedChunk, message.payload))
        elif topic.channel is Channel.FEED_HEAD:
            self.heads[topic.feed] = decode(Signed, message.payload)
        else:
            ack = decode_body(Ack, self.ring.verify(decode(Signed, message.payload), ACK))
            if ack.nonce == self.device.nonce:
                self.highest = max(self.highest, ack.upto)
                self.acks.put(ack)

    def hello(self) -> None:
        self.publish(Channel.STATE, encode(self.device.hello()), retain=True)

    def publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(self.topic(channel), payload, qos=1, retain=retain)

    def send(self, first: int, last: int) -> None:
        self.publish(Channel.JOURNAL, encode(self.device.batch(first, last)))

    def ack(self, timeout: float = PATIENCE) -> Ack:
        return self.acks.get(timeout=timeout)

    def ack_until(self, upto: int, timeout: float = PATIENCE) -> Ack:
        """Acknowledgements until one reaches `upto`."""
        deadline = time.monotonic() + timeout
        while (ack := self.ack(max(0.01, deadline - time.monotonic()))).upto < upto:
            continue
        return ack

    def drain(self, size: int, timeout: float = 120.0, silence: float = 1.0) -> None:
        """Send everything: a window of batches, cumulative acknowledgements, back to the mark on silence."""
        deadline = time.monotonic() + timeout
        mark = sent = 0
        while mark < len(self.device.bodies):
            assert time.monotonic() < deadline, f"stuck at {mark}"
            while self.connected.is_set() and sent < min(len(self.device.bodies), mark + WINDOW * size):
                last = min(sent + size, len(self.device.bodies))
                self.send(sent + 1, last)
                sent = last
            try:
                ack = self.ack(silence)
            except queue.Empty:
                sent = mark
                continue
            assert ack.problem in (Problem.NONE, Problem.GAP), ack.problem
            assert ack.head == self.device.heads[ack.upto]
            mark = ack.upto
            sent = mark if ack.problem is Problem.GAP else max(sent, mark)
