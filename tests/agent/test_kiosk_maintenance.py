"""The maintenance screen: what a technician sees, devices really tried out, a machine really told to restart."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from border_agent.agent import devices, maintenance
from border_agent.agent.logring import KEPT, LogRing
from border_agent.agent.machine import disk, interfaces
from border_agent.agent.runtime import Agent
from border_agent.api.app import create_app
from border_agent.api.client import AgentClient, ApiRefused
from border_agent.api.server import ApiServer
from border_agent.config import load_config
from firmware_bridge.virtual.launch import CameraTwin, PrinterTwin, SerialTwin
from tests.agent.conftest import DEVICE, Start, write_device
from tests.agent.kiosk_kit import kiosk_socket, noted, until

READERS = """
[devices.document_reader]
name = "mrz"
port = "mrz"
[devices.code_scanner]
name = "codes"
port = "nobody-there"
[devices.printer]
name = "printer"
port = "printer"
[[devices.cameras]]
name = "face"
role = "face"
source = "{url}"
"""


@pytest.fixture
def twins(folder: Path) -> Iterator[tuple[SerialTwin, PrinterTwin, CameraTwin]]:
    with (
        SerialTwin(folder / "mrz") as reader,
        PrinterTwin(folder / "printer", folder / "slips") as printer,
        CameraTwin() as camera,
    ):
        yield reader, printer, camera


def test_a_technician_sees_how_device_and_machine_are(start: Start, folder: Path) -> None:
    _, officer = start(READERS.format(url="nobody-there"))
    officer.alive("maintenance", 30, 5)
    seen = officer.maintenance()
    assert (seen["device"], seen["role"], seen["training"], seen["can_reboot"]) == (DEVICE, "post", False, False)
    assert [(one["role"], one["name"], one["state"]) for one in seen["devices"]] == [
        ("document_reader", "mrz", "absent"),
        ("code_scanner", "codes", "absent"),
        ("face_camera", "face", "absent"),
        ("printer", "printer", "absent"),
    ]
    assert all(one["problems"] == 0 and one["last_problem"] == "" for one in seen["devices"])
    assert (seen["printer"], seen["in_service"], seen["out_of_service"]) == ("absent", True, [])
    assert (seen["line"]["online"], seen["line"]["unacknowledged"]) == (False, 2)
    assert (seen["lists"], seen["window"]["screen"]) == ([], "maintenance")
    assert seen["clock"]["quality"] in {"unknown", "synchronised"}
    assert 0 < seen["disk"]["free_bytes"] <= seen["disk"]["total_bytes"]
    assert seen["memory_bytes"]["agent"] > 10_000_000
    assert seen["software"] and seen["python"].startswith("3.") and seen["kernel"]
    assert seen["uptime_seconds"] > 0
    assert "127.0.0.1" in next(one for one in seen["network"] if one["name"] == "lo")["addresses"]
    assert seen["log"] == [], "no ring was given to this agent"


def test_every_device_is_tried_out_for_what_it_is_for(
    start: Start, folder: Path, twins: tuple[SerialTwin, PrinterTwin, CameraTwin]
) -> None:
    reader, printer, camera = twins
    agent, officer = start(READERS.format(url=camera.url))
    until(lambda: _states(officer).count("ready") == 3)
    assert officer.test_device("document_reader") == {"device": "document_reader", "passed": True, "code": ""}
    assert officer.test_device("face_camera")["passed"] is True
    assert officer.test_device("printer")["passed"] is True
    assert len(printer.slips()) == 1
    assert officer.test_device("code_scanner") == {"device": "code_scanner", "passed": False, "code": "device.absent"}
    with pytest.raises(ApiRefused, match="409 maintenance.no_device"):
        officer.test_device("document_camera")
    reader.unplug()
    printer.cover("open")
    camera.stop()
    until(lambda: officer.kiosk()["printer"] == "cover_open" and _states(officer).count("ready") == 1)
    assert officer.test_device("document_reader")["code"] == "device.absent"
    assert officer.test_device("printer")["code"] == "printer.cover_open"
    assert officer.test_device("face_camera")["code"] in {"device.absent", "device.failed"}
    tested = [details for _, details in noted(agent, "device_tested")]
    assert tested[0] == {"device": "document_reader", "outcome": "passed", "number": ""}
    assert tested[-2] == {"device": "printer", "outcome": "printer.cover_open", "number": ""}
    assert len(tested) == 7


def test_a_camera_that_shows_nothing_new_has_not_passed(
    start: Start, twins: tuple[SerialTwin, PrinterTwin, CameraTwin], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "FRAME_SECONDS", 0.2)
    camera = twins[2]
    agent, officer = start(READERS.format(url=camera.url))
    until(lambda: officer.test_device("face_camera")["passed"])
    monkeypatch.setattr(agent.kiosk.devices._cameras[devices.DeviceRole.FACE_CAMERA], "latest", lambda _: None)
    assert officer.test_device("face_camera") == {
        "device": "face_camera", "passed": False, "code": "device.no_frame",
    }  # fmt: skip


def test_the_configured_command_is_really_run_word_by_word(start: Start, folder: Path) -> None:
    script = folder / "reboot"
    script.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {folder}/asked\n', encoding="utf-8")
    script.chmod(0o755)
    agent, officer = start(f"[kiosk]\nreboot = {json.dumps([str(script), '; touch /tmp/x', '$HOME'])}\n")
    assert officer.maintenance()["can_reboot"] is True
    assert officer.reboot() == {"rebooting": True}
    assert (folder / "asked").read_text(encoding="utf-8") == "; touch /tmp/x|$HOME|", "no shell was in between"
    assert noted(agent, "reboot_asked") == [("reboot_asked", {"number": ""})]


def test_a_command_that_fails_is_told_and_one_that_takes_long_is_trusted(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, officer = start('[kiosk]\nreboot = ["/bin/false"]\n')
    with pytest.raises(ApiRefused, match="500 maintenance.reboot_failed ended with 1"):
        officer.reboot()
    start.stop()
    agent, officer = start('[kiosk]\nreboot = ["/nobody/there"]\n')
    with pytest.raises(ApiRefused, match="500 maintenance.reboot_failed"):
        officer.reboot()
    assert noted(agent, "reboot_asked")
    start.stop()
    monkeypatch.setattr(maintenance, "REBOOT_SECONDS", 0.2)
    agent, officer = start('[kiosk]\nreboot = ["/bin/sleep", "2"]\n')
    begun = time.monotonic()
    assert officer.reboot() == {"rebooting": True}
    assert time.monotonic() - begun < 2.0


def test_where_no_command_is_configured_nothing_is_restarted(start: Start) -> None:
    agent, officer = start()
    with pytest.raises(ApiRefused, match="409 maintenance.no_reboot"):
        officer.reboot()
    assert noted(agent, "reboot_asked") == []


def test_the_window_alone_opens_nothing(start: Start, folder: Path) -> None:
    agent, _ = start('[kiosk]\nreboot = ["/bin/true"]\n')
    with kiosk_socket(agent, folder) as window:
        for call in (window.maintenance, window.reboot, lambda: window.test_device("printer", "no such token")):
            with pytest.raises(ApiRefused, match="401 staff.refused"):
                call()
    assert noted(agent, "reboot_asked", "device_tested") == []


@pytest.mark.parametrize("body", [b"", b'{"device": "bomb"}', b'{"device": ["printer"]}', b"[" * 9000, b" " * 20000])
def test_rubbish_tests_nothing(start: Start, folder: Path, body: bytes) -> None:
    agent, _ = start()
    transport = httpx.HTTPTransport(uds=str(folder / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://agent") as raw:
        answer = raw.post("/v1/maintenance/test", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "api.bad_request")
    assert noted(agent, "device_tested") == []


def test_the_screen_shows_the_logs_last_lines(folder: Path) -> None:
    ring = LogRing()
    root = logging.getLogger()
    root.addHandler(ring)
    config = load_config(write_device(folder))
    try:
        with Agent(config, ring) as agent:
            server = ApiServer(create_app(agent), config.path(config.api.socket))
            server.start()
            for number in range(100):
                logging.getLogger("borne.test").warning("line %d", number)
            with AgentClient(str(config.path(config.api.socket))) as client:
                log = client.maintenance()["log"]
            server.stop()
    finally:
        root.removeHandler(ring)
    assert len(log) == maintenance.LOG_LINES
    assert any(line.endswith("WARNING borne.test: line 99") for line in log)


def test_the_ring_is_bounded_and_holds_no_traceback() -> None:
    ring = LogRing()
    log = logging.getLogger("borne.test.ring")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.addHandler(ring)
    for number in range(KEPT + 5):
        log.info("%d %s", number, "x" * 10_000)
    try:
        raise ValueError("TRAORE Moussa")
    except ValueError:
        log.exception("it failed\nin two lines")
    log.info("%d", "no number")  # must not end whoever logs
    lines = ring.last(KEPT * 2)
    assert len(lines) == KEPT
    assert max(map(len, lines)) <= 300
    assert lines[-1].endswith("ERROR borne.test.ring: it failed in two lines")
    assert "TRAORE" not in "".join(lines)


def test_a_machine_that_tells_nothing_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk(tmp_path / "gone") is None
    monkeypatch.setattr("border_agent.agent.machine._IPV6", tmp_path / "gone")
    (tmp_path / "net" / "lo").mkdir(parents=True)
    (tmp_path / "net" / "bonding_masters").write_text("", encoding="ascii")
    monkeypatch.setattr("border_agent.agent.machine._INTERFACES", tmp_path / "net")
    assert [(one.name, one.state) for one in interfaces()] == [("lo", "")]
    (tmp_path / "six").write_text("zz rubbish\n", encoding="ascii")
    monkeypatch.setattr("border_agent.agent.machine._IPV6", tmp_path / "six")
    assert interfaces()
    monkeypatch.setattr("border_agent.agent.machine._INTERFACES", tmp_path / "gone")
    assert interfaces() == ()


def _states(client: AgentClient) -> list[str]:
    return [device["state"] for device in client.kiosk()["devices"]]
