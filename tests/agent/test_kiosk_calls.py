"""Calls for an officer: heard at once, written down, and nobody's to hear but officers'."""

from __future__ import annotations

import os
import queue
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from border_agent.agent.calls import CLOSED_KEPT, CallClosed, Calls, CallState, NoSuchCall
from border_agent.agent.diary import NOTED_AN_HOUR
from border_agent.agent.hub import Hub
from border_agent.api.client import AgentClient, ApiRefused
from border_agent.inspection.slip import slip_code
from tests.agent.conftest import DEVICE, Start
from tests.agent.kiosk_kit import Diary, Moving, kiosk_socket, noted
from tests.agent.test_local_api import READER, proposed

INSPECTION = "0123456789abcdef" * 2


def test_an_officer_hears_a_call_answers_and_ends_it(start: Start, folder: Path) -> None:
    agent, officer = start('[kiosk]\ngate = "A"\ncounter = "3"\n')
    heard: queue.SimpleQueue[list[dict[str, Any]]] = queue.SimpleQueue()
    with kiosk_socket(agent, folder) as window, AgentClient(str(folder / "agent.sock")) as ear:
        threading.Thread(target=lambda: [heard.put(now) for now in _listen(ear)], daemon=True).start()
        assert heard.get(timeout=20) == []
        case = proposed(window)
        call = window.call_officer(case["id"])
        assert window.call_officer(case["id"]) == call, "a second press is the same call"
        assert set(call) == {"id", "state"}, "a kiosk learns nothing else"
        (raised,) = heard.get(timeout=20)
        assert (raised["id"], raised["state"], raised["inspection"]) == (call["id"], "raised", case["id"])
        assert (raised["device"], raised["gate"], raised["counter"]) == (DEVICE, "A", "3")
        assert raised["slip"] == slip_code(case["id"])
        assert officer.answer_call(call["id"], "officer-7")["state"] == "answered"
        assert heard.get(timeout=20)[0]["officer"] == "officer-7"
        assert window.kiosk()["call"] == {"id": call["id"], "state": "answered"}
        officer.decide(case["id"], "refer", "officer-7")
        assert window.kiosk()["call"] is not None, "a call outlives its inspection"
        assert officer.end_call(call["id"], "officer-7")["state"] == "ended"
        assert heard.get(timeout=20) == []
        assert window.kiosk()["call"] is None
        assert officer.end_call(call["id"], "officer-7")["state"] == "ended", "the answer was lost"
        assert window.call_officer()["id"] != call["id"]
    assert noted(agent, "officer_called", "call_answered", "call_ended") == [
        ("officer_called", {"inspection": case["id"]}),
        ("call_answered", {"inspection": case["id"], "officer": "officer-7"}),
        ("call_ended", {"inspection": case["id"], "officer": "officer-7"}),
        ("officer_called", {"inspection": ""}),
    ]


def test_a_kiosk_may_call_and_withdraw_and_nothing_else(start: Start, folder: Path) -> None:
    agent, officer = start(READER)
    with kiosk_socket(agent, folder) as window:
        call = window.call_officer()["id"]
        for forbidden in (
            window.calls,
            lambda: next(window.call_events()),
            lambda: window.answer_call(call, "me"),
            lambda: window.end_call(call, "me"),
        ):
            with pytest.raises(ApiRefused, match="403 api.not_allowed"):
                forbidden()
        assert [one["state"] for one in officer.calls()] == ["raised"]
        assert window.withdraw_call(call)["state"] == "withdrawn"
        assert window.withdraw_call(call)["state"] == "withdrawn"
        assert officer.calls() == []
        with pytest.raises(ApiRefused, match="409 call.closed"):
            officer.answer_call(call, "officer-7")
        for unknown in (window.withdraw_call, lambda one: officer.answer_call(one, "x")):
            with pytest.raises(ApiRefused, match="404 call.unknown"):
                unknown("00" * 8)
    assert [event for event, _ in noted(agent, "officer_called", "call_withdrawn")] == [
        "officer_called",
        "call_withdrawn",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /v1/kiosk",
        b"GET /v1/calls",
        b"POST /v1/calls",
        b"GET /v1/maintenance",
        b"POST /v1/staff/sign-in",
    ],
)
def test_another_user_of_the_machine_gets_nothing(start: Start, folder: Path, request_line: bytes) -> None:
    start()
    folder.chmod(0o755)
    (folder / "agent.sock").chmod(0o777)
    child = os.fork()
    if child == 0:  # pragma: no cover
        # System calls only: this process has threads, and a lock that one of them held is held for ever here.
        status = 1
        try:
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as raw:
                raw.connect(str(folder / "agent.sock"))
                raw.sendall(
                    request_line + b" HTTP/1.1\r\nHost: agent\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                status = 43 if raw.recv(64).startswith(b"HTTP/1.1 403 ") else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 43


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/calls", b'{"inspection": "../etc"}'),
        ("/v1/calls", b'{"inspection": "' + INSPECTION.upper().encode() + b'"}'),
        ("/v1/calls", b'{"inspection": "' + INSPECTION.encode() + b'\\n"}'),
        ("/v1/calls", b'{"reason": "a reason is nobody\'s business"}'),
        ("/v1/calls", b"[" * 9000),
        ("/v1/calls", b" " * 20000),
        ("/v1/calls/{id}/answer", b"{}"),
        ("/v1/calls/{id}/answer", b'{"officer": ""}'),
        ("/v1/calls/{id}/answer", b'{"officer": "a\\u001b[2Jb"}'),
        ("/v1/calls/{id}/end", b'{"officer": "' + b"o" * 65 + b'"}'),
    ],
)
def test_rubbish_raises_answers_and_ends_nothing(start: Start, folder: Path, path: str, body: bytes) -> None:
    _, client = start()
    call = client.call_officer() if "{id}" in path else {"id": ""}
    transport = httpx.HTTPTransport(uds=str(folder / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://agent") as raw:
        answer = raw.post(path.format(**call), content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "api.bad_request")
    assert [one["state"] for one in client.calls()] == (["raised"] if "{id}" in path else [])


def calls_with(diary: Diary, clock: Moving | None = None) -> Calls:
    return Calls(diary, lambda: datetime(2026, 11, 25, tzinfo=UTC), Hub(), clock or Moving())


def test_another_officer_may_take_over() -> None:
    diary = Diary()
    calls = calls_with(diary)
    call = calls.raise_call(INSPECTION)
    calls.answer(call.id, "officer-7")
    calls.answer(call.id, "officer-7")
    assert calls.answer(call.id, "officer-8").officer == "officer-8"
    assert calls.withdraw(call.id).state is CallState.WITHDRAWN
    with pytest.raises(CallClosed):
        calls.answer(call.id, "officer-7")
    assert diary.names == ["officer_called", "call_answered", "call_answered", "call_withdrawn"]


def test_a_child_at_the_button_does_not_fill_the_disk() -> None:
    diary, clock = Diary(), Moving()
    calls = calls_with(diary, clock)
    for _ in range(500):
        call = calls.raise_call("")
        assert call.open, "the officer hears every one"
        assert calls.withdraw(call.id).state is CallState.WITHDRAWN
    assert len(diary.events) == NOTED_AN_HOUR
    assert len(calls._closed) == CLOSED_KEPT
    with pytest.raises(NoSuchCall):
        calls.withdraw("gone")
    clock.now += 3601.0
    calls.raise_call("")
    assert len(diary.events) == NOTED_AN_HOUR + 1


def _listen(client: AgentClient) -> Any:
    try:
        yield from client.call_events()
    except Exception:
        return  # the agent ends with the test
