"""A backlog drained through broker and centre, against raw paho: one message an entry, QoS 1, window 20, over TLS.

Both in turns in one run, the same entries' bytes. Raw is the easier half: its subscriber counts and stores nothing,
while the drained entries are proved and on the centre's disk, and acknowledged by its signature.
"""

from __future__ import annotations

import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from line_world import World, small, wait_for, whole, world
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from mqtt_schemas.entries import Entry, write_entry
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import Identity
from tests.traffic.travellers import Travellers

ROUNDS = 3
RAW_MESSAGES = 4_000
WINDOW = 20
SHAPES = (("whole movements, 2.2 kB", whole, 30_000), ("entries of 400 B", small, 60_000))
RAW = "raw-sender"
TOPIC = "bench/entries"
Make = Callable[[Travellers], Entry]


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    with tempfile.TemporaryDirectory(dir=".") as name, world(Path(name)) as there:
        for what, make, backlog in SHAPES:
            drained, raw = [], []
            for _ in range(ROUNDS):
                raw.append(_raw(there, make))
                drained.append(_drained(there, make, backlog))
            plain, rate = statistics.median(raw), statistics.median(drained)
            baseline = f"raw paho QoS 1, window {WINDOW}, TLS, one message an entry ({plain:.0f}/s)"
            yield f"backlog drained, proved and stored: {what}", rate, "/s", baseline, rate / plain


def _drained(there: World, make: Make, backlog: int) -> float:
    device = there.device()
    device.fill(backlog, make)
    begun: list[float] = []
    device.service.on_event(lambda event: begun.append(time.perf_counter()) if event.kind == "line_up" else None)
    device.service.start()
    wait_for(device.drained)
    seconds = time.perf_counter() - begun[0]
    assert there.mark(device.name) == backlog + 1
    device.close()
    return backlog / seconds


def _raw(there: World, make: Make) -> float:
    """At a broker like the other, whose access rules let the one write and the other read."""
    travellers = Travellers(3)
    payloads = [write_entry(make(travellers)) for _ in range(RAW_MESSAGES)]
    acl = "pattern readwrite bench/#\n"
    with ExitStack() as ending:
        broker = LabBroker(there.folder / "raw", there.authority.server(), acl=acl)
        ending.enter_context(broker)
        counter = _counter(there, broker.port)
        ending.callback(counter.wait)
        ending.callback(counter.kill)
        sender = _client(there.authority.client(RAW), RAW)
        sender.max_inflight_messages_set(WINDOW)
        ready = threading.Event()
        sender.on_connect = lambda *_: ready.set()
        sender.connect("localhost", broker.port)
        sender.loop_start()
        ending.callback(sender.loop_stop)
        ending.callback(sender.disconnect)
        assert ready.wait(30) and counter.stdout is not None
        assert counter.stdout.readline() == b"ready\n"
        begun = time.perf_counter()
        for payload in payloads:
            sender.publish(TOPIC, payload, 1)
        assert counter.stdout.readline() == b"all\n"
        return RAW_MESSAGES / (time.perf_counter() - begun)


def _counter(there: World, port: int) -> subprocess.Popen[bytes]:
    """A subscriber in a process of its own."""
    identity = there.authority.client(f"{RAW}-counter")
    files = [str(identity.ca), str(identity.certificate), str(identity.key)]
    return subprocess.Popen([sys.executable, __file__, str(port), *files], stdout=subprocess.PIPE)


def _client(identity: Identity, name: str) -> Client:
    context = ssl.create_default_context(cafile=str(identity.ca))
    context.load_cert_chain(identity.certificate, identity.key)
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
    client.tls_set_context(context)
    client.on_socket_open = lambda _c, _u, wire: wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _count(port: int, ca: Path, certificate: Path, key: Path) -> None:
    """The subscriber's process."""
    client = _client(Identity(f"{RAW}-counter", certificate, key, ca), f"{RAW}-counter")
    come = 0

    def received(*_: object) -> None:
        nonlocal come
        come += 1
        if come == RAW_MESSAGES:
            os.write(1, b"all\n")

    client.on_message = received
    client.on_connect = lambda client, *_: client.subscribe(TOPIC, 1)
    client.on_subscribe = lambda *_: os.write(1, b"ready\n")
    client.connect("localhost", port)
    client.loop_forever()


if __name__ == "__main__":
    _count(int(sys.argv[1]), *map(Path, sys.argv[2:]))
