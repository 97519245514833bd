"""Promises of the whole agent, tried at awkward moments: no silent green, no dead screen, nothing told too much."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from border_agent.agent import desk
from border_agent.agent.eyes import Seen
from border_agent.agent.identity import AlreadyRunning
from border_agent.agent.runtime import Agent
from border_agent.api.client import AgentClient, AgentGone, ApiRefused
from border_agent.cli import inspect as terminal
from border_agent.config import CameraRole, load_config
from border_agent.decoding import DecoderCrashed, FoundFace, Picture
from border_agent.documents.mrz import MrzFormat, build_mrz, parse_mrz
from border_agent.inspection.evidence import Step, WatchHit
from border_agent.store import StoreFailed, StoreFull
from firmware_bridge.roles import Reading
from mqtt_schemas.records import Handling, Policy, Regime, RegimeRule, WatchRecord
from tests.agent.conftest import Start
from tests.agent.test_local_api import READER, proposed

POLICY = Policy(
    policy_id="utopia-1",
    rules_version=1,
    country="UTO",
    issuers=("UTO",),
    regimes=(RegimeRule(nationality="UTO", regime=Regime.NATIONAL),),
)


def passport(number: str = "L8988901C") -> bytes:
    lines = build_mrz(
        MrzFormat.TD3,
        document_code="P",
        issuer="UTO",
        surname="Eriksson",
        given_names="Anna Maria",
        number=number,
        nationality="UTO",
        birth=date(1974, 8, 12),
        sex="F",
        expiry=date(2031, 4, 15),
    )
    return "\r".join(lines).encode()


def lay_down(agent: Agent, raw: bytes) -> None:
    agent.desk.document_read(Reading(raw=raw, device="mrz", at=time.monotonic()))


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def codes(case: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in case["findings"]}


class Sight:
    """Eyes that see what a test says; every step can be done."""

    def __init__(self, faces: Callable[[CameraRole], Sequence[FoundFace]]) -> None:
        self.faces = faces

    def look(self, role: CameraRole) -> Seen:
        return Seen(Picture(640, 480, b""), self.faces(role))

    def embedded(self, picture: Picture, face: FoundFace) -> FoundFace:
        return face

    def sees(self, role: CameraRole) -> bool:
        return True

    def codes(self) -> Sequence[object]:
        return ()

    def zone(self) -> tuple[bool, None]:
        return False, None


def face(score: float = 1.5) -> FoundFace:
    return FoundFace(
        box=(0, 0, 200, 200),
        score=score,
        embedding=(0.12,) * 128,
        eye_distance=60.0,
        sharpness=0.05,
        brightness=120.0,
    )


def look(agent: Agent, faces: Callable[[CameraRole], Sequence[FoundFace]], steps: tuple[Step, ...]) -> None:
    agent.desk._eyes = Sight(faces)  # type: ignore[assignment]
    agent.desk._abilities = lambda: steps
    agent.desk._times = structs.replace(agent.desk._times, page=0.5, visa=0.5, face=0.5)


def test_a_second_passport_on_the_reader_is_an_officers_matter(start: Start) -> None:
    agent, client = start(READER)
    look(agent, lambda _: (), (Step.DOCUMENT, Step.FACE))
    case = client.start()
    lay_down(agent, passport())
    until(lambda: client.inspection(case["id"])["document"])
    lay_down(agent, passport("L0000000X"))
    now = next(now for now in client.events(case["id"]) if now["phase"] == "proposed")
    assert now["document"]["number"] == "L8988901C"
    assert "document.second" in codes(now)


def test_two_people_at_the_camera_are_not_one_traveller(start: Start) -> None:
    agent, client = start(READER)
    look(agent, lambda _: (face(2.0), face(1.0)), (Step.DOCUMENT, Step.PAGE, Step.FACE))
    client.start()
    lay_down(agent, passport())
    until(lambda: client._ask("GET", "/v1/inspections")["inspections"][0]["phase"] == "proposed")
    (now,) = client._ask("GET", "/v1/inspections")["inspections"]
    assert now["faces"] == []
    assert "face.several" in codes(now)


def test_a_line_of_the_watch_list_that_comes_during_the_inspection_counts(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = start(READER)
    look(agent, lambda _: (), (Step.DOCUMENT, Step.FACE))
    case = client.start()
    lay_down(agent, passport())
    until(lambda: client.inspection(case["id"])["document"])
    wanted = WatchRecord(
        record_id="w1", document_issuer="UTO", document_number="L8988901C", handling=Handling.STOP, grounds="stolen"
    )
    monkeypatch.setattr(
        agent.desk._answers, "watch_hits", lambda mrz: (WatchHit(record=wanted, matched_on="document"),)
    )
    now = next(now for now in client.events(case["id"]) if now["phase"] == "proposed")
    assert "watchlist.document" in codes(now)


@pytest.mark.parametrize("body", [{"direction": "arrival"}, {"group": "g" * 65}, {"purpose": "p" * 65}])
def test_what_could_not_be_recorded_or_counted_is_not_begun(start: Start, body: dict[str, str]) -> None:
    _, client = start()
    with pytest.raises(ApiRefused, match="400 api.bad_request"):
        client.start(**body)  # type: ignore[arg-type]


def test_a_policy_for_newer_rules_sends_everybody_to_an_officer_who_reads_why(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = start()
    newer = structs.replace(POLICY, rules_version=99)
    monkeypatch.setattr(agent.desk._answers._lists, "policy", lambda: newer)
    case = proposed(client)
    assert (case["phase"], case["proposal"], case["policy_id"]) == ("proposed", "refer", "none")
    assert "inspection.unknown_rules" in case["problems"]


def test_a_store_that_cannot_be_read_ends_the_inspection_and_not_the_post(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = start()

    def unreadable() -> Policy:
        raise StoreFailed("store.db", "disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(agent.desk._answers._lists, "policy", unreadable)
        case = client.start()
        until(lambda: client.inspection(case["id"])["phase"] == "cancelled")
    assert proposed(client)["proposal"] == "refer"


def test_a_hung_camera_step_does_not_bring_a_cancelled_inspection_back(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = start(READER)
    hung, go_on = threading.Event(), threading.Event()

    def hang(_: CameraRole) -> Sequence[FoundFace]:
        hung.set()
        go_on.wait(60.0)
        return ()

    look(agent, hang, (Step.DOCUMENT, Step.FACE))
    case = client.start()
    lay_down(agent, passport())
    assert hung.wait(60.0)
    thread = agent.desk._collecting[2]  # type: ignore[index]
    monkeypatch.setattr(desk, "CANCEL_SECONDS", 0.1)
    cancelled = client.cancel(case["id"])
    assert client.start()["phase"] == "collecting", "the next traveller does not wait for it"
    time.sleep(agent.desk._times.face)  # the step's time runs out: the next thing it would do is propose
    go_on.set()
    thread.join(60.0)
    assert client.inspection(case["id"]) == cancelled
    with pytest.raises(ApiRefused, match="409 inspection.closed"):
        client.decide(case["id"], "admit", "officer-7", "a second entry for one traveller")


def test_decoders_that_do_not_start_are_a_finding_logged_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    agent, client = start(READER)
    asked: list[float] = []

    def gone(_: CameraRole) -> Sequence[FoundFace]:
        asked.append(time.monotonic())
        raise DecoderCrashed("decoder", "does not start")

    look(agent, gone, (Step.DOCUMENT, Step.PAGE, Step.FACE))
    case = client.start()
    lay_down(agent, passport())
    now = next(now for now in client.events(case["id"]) if now["phase"] == "proposed")
    assert now["proposal"] == "refer" and "decoder.failed" in codes(now)
    assert len(asked) < 20
    assert sum("decoder.crashed" in record.getMessage() for record in caplog.records) == 1


def test_a_cancellation_that_has_no_room_asks_nobody_for_anything_and_can_be_repeated(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = start(READER)
    look(agent, lambda _: (), (Step.DOCUMENT, Step.FACE))
    agent.desk._times = structs.replace(agent.desk._times, face=30.0)
    case = client.start()
    lay_down(agent, passport())
    until(lambda: client.inspection(case["id"])["document"])

    def full(_: object) -> None:
        raise StoreFull("store.db", "no room")

    with monkeypatch.context() as crowded:
        crowded.setattr(agent.desk._recorder, "record", full)
        with pytest.raises(ApiRefused, match="507 store.full"):
            client.cancel(case["id"])
    left = client.inspection(case["id"])
    assert (left["step"], left["open_steps"], left["receipt"]) == (None, [], None)
    assert client.cancel(case["id"])["receipt"]


def test_a_kiosk_learns_nothing_of_another_inspection(start: Start) -> None:
    _, client = start(f"kiosks = [{os.geteuid()}]" + READER)
    case = client.start()
    with pytest.raises(ApiRefused, match="409 inspection.busy") as refused:
        client.start()
    assert case["id"] not in str(refused.value)


def test_a_kiosk_cannot_take_a_traveller_away_from_the_officer(start: Start) -> None:
    agent, client = start(f"kiosks = [{os.geteuid()}]" + READER)
    given_up = client.start()
    assert client.cancel(given_up["id"])["phase"] == "cancelled"
    case = client.start()
    client.skip(case["id"], "document")
    until(lambda: client.inspection(case["id"])["phase"] == "proposed")
    with pytest.raises(ApiRefused, match="409 inspection.wrong_phase"):
        client.cancel(case["id"])
    assert [waiting.id for waiting in agent.desk.cases()] == [case["id"]]


def test_the_same_decision_asked_again_after_a_restart_gives_the_first_receipt(start: Start) -> None:
    _, client = start()
    case = proposed(client)
    receipt = client.decide(case["id"], "refer", "officer-7")["receipt"]
    start.stop()
    agent, client = start()
    entries = agent.verify_journal().entries
    assert client.decide(case["id"], "refer", "officer-7")["receipt"] == receipt
    with pytest.raises(ApiRefused, match="409 inspection.closed"):
        client.decide(case["id"], "admit", "officer-7", "changed my mind")
    with pytest.raises(ApiRefused, match="404 inspection.unknown"):
        client.decide("0" * 32, "refer", "officer-7")
    assert agent.verify_journal().entries == entries


def test_the_terminal_never_says_not_recorded_of_what_was(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = start()
    case = proposed(client)
    decide = AgentClient.decide
    calls: list[str] = []

    def answer_lost_once(self: AgentClient, *words: str) -> dict[str, Any]:
        told = decide(self, *words)
        calls.append(words[0])
        if len(calls) == 1:
            raise AgentGone("agent.sock", "the line to the agent broke after the commit")
        return told

    monkeypatch.setattr(AgentClient, "decide", answer_lost_once)
    told = terminal._decide(client, case, "refer", "officer-7", "", terminal.Console(stderr=True))
    assert told["receipt"] and set(case) <= set(told)


def test_a_second_agent_on_the_same_device_does_not_start(start: Start, folder: Path) -> None:
    start()
    with pytest.raises(AlreadyRunning), Agent(load_config(folder / "agent.toml")):
        pass
    assert not list(folder.glob("*.lost-*"))


def test_fifty_listeners_and_twenty_deaf_ones_do_not_delay_a_decision(start: Start, folder: Path) -> None:
    _, client = start(READER)
    case = client.start()
    ended: list[str] = []

    def listen() -> None:
        with AgentClient(str(folder / "agent.sock"), timeout=30.0) as listener:
            ended.append([now["phase"] for now in listener.events(case["id"])][-1])

    threads = [threading.Thread(target=listen) for _ in range(50)]
    for thread in threads:
        thread.start()
    deaf = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for line in deaf:
        line.connect(str(folder / "agent.sock"))
        line.sendall(f"GET /v1/inspections/{case['id']}/events HTTP/1.1\r\nHost: agent\r\n\r\n".encode())
    client.skip(case["id"], "document")
    until(lambda: client.inspection(case["id"])["phase"] == "proposed")
    assert client.decide(case["id"], "refer", "officer-7")["receipt"]
    for thread in threads:
        thread.join(60.0)
    for line in deaf:
        line.close()
    assert set(ended) == {"confirmed"} and len(ended) == 50


def test_the_mrz_of_these_tests_is_a_good_one() -> None:
    assert parse_mrz(passport(), today=datetime.now(UTC).date()).valid
