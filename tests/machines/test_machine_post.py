"""Role post in a bare root, and its broker started by its unit's own words: who gets in, and who may say what."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from agent_kit import free_port, write_identity
from root_kit import Root
from unit_kit import Running, exposure, running

from mqtt_schemas.lab.pki import Identity, LabAuthority

UNIT = "borne-lan-broker.service"
PORT = free_port()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LabAuthority:
    return LabAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def variables(authority: LabAuthority) -> dict[str, Any]:
    return {"borne_authority": str(authority.ca), "post_broker_port": PORT, "agent_lan_port": PORT}


def test_check_mode_on_a_bare_root(root: Root, variables: dict[str, Any]) -> None:
    assert root.play("base", "agent", "post", variables=variables, check=True).failures == ()


def test_converges_and_stays(root: Root, variables: dict[str, Any]) -> None:
    first = root.play("base", "agent", "post", variables=variables)
    assert first.failures == ()
    token = root.read("/var/lib/borne/metrics.token")
    second = root.play("base", "agent", "post", variables=variables)
    assert (second.failures, second.changed_tasks) == ((), ())
    assert len(token.strip()) == 64 and root.read("/var/lib/borne/metrics.token") == token
    print(f"post: {first.seconds:.0f} s, again {second.seconds:.0f} s")


def test_files_and_units(root: Root) -> None:
    assert root.mode("/var/lib/borne/metrics.token") == "borne borne 0600"
    assert root.mode("/etc/borne/lan-broker.conf") == "root mosquitto 0640"
    assert root.unit_state("mosquitto.service") == "masked"
    assert root.unit_state(UNIT) == "enabled"
    said = root.run("systemd-analyze", "verify", "--man=no", UNIT, "borne-lan-broker-renewed.path", check=False)
    assert said.stderr == ""
    assert exposure(root, UNIT) <= 1.2


@pytest.fixture(scope="module")
def broker(root: Root, authority: LabAuthority) -> Iterator[Running]:
    keys = write_identity(root, authority, hosts=("127.0.0.1",))
    keys["server.pem"] = root.at("/var/lib/borne/tls/server.pem").read_bytes()
    with running(root, UNIT, keys) as started:
        assert started.told("READY=1", 20), started.log_text()
        yield started


class Client:
    """One device at the broker."""

    def __init__(self, identity: Identity) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.refused: list[str] = []
        self._up = threading.Event()
        self._said = threading.Event()
        self._mqtt = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._mqtt.tls_set(str(identity.ca), str(identity.certificate), str(identity.key))
        self._mqtt.on_connect = lambda *_: self._mqtt.subscribe("borne/v1/post/#", 1)
        self._mqtt.on_subscribe = lambda *_: self._up.set()
        self._mqtt.on_message = lambda _, __, message: self.heard.append((message.topic, message.payload))
        self._mqtt.on_publish = self._published

    def _published(self, _: Any, __: Any, ___: int, reason: Any, ____: Any) -> None:
        if reason.is_failure:
            self.refused.append(str(reason))
        self._said.set()

    def __enter__(self) -> Client:
        self._mqtt.connect("127.0.0.1", PORT)
        self._mqtt.loop_start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    def say(self, topic: str) -> None:
        self._said.clear()
        self._mqtt.publish(topic, b"x", qos=1)
        assert self._said.wait(10)


def test_each_device_speaks_under_its_own_name(broker: Running, authority: LabAuthority) -> None:
    with Client(authority.client("uto-a-b1")) as kiosk, Client(authority.client("uto-a-g1")) as counter:
        kiosk.say("borne/v1/post/presence/uto-a-b1/x")
        assert kiosk.refused == []
        kiosk.say("borne/v1/post/presence/uto-a-g1/x")
        kiosk.say("borne/v1/uto-a-b1/up/x")
        assert len(kiosk.refused) == 2, broker.log_text()
        counter.say("borne/v1/post/presence/uto-a-g1/y")
    assert [topic for topic, _ in counter.heard] == [
        "borne/v1/post/presence/uto-a-b1/x",
        "borne/v1/post/presence/uto-a-g1/y",
    ]


def tried(context: ssl.SSLContext) -> bytes:
    """What the broker answers to a connection: nothing, or an error, where it is refused."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as plain, context.wrap_socket(plain) as wire:
        hello = b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x04test"
        wire.sendall(hello)
        return wire.recv(16)


def without_name(ca: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    context.check_hostname = False
    return context


def test_nobody_comes_in_without_a_certificate(broker: Running, authority: LabAuthority) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tried(without_name(authority.ca))


def test_a_strangers_certificate_is_no_good(broker: Running, authority: LabAuthority, tmp_path: Path) -> None:
    stranger = LabAuthority(tmp_path / "other").client("uto-a-b1")
    context = without_name(authority.ca)
    context.load_cert_chain(stranger.certificate, stranger.key)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tried(context)


def test_older_tls_is_refused(broker: Running, authority: LabAuthority) -> None:
    device = authority.client("uto-a-b1")
    context = without_name(authority.ca)
    context.load_cert_chain(device.certificate, device.key)
    assert tried(context)[:1] == b"\x20"
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tried(context)


def test_a_broker_that_moved_to_another_counter_goes(root: Root, variables: dict[str, Any]) -> None:
    moved = {**variables, "borne_lan_host": "amaurote-aeroport-g2", "borne_live": False}
    first = root.play("post", variables=moved)
    assert first.failures == ()
    assert root.unit_state(UNIT) == "not-found"
    assert not root.at("/etc/borne/lan-broker.conf").exists()
    assert root.play("post", variables=moved).changed_tasks == ()
