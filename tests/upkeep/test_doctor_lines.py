"""The lines, against a real Mosquitto: every way in which a broker may be out of reach is told apart."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from border_agent.upkeep.doctor import Machine, Report, examine
from border_agent.upkeep.doctor.lines import check_lines
from border_agent.upkeep.doctor.values import State
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from tests.upkeep.doctor_kit import DEVICE, NOW, YEAR, Signer, codes, one, write_device


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("authority"), "Doctor laboratory (fictional)")


@pytest.fixture(scope="module")
def broker(authority: Signer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabBroker]:
    with LabBroker(tmp_path_factory.mktemp("broker"), authority.lab.server()) as running:
        yield running


def look(config: Path) -> Report:
    return examine(config, Machine(), checks=(check_lines,))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_good_line_is_good_and_quick(tmp_path: Path, authority: Signer, broker: LabBroker) -> None:
    config = write_device(tmp_path, authority.lab.client(DEVICE), [f"mqtts://localhost:{broker.port}"])
    begun = time.monotonic()
    report = look(config)
    assert codes(report, "line.") == ["line.good"]
    assert time.monotonic() - begun < 3.0


def test_the_running_agents_session_is_left_alone(tmp_path: Path, authority: Signer, broker: LabBroker) -> None:
    tls = authority.lab.client(DEVICE)
    agent = Client(CallbackAPIVersion.VERSION2, client_id=DEVICE)
    agent.tls_set(str(tls.ca), str(tls.certificate), str(tls.key))
    gone = threading.Event()
    there = threading.Event()
    agent.on_connect = lambda *_: there.set()
    agent.on_disconnect = lambda *_: gone.set()
    agent.connect("localhost", broker.port)
    agent.loop_start()
    try:
        assert there.wait(10)
        assert codes(look(write_device(tmp_path, tls, [f"mqtts://localhost:{broker.port}"])), "line.") == [
            "line.good"
        ]
        assert not gone.wait(0.5), "the broker threw the agent out"
    finally:
        agent.disconnect()
        agent.loop_stop()


def test_with_our_key_sealed_the_broker_is_tried_all_the_same(
    tmp_path: Path, authority: Signer, broker: LabBroker
) -> None:
    config = write_device(
        tmp_path,
        authority.lab.client(DEVICE),
        [f"mqtts://localhost:{broker.port}", f"mqtts://localhost:{free_port()}"],
        key=tmp_path / "sealed.key",
    )
    assert codes(look(config), "line.") == ["line.refused", "line.reached"]


def test_a_closed_port(tmp_path: Path, authority: Signer) -> None:
    config = write_device(tmp_path, authority.lab.client(DEVICE), [f"mqtts://localhost:{free_port()}"])
    assert codes(look(config), "line.") == ["line.refused"]


def test_an_unknown_name_is_no_missing_line(tmp_path: Path, authority: Signer) -> None:
    config = write_device(tmp_path, authority.lab.client(DEVICE), ["mqtts://no-such-broker.invalid"])
    report = look(config)
    # A machine without any name server cannot know that the name is unknown; both lead a technician right.
    assert codes(report, "line.")[0] in ("line.unknown_name", "line.no_resolver")
    assert "no-such-broker.invalid" in report.checks[-1].words["fr"]


def test_no_route_without_a_network(tmp_path: Path, authority: Signer) -> None:
    """In a network namespace of its own: no cable at all."""
    config = write_device(tmp_path, authority.lab.client(DEVICE), ["mqtts://192.0.2.1"])
    code = "import sys; from border_agent.cli import main; main()"
    try:
        ran = subprocess.run(
            ["unshare", "-n", sys.executable, "-c", code, "doctor", "--config", str(config), "--json"],
            capture_output=True,
            text=True,
        )
    except OSError as error:
        pytest.skip(f"no network namespaces here: {error}")
    if ran.returncode != 1:
        pytest.skip(f"no network namespaces here: {ran.stderr.strip()[-200:]}")
    assert '"line.no_route"' in ran.stdout


def test_a_port_that_does_not_speak_tls(tmp_path: Path, authority: Signer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(1024)
                client.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal.invalid/\r\n\r\n")
                time.sleep(0.3)

        threading.Thread(target=answer, daemon=True).start()
        port = listening.getsockname()[1]
        config = write_device(tmp_path, authority.lab.client(DEVICE), [f"mqtts://localhost:{port}"])
        assert codes(look(config), "line.") == ["line.not_tls"]


def test_a_port_that_says_nothing(tmp_path: Path, authority: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("border_agent.upkeep.doctor.probe.STEP_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        config = write_device(tmp_path, authority.lab.client(DEVICE), [f"mqtts://localhost:{port}"])
        assert codes(look(config), "line.") == ["line.silent"]


def test_a_broker_of_another_authority(tmp_path: Path, authority: Signer, broker: LabBroker) -> None:
    other = LabAuthority(tmp_path / "other", "Somebody else (fictional)")
    config = write_device(tmp_path, other.client(DEVICE), [f"mqtts://localhost:{broker.port}"])
    assert codes(look(config), "line.") == ["line.foreign_authority"]


def test_a_broker_that_refuses_our_authority(tmp_path: Path, authority: Signer, broker: LabBroker) -> None:
    """We believe the broker, and show a certificate of somebody else."""
    other = LabAuthority(tmp_path / "other", "Somebody else (fictional)").client(DEVICE)
    config = write_device(tmp_path, other, [f"mqtts://localhost:{broker.port}"])
    text = config.read_text(encoding="utf-8").replace(str(other.ca), str(authority.lab.ca))
    config.write_text(text, encoding="utf-8")
    assert codes(look(config), "line.") == ["line.our_certificate_refused"]


def test_our_expired_certificate(tmp_path: Path, authority: Signer, broker: LabBroker) -> None:
    old = authority.sign("expired-device", NOW - 4 * YEAR, NOW - YEAR)
    report = look(write_device(tmp_path, old, [f"mqtts://localhost:{broker.port}"]))
    assert codes(report, "line.") == ["line.our_certificate_expired"]
    assert "--renew" in one(report, "line.our_certificate_expired").advice["en"]


@pytest.mark.parametrize(
    ("begins", "ends", "host", "code"),
    [
        (-4 * YEAR, -YEAR, "localhost", "line.broker_expired"),
        (YEAR, 2 * YEAR, "localhost", "line.broker_expired"),
        (-YEAR, YEAR, "another-broker.example", "line.broker_name"),
    ],
    ids=["expired", "not yet valid", "another name"],
)
def test_a_broker_whose_certificate_is_no_good(
    tmp_path: Path, authority: Signer, begins: object, ends: object, host: str, code: str
) -> None:
    server = authority.sign("bad-broker", NOW + begins, NOW + ends, hosts=[host], server=True)  # type: ignore[operator]
    with LabBroker(tmp_path / "broker", server) as bad:
        config = write_device(tmp_path, authority.lab.client(DEVICE), [f"mqtts://localhost:{bad.port}"])
        assert codes(look(config), "line.") == [code]


def test_one_broker_that_answers_makes_the_others_a_worry(
    tmp_path: Path, authority: Signer, broker: LabBroker
) -> None:
    brokers = [f"mqtts://localhost:{free_port()}", f"mqtts://localhost:{broker.port}"]
    report = look(write_device(tmp_path, authority.lab.client(DEVICE), brokers))
    assert report.ok
    assert one(report, "line.refused").state is State.WARN
    assert one(report, "line.refused").advice["fr"]


def test_the_posts_own_broker_is_told_apart(tmp_path: Path, authority: Signer, broker: LabBroker) -> None:
    tls = authority.lab.client(DEVICE)
    lan = f"""
[lan]
brokers = ["mqtts://localhost:{free_port()}"]
authority = "{tls.ca}"
certificate = "{tls.certificate}"
key = "{tls.key}"
"""
    report = look(write_device(tmp_path, tls, [f"mqtts://localhost:{broker.port}"], extra=lan))
    assert not report.ok, "the national line does not stand in for the post's"
    assert one(report, "line.refused").words["fr"].startswith("Réseau du poste")
    assert one(report, "line.good").words["en"].startswith("National line")


@pytest.mark.parametrize("url", ["http://localhost:1", "mqtts://", "mqtts://localhost:99999", "mqtts://[::1"])
def test_an_address_badly_written(tmp_path: Path, authority: Signer, url: str) -> None:
    assert codes(look(write_device(tmp_path, authority.lab.client(DEVICE), [url])), "line.") == ["line.bad_address"]
