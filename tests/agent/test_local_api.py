"""The local API over its real socket: inspections, rights, and what must not be said."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from border_agent.api.client import AgentClient, AgentGone, ApiRefused
from border_agent.api.server import ApiServer, SocketUnusable
from tests.agent.conftest import DEVICE, Start, write_device

READER = """
[devices.document_reader]
name = "mrz"
port = "nobody-there"
"""


def proposed(client: AgentClient, **start: Any) -> dict[str, Any]:
    """An inspection on a device without readers: nothing to collect, so it is proposed at once."""
    case = client.start(**start)
    return next(now for now in client.events(case["id"]) if now["phase"] != "collecting")


def test_capabilities_and_state_say_what_there_is(start: Start) -> None:
    agent, client = start()
    can = client.capabilities()
    assert (can["device"], can["role"], can["steps"]) == (DEVICE, "post", [])
    assert can["languages"] == ["en", "fr"]
    state = client.state()
    assert state["line"]["online"] is False
    assert state["line"]["unacknowledged"] == 2, "the epoch was opened, the agent started"
    assert state["memory_bytes"]["agent"] > 10_000_000
    assert agent.verify_journal().ok


def test_a_traveller_without_anything_goes_to_an_officer_with_the_reasons(start: Start) -> None:
    _, client = start()
    case = proposed(client)
    assert case["proposal"] == "refer"
    codes = {finding["code"] for finding in case["findings"]}
    assert {"document.missing", "list.missing"} <= codes
    for finding in case["findings"]:
        assert finding["title"]["fr"] and finding["title"]["en"]
        assert finding["title"]["fr"] != finding["title"]["en"]


def test_a_decision_is_recorded_once_and_only_then_has_a_receipt(start: Start) -> None:
    agent, client = start()
    case = proposed(client)
    assert case["receipt"] is None
    decided = client.decide(case["id"], "refer", "officer-7")
    assert decided["phase"] == "confirmed"
    assert decided["receipt"]["sequence"] == 3
    # The answer was lost, the client asks again: the first receipt, not a second movement.
    assert client.decide(case["id"], "refer", "officer-7")["receipt"] == decided["receipt"]
    with pytest.raises(ApiRefused, match="409 inspection.closed"):
        client.decide(case["id"], "admit", "officer-8", "changed my mind")
    assert agent.verify_journal().entries == 3


def test_an_override_needs_a_reason_and_a_decision_an_officer(start: Start) -> None:
    _, client = start()
    case = proposed(client)
    with pytest.raises(ApiRefused, match="422 inspection.override_needs_reason"):
        client.decide(case["id"], "refuse", "officer-7")
    with pytest.raises(ApiRefused, match="400 api.bad_request"):
        client.decide(case["id"], "refer", "")
    assert client.decide(case["id"], "refuse", "officer-7", "no document at all")["decision"] == "refuse"


def test_after_a_restart_a_client_can_still_learn_what_was_recorded(start: Start) -> None:
    _, client = start()
    case = proposed(client)
    receipt = client.decide(case["id"], "refer", "officer-7")["receipt"]
    lost = proposed(client)["id"]
    start.stop()
    _, client = start()
    again = client.inspection(case["id"])
    assert again["receipt"] == receipt
    assert again["decision"] == "refer"
    with pytest.raises(ApiRefused, match="404 inspection.unknown"):
        client.inspection(lost)


def test_one_inspection_collects_at_a_time_and_steps_can_be_left_out(start: Start) -> None:
    _, client = start(READER)
    case = client.start()
    with pytest.raises(ApiRefused, match="409 inspection.busy"):
        client.start()
    assert client.capabilities()["devices"] == [{"name": "mrz", "state": "absent", "problems": 0}]
    client.skip(case["id"], "document")
    after = next(now for now in client.events(case["id"]) if now["phase"] != "collecting")
    assert after["skipped"] == ["document"]
    assert after["proposal"] == "refer"


def test_cancelling_ends_it_and_makes_room(start: Start) -> None:
    _, client = start(READER)
    case = client.start()
    assert client.cancel(case["id"])["phase"] == "cancelled"
    with pytest.raises(ApiRefused, match="409"):
        client.decide(case["id"], "refer", "officer-7")
    assert client.start()["phase"] == "collecting"


def test_a_stream_begins_with_a_snapshot_and_ends_with_the_inspection(start: Start) -> None:
    _, client = start(READER)
    case = client.start()
    stream = client.events(case["id"])
    assert next(stream)["phase"] == "collecting"
    client.cancel(case["id"])
    assert [now["phase"] for now in stream][-1] == "cancelled"


def test_a_full_disk_is_never_called_recorded(start: Start) -> None:
    agent, client = start()
    case = proposed(client)
    with agent._store.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    agent._store._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ApiRefused, match="507 store.full"):
        for _ in range(200):
            filler = proposed(client)
            client.decide(filler["id"], "refer", "officer-7")
            case = filler
    pending = [one for one in client._ask("GET", "/v1/inspections")["inspections"] if one["receipt"] is None]
    assert pending, "what was not recorded still waits for its officer"
    agent._store._writer.execute("PRAGMA max_page_count = 1000000")
    recorded = client.decide(pending[-1]["id"], "refer", "officer-7")
    assert recorded["receipt"] is not None
    assert agent.verify_journal().ok
    assert case["id"]


def test_a_kiosk_sees_no_reason_and_decides_nothing(start: Start) -> None:
    _, client = start(f"kiosks = [{os.geteuid()}]")
    case = proposed(client)
    assert set(case) == {"id", "phase", "step", "open_steps", "answered", "chip", "guidance", "slip", "say"}
    assert [word["code"] for word in case["say"]][0] == "see_officer"
    for call in (lambda: client.decide(case["id"], "admit", "me"), client.state):
        with pytest.raises(ApiRefused, match="403 api.not_allowed"):
            call()


def test_a_window_is_told_what_a_traveller_may_read_under_any_account(start: Start, folder: Path) -> None:
    """The kiosk's window asks for less than its account may; nobody can ask for more."""
    _, officer = start()
    case = proposed(officer)
    with AgentClient(str(folder / "agent.sock"), as_kiosk=True) as window:
        assert "findings" not in window.inspection(case["id"])
        with pytest.raises(ApiRefused, match="403 api.not_allowed"):
            window.state()
    assert "findings" in officer.inspection(case["id"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_gets_nothing(start: Start, folder: Path) -> None:
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
                raw.sendall(b"GET /v1/capabilities HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")
                status = 43 if raw.recv(64).startswith(b"HTTP/1.1 403 ") else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 43


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"decision": 7}', b'{"decision":"admit"}', b"\xff" * 100, b" " * 20000, b"[" * 9000]
)
def test_rubbish_in_a_request_is_refused_and_nothing_else(start: Start, folder: Path, body: bytes) -> None:
    _, client = start()
    case = proposed(client)
    transport = httpx.HTTPTransport(uds=str(folder / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://agent") as raw:
        answer = raw.post(f"/v1/inspections/{case['id']}/decision", content=body)
    assert answer.status_code == 400
    assert answer.json()["words"]["fr"]
    assert client.inspection(case["id"])["phase"] == "proposed"


def test_bytes_that_are_no_http_do_not_end_the_server(start: Start, folder: Path) -> None:
    _, client = start()
    for rubbish in (b"\0" * 1000, b"GET", b"POST /v1/inspections HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(folder / "agent.sock"))
            raw.sendall(rubbish)
            time.sleep(0.05)
    assert client.capabilities()["device"] == DEVICE


def test_a_client_is_told_when_the_agent_is_gone(folder: Path) -> None:
    write_device(folder)
    with AgentClient(str(folder / "agent.sock")) as client, pytest.raises(AgentGone):
        client.capabilities()


def test_two_agents_do_not_share_a_socket(start: Start, folder: Path) -> None:
    start()
    with pytest.raises(SocketUnusable):
        ApiServer(lambda *_: None, folder / "agent.sock").start()  # type: ignore[arg-type]


def test_a_store_that_cannot_be_read_is_kept_and_a_new_epoch_says_why(start: Start, folder: Path) -> None:
    _, client = start()
    client.decide(proposed(client)["id"], "refer", "officer-7")
    start.stop()
    (folder / "store.db").write_bytes(b"not a database at all" * 1000)
    agent, client = start()
    assert list(folder.glob("store.db.lost-*")), "nothing is deleted"
    with agent._store.reading() as connection:
        body = connection.execute("SELECT body FROM journal WHERE sequence = 1").fetchone()[0]
    assert b'"reason":"store_lost"' in body
    assert client.decide(proposed(client)["id"], "refer", "officer-7")["receipt"]
