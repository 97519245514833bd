"""The traveller's window: what it is told of the device, its signs of life, and what puts a kiosk out of service."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from border_agent.agent import kiosk
from border_agent.agent.diary import NOTED_AN_HOUR
from border_agent.agent.kiosk import OutOfService
from border_agent.agent.runtime import Agent
from border_agent.agent.window import SignOfLife, Window
from border_agent.api.client import ApiRefused
from border_agent.config import load_config
from border_agent.store import StoreFailed, StoreFull
from mqtt_schemas.records import Policy, Question, QuestionKey
from tests.agent.conftest import DEVICE, Start, write_device
from tests.agent.kiosk_kit import Diary, Moving, kiosk_socket, noted, until

KIOSK = """
[devices.document_reader]
name = "mrz"
port = "nobody-there"
shape = "swipe"
[devices.code_scanner]
name = "codes"
port = "nobody-there-either"
[kiosk]
gate = "A"
counter = "3"
contact_fr = "Le bureau 12"
contact_en = "Office 12"
silent_seconds = 0.3
"""


def test_a_window_is_told_what_it_needs_and_its_keys_are_stable(start: Start, folder: Path) -> None:
    agent, _ = start(KIOSK)
    with kiosk_socket(agent, folder) as window:
        status = window.kiosk()
    assert {key: status[key] for key in ("device", "post", "role", "training", "in_service")} == {
        "device": DEVICE, "post": "", "role": "post", "training": False, "in_service": True,
    }  # fmt: skip
    assert (status["reader"], status["code_by"], status["printer"], status["online"]) == (
        "swipe", ["scanner"], "none", False,
    )  # fmt: skip
    assert status["devices"] == [
        {"role": "document_reader", "state": "absent"},
        {"role": "code_scanner", "state": "absent"},
    ]
    assert (status["gate"], status["counter"]) == ("A", "3")
    assert status["contact"] == {"fr": "Le bureau 12", "en": "Office 12"}
    assert (status["questions"], status["face_minimum_age"], status["call"]) == ([], 12, None)
    assert set(status) == {
        "device", "post", "role", "training", "ready", "in_service", "steps", "reader", "code_by", "devices",
        "document_by", "chip_reader",
        "printer", "online", "gate", "counter", "contact", "questions", "face_minimum_age", "call",
    }  # fmt: skip


def test_questions_are_those_of_the_policy_in_force(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start()
    policy = Policy(
        policy_id="utopia-1",
        rules_version=1,
        country="UTO",
        issuers=(),
        regimes=(),
        face_minimum_age=6,
        questions=(
            Question(key=QuestionKey.PURPOSE, choices=("tourism", "other")),
            Question(key=QuestionKey.ADDRESS),
            Question(key=QuestionKey.UNKNOWN),
        ),
    )
    monkeypatch.setattr(agent._lists, "policy", lambda: policy)
    status = client.kiosk()
    assert status["questions"] == [
        {"key": "purpose", "choices": ["tourism", "other"]},
        {"key": "address", "choices": []},
    ]
    assert status["face_minimum_age"] == 6


def test_silence_and_return_stand_in_the_journal_once_each(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kiosk, "WATCH_SECONDS", 0.05)
    agent, client = start(KIOSK)
    assert client.state()["window"] is None
    time.sleep(0.5)
    assert noted(agent, "window_silent") == [], "a window that was never there is not missed"
    assert client.alive("welcome", 30, 120_000_000)["device"] == DEVICE
    seen = client.state()["window"]
    assert (seen["screen"], seen["frames"], seen["memory_bytes"], seen["silent"]) == (
        "welcome", 30, 120_000_000, False,
    )  # fmt: skip
    until(lambda: noted(agent, "window_silent"))
    time.sleep(0.5)
    silent = client.state()["window"]
    assert silent["silent"] and silent["seen_seconds"] >= 0.3
    client.alive("attract", 30, 1)
    client.alive("attract", 30, 1)
    assert [event for event, _ in noted(agent, "window_silent", "window_back")] == ["window_silent", "window_back"]
    assert noted(agent, "window_silent")[0][1] == {"screen": "welcome"}


def test_a_window_is_silent_when_its_time_is_over_and_not_before() -> None:
    clock, diary = Moving(), Diary()
    window = Window(10.0, diary, clock)
    window.watch()
    window.alive(SignOfLife(screen="face"))
    clock.now += 10.0
    window.watch()
    assert diary.events == []
    clock.now += 0.1
    window.watch()
    clock.now += 3600.0
    window.watch()
    window.alive(SignOfLife(screen="attract"))
    assert diary.events == [
        ("window_silent", {"screen": "face"}),
        ("window_back", {"screen": "attract", "seconds": "3610"}),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"{", b"\xff\xfe", b"[" * 9000, b'{"screen": "' + b"a" * 41 + b'"}', b'{"screen": "a\\nb"}',
        b'{"screen": "attract", "frames": -1}', b'{"frames": 1e300}', b'{"memory_bytes": 99999999999999999999}',
        b'{"name": "Eriksson"}', b" " * 20000,
    ],
)  # fmt: skip
def test_no_sign_of_life_is_taken_that_could_not_be_shown(start: Start, folder: Path, body: bytes) -> None:
    agent, client = start()
    answer = _post(folder, "/v1/kiosk/alive", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "api.bad_request")
    assert client.state()["window"] is None
    assert agent.kiosk.window.view() is None


def test_the_configuration_may_say_out_of_service_and_training(folder: Path) -> None:
    file = write_device(folder, "[kiosk]\nin_service = false\n")
    file.write_text(file.read_text(encoding="utf-8").replace("[device]", "[device]\ntraining = true"))
    with Agent(load_config(file)) as agent:
        status = agent.kiosk.status()
        assert (status.in_service, status.training) == (False, True)
        assert agent.kiosk.out_of_service() == (OutOfService.CONFIGURED,)


def test_a_full_store_is_out_of_service_until_something_could_be_written(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kiosk, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(kiosk, "AGAIN_SECONDS", 0.2)
    agent, client = start()

    def no_room(_: int) -> None:
        raise StoreFull("store.db", "0 bytes free")

    with agent._store.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    with monkeypatch.context() as crowded:
        crowded.setattr(agent._store, "require_room", no_room)
        agent._store._writer.execute(f"PRAGMA max_page_count = {pages}")
        for _ in range(20):
            agent.kiosk._note("filler", {"text": "x" * 1000})
        assert client.kiosk()["in_service"] is False
        assert agent.kiosk.out_of_service() == (OutOfService.STORE,)
        assert client.call_officer()["state"] == "raised", "the bell needs no journal"
        agent._store._writer.execute("PRAGMA max_page_count = 1000000")
        agent.kiosk._note("small", {})
        time.sleep(0.5)
        assert client.kiosk()["in_service"] is False, "one small entry is not room for a traveller"
    until(lambda: client.kiosk()["in_service"])
    assert noted(agent, "store_writable") == [("store_writable", {})]


def test_a_store_that_cannot_be_read_is_out_of_service_and_not_a_dead_screen(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = start()

    def unreadable() -> Policy:
        raise StoreFailed("store.db", "disk I/O error")

    monkeypatch.setattr(agent._lists, "policy", unreadable)
    assert client.kiosk()["in_service"] is False
    assert client.alive("attract", 1, 1)["in_service"] is False


def test_decoders_that_do_not_start_put_out_of_service_only_where_there_are_cameras(start: Start) -> None:
    agent, client = start('[[devices.cameras]]\nname = "face"\nrole = "face"\nsource = "nobody-there"\n')
    keeper: Any = agent._worker._keeper
    keeper.failed_starts = kiosk.FAILED_STARTS - 1
    assert client.kiosk()["in_service"] is True
    keeper.failed_starts = kiosk.FAILED_STARTS
    assert client.kiosk()["in_service"] is False
    start.stop()
    agent, client = start()
    agent._worker._keeper.failed_starts = kiosk.FAILED_STARTS  # type: ignore[union-attr]
    assert client.kiosk()["in_service"] is True


def test_another_kiosks_window_is_no_officer(start: Start, folder: Path) -> None:
    agent, _ = start()
    with kiosk_socket(agent, folder) as window:
        window.alive("attract", 30, 1)
        with pytest.raises(ApiRefused, match="403 api.not_allowed"):
            window.state()


def _post(folder: Path, path: str, body: bytes) -> httpx.Response:
    transport = httpx.HTTPTransport(uds=str(folder / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://agent") as raw:
        return raw.post(path, content=body)


def test_a_window_that_comes_and_goes_all_day_does_not_fill_the_disk() -> None:
    clock, diary = Moving(), Diary()
    window = Window(1.0, diary, clock)
    for _ in range(500):
        window.alive(SignOfLife())
        clock.now += 2.0
        window.watch()
    assert len(diary.events) == NOTED_AN_HOUR
