"""Rubbish on every wire of a living post, and then one good traveller: the process stays, the traveller passes.

Broker, centre, agent and twins are the demo's own; only what they are fed differs.
"""

from __future__ import annotations

import queue
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from border_agent.api.client import AgentClient
from border_agent.demo.counter import Arrival, pass_by
from border_agent.demo.flight import arrival_of
from border_agent.demo.world import DEVICE, World
from border_agent.specimens.album import Album, build_all, build_codes
from border_agent.specimens.feeds import policy, signer_records, visa_records, watch_records
from border_agent.specimens.signing import SpecimenSigners, make_signers
from mqtt_schemas.feeds import Feed
from mqtt_schemas.lab.pki import CENTRE, LabAuthority
from mqtt_schemas.messages import Ack, State, encode
from tests.agent.test_demo import REPOSITORY

pytestmark = pytest.mark.timeout(480)


@pytest.fixture(scope="module")
def album() -> Album:
    return build_all(REPOSITORY / "build" / "specimens", datetime.now(UTC).date())


@pytest.fixture(scope="module")
def signers(album: Album) -> SpecimenSigners:
    return make_signers(album.today)


@pytest.fixture(scope="module")
def world(album: Album, signers: SpecimenSigners) -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="borne-") as name, World(Path(name)) as world:
        world.prepare(
            {
                Feed.VISAS: list(visa_records(album.today, album.portraits())),
                Feed.TRUST: list(signer_records(album.today, signers)),
                Feed.POLICY: [policy(album.today)],
                Feed.WATCHLIST: list(watch_records(album.today)),
            }
        )
        world.start_centre()
        world.start_agent()
        world.wait_for("lists", lambda state: len(state["lists"]) == len(Feed))
        yield world


@pytest.fixture(scope="module")
def first(world: World, album: Album, signers: SpecimenSigners) -> Arrival:
    """Traveller 1, against whom nothing stands."""
    return arrival_of(album, build_codes(album, world.folder / "codes", signers), album.travellers[0])


@pytest.fixture
def agent(world: World) -> Iterator[AgentClient]:
    with AgentClient(str(world.socket)) as client:
        yield client


def devices(agent: AgentClient) -> dict[str, dict[str, Any]]:
    return {device["name"]: device for device in agent.state()["devices"]}


def test_rubbish_and_a_ten_megabyte_mrz_leave_the_reader_and_the_agent_alive(
    world: World, agent: AgentClient
) -> None:
    before = agent.state()["memory_bytes"]["agent"]
    case = agent.start()
    world.reader.emit(bytes(range(256)) * 40 + b"\r\n")
    world.reader.emit(b"P<UTO" * 2_000_000 + b"\r\n")
    world.reader.emit(b"P<UTOERIKSSON<<ANNA\r\nTOO SHORT\r\n")
    deadline = time.monotonic() + 100
    while devices(agent)["mrz"]["problems"] < 2:
        assert time.monotonic() < deadline, devices(agent)
        time.sleep(0.1)
    now = agent.inspection(case["id"])
    assert (now["phase"], now["step"]) == ("collecting", "document")
    agent.cancel(case["id"])
    assert agent.state()["memory_bytes"]["agent"] - before < 60_000_000


def test_a_code_of_a_megabyte_and_a_code_that_is_no_visa(world: World, agent: AgentClient, first: Arrival) -> None:
    case = agent.start()
    world.reader.emit(first.mrz)
    world.scanner.emit(b"RDB1" + b"A" * 1_000_000 + b"\r\n")
    world.scanner.emit(b"https://example.invalid/visa?id=1\r\n")
    for now in agent.events(case["id"]):
        if now["step"] == "visa":
            agent.skip(case["id"], "visa")
        elif now["step"] in ("page", "face"):
            agent.skip(case["id"], now["step"])
        if now["phase"] != "collecting":
            break
    codes = {finding["code"] for finding in now["findings"]}
    assert now["proposal"] == "refer"
    assert codes & {"seal.not_a_seal", "seal.missing", "seal.unreadable"}
    agent.cancel(case["id"])


def test_rubbish_on_every_topic_a_device_hears(world: World, agent: AgentClient) -> None:
    other_nonce = Ack(
        device=DEVICE, nonce=b"\1" * 16, epoch=b"\2" * 16, upto=10**9, head=b"\3" * 32, want=10**9 + 1, time=_now()
    )
    with _Client(world, CENTRE) as line:
        for topic in (
            f"borne/v1/{DEVICE}/down/ack",
            f"borne/v1/{DEVICE}/down/chunk",
            "borne/v1/all/down/head/keys",
            "borne/v1/all/down/head/visas",
            "borne/v1/all/down/head/nothing_known",
        ):
            for payload in (b"", b"\xff" * 64, b'{"v":"9.0"}', b"\x81\xa1v\xa39.0", encode(other_nonce), b"[" * 5000):
                line.send(topic, payload)
    world.wait_for("refusals", lambda state: sum(state["line"]["counts"].values()) >= 10)  # each is counted
    world.wait_for("line", lambda state: state["line"]["online"] and state["line"]["unacknowledged"] == 0)
    log = (world.folder / "agent.log").read_text(encoding="utf-8")
    assert log.count("Traceback") == 0


def test_rubbish_on_every_topic_the_centre_hears(world: World, agent: AgentClient) -> None:
    with _Client(world, "uto-aeroport-g9") as stranger:
        for channel in ("journal", "state", "pull"):
            for payload in (b"", b"\0" * 100, b'{"v":"9.0"}', b"\x81\xa1v\xa39.0"):
                stranger.send(f"borne/v1/uto-aeroport-g9/up/{channel}", payload)
            # Somebody else's topic: the broker does not deliver it.
            stranger.send(
                f"borne/v1/{DEVICE}/up/{channel}", encode(State(device=DEVICE, online=True, nonce=b"x" * 16))
            )
    time.sleep(0.5)
    assert "Traceback" not in (world.folder / "centre.log").read_text(encoding="utf-8")


def test_a_reader_unplugged_in_the_middle_and_plugged_in_again(
    world: World, agent: AgentClient, first: Arrival
) -> None:
    case = agent.start()
    world.reader.emit(first.mrz[:30])
    world.reader.unplug()
    deadline = time.monotonic() + 60
    while devices(agent)["mrz"]["state"] != "absent":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    world.reader.plug()
    world.reader.emit(first.mrz)
    now = next(now for now in agent.events(case["id"]) if now["document"] is not None)
    assert now["document"]["surname"] == "TRAORE"
    agent.cancel(case["id"])


def test_after_all_that_a_good_traveller_passes_and_is_acknowledged(
    world: World, agent: AgentClient, first: Arrival
) -> None:
    passage = pass_by(world, first)
    assert (passage.verdict, passage.decision) == ("admit", "admit")
    world.wait_for("acknowledgement", lambda state: state["line"]["unacknowledged"] == 0)
    assert agent._ask("GET", "/v1/journal/verify")["ok"] is True


def _now() -> datetime:
    return datetime.now(UTC)


class _Client:
    """A plain MQTT client with a certificate of the laboratory's authority."""

    def __init__(self, world: World, name: str) -> None:
        tls = LabAuthority(world.folder / "tls").client(name)
        context = ssl.create_default_context(cafile=str(tls.ca))
        context.load_cert_chain(tls.certificate, tls.key)
        self._world = world
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.tls_set_context(context)
        self._connected = threading.Event()
        self._client.on_connect = lambda *_: self._connected.set()
        self._taken: queue.Queue[int] = queue.Queue()
        self._client.on_publish = lambda _client, _data, number, *_: self._taken.put(number)

    def __enter__(self) -> _Client:
        self._client.connect(self._world.broker.host, self._world.broker.port)
        self._client.loop_start()
        assert self._connected.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, payload: bytes) -> None:
        """Returns once the broker has it, also where the centre, whose name this client bears, cut in between."""
        number = self._client.publish(topic, payload, 1).mid
        while self._taken.get(timeout=60) != number:
            pass
