"""The laboratory: its authority, its broker, and the rules that the broker holds."""

from __future__ import annotations

import queue
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from mqtt_schemas.lab import broker as module
from mqtt_schemas.lab.broker import LabBroker, find_mosquitto
from mqtt_schemas.lab.errors import BadLabFiles, BrokerFailed, MosquittoMissing
from mqtt_schemas.lab.pki import Identity, LabAuthority

PATIENCE = 60.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LabAuthority:
    return LabAuthority(tmp_path_factory.mktemp("pki"))


def test_identities_are_made_once(authority: LabAuthority) -> None:
    first = authority.client("kiosk-1")
    again = LabAuthority(authority.folder).client("kiosk-1")
    assert first.fingerprint == again.fingerprint
    assert len(first.fingerprint) == 32
    assert authority.client("kiosk-2").fingerprint != first.fingerprint
    assert {file.stat().st_mode & 0o777 for file in authority.folder.glob("*.key")} == {0o600}
    certificate = x509.load_pem_x509_certificate(first.certificate.read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=kiosk-1"
    ca = x509.load_pem_x509_certificate(authority.ca.read_bytes())
    certificate.verify_directly_issued_by(ca)


def test_a_folder_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("rubbish")
    with pytest.raises(BadLabFiles):
        LabAuthority(tmp_path)


def test_without_mosquitto_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(find_mosquitto()).name == "mosquitto"
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(module, "_SBIN", ())
    with pytest.raises(MosquittoMissing, match="package is `mosquitto`"):
        find_mosquitto()


def test_a_broker_that_cannot_start_says_why(tmp_path: Path, authority: LabAuthority) -> None:
    broken = Identity("x", tmp_path / "no.pem", tmp_path / "no.key", authority.ca)
    with pytest.raises(BrokerFailed, match=r"no\.pem"):
        LabBroker(tmp_path / "broker", broken, port=module._free_port()).start()
    with socket.socket() as taken:
        taken.bind((module.HOST, 0))
        taken.listen()
        busy = LabBroker(tmp_path / "busy", authority.server(), port=taken.getsockname()[1])
        with pytest.raises(BrokerFailed):
            busy.start()
        assert not busy.running


class Spy:
    """A client that keeps what it receives and how its messages were answered."""

    def __init__(self, broker: LabBroker, identity: Identity, *filters: str, client_id: str = "any") -> None:
        self.received: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.answers: queue.Queue[int] = queue.Queue()
        subscribed: queue.Queue[None] = queue.Queue()
        context = ssl.create_default_context(cafile=identity.ca)
        context.load_cert_chain(identity.certificate, identity.key)
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        self.client.tls_set_context(context)
        self.client.on_message = lambda _c, _u, message: self.received.put((message.topic, message.payload))
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self.answers.put(reason.value)
        self.client.on_connect = lambda *_: self.client.subscribe([(one, 1) for one in (*filters, "none")])
        self.client.on_subscribe = lambda *_: subscribed.put(None)
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        subscribed.get(timeout=PATIENCE)

    def say(self, topic: str) -> int:
        """Publish; the broker's reason code."""
        self.client.publish(topic, b"x", qos=1)
        return self.answers.get(timeout=PATIENCE)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


REFUSED = 135


def test_the_broker_holds_the_contracts_rules(tmp_path: Path, authority: LabAuthority) -> None:
    with LabBroker(tmp_path / "broker", authority.server()) as broker:
        everything = ("borne/#", "$SYS/broker/version")
        centre = Spy(broker, authority.client("centre"), *everything)
        one = Spy(broker, authority.client("kiosk-1"), *everything)
        # The name in the certificate counts, not the client id that is claimed.
        two = Spy(broker, authority.client("kiosk-2"), *everything, client_id="kiosk-1")
        try:
            assert one.say("borne/v1/kiosk-1/up/journal") < 128
            assert two.say("borne/v1/kiosk-1/up/journal") == REFUSED
            assert one.say("borne/v1/kiosk-1/down/ack") == REFUSED
            assert one.say("borne/v1/all/down/head/keys") == REFUSED
            assert one.say("elsewhere") == REFUSED
            assert two.say("borne/v1/kiosk-2/up/state") < 128
            assert centre.say("borne/v1/kiosk-1/down/ack") < 128
            assert centre.say("borne/v1/all/down/head/keys") < 128
            assert centre.say("borne/v1/kiosk-1/up/journal") == REFUSED
            mine = ["borne/v1/kiosk-1/down/ack", "borne/v1/all/down/head/keys"]
            # The last because a pattern rule is everybody's.
            theirs = ["borne/v1/kiosk-1/up/journal", "borne/v1/kiosk-2/up/state", mine[1]]
            assert [centre.received.get(timeout=PATIENCE)[0] for _ in theirs] == theirs
            assert [one.received.get(timeout=PATIENCE)[0] for _ in mine] == mine
            assert two.received.get(timeout=PATIENCE)[0] == mine[1]
            assert all(spy.received.empty() for spy in (centre, one, two))
        finally:
            for spy in (centre, one, two):
                spy.close()


def test_the_port_stays_over_a_kill(tmp_path: Path, authority: LabAuthority) -> None:
    broker = LabBroker(tmp_path / "broker", authority.server())
    with broker:
        port, pid = broker.port, broker.pid
        broker.kill()
        assert not broker.running
        assert broker.pid is None
        broker.start()
        broker.start()
        assert broker.port == port
        assert broker.pid != pid
        Spy(broker, authority.client("kiosk-1")).close()
    assert not broker.running
    with pytest.raises(OSError, match=r"."):
        socket.create_connection((broker.host, port), timeout=1)
