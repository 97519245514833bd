"""Switching: a healthy release is confirmed, any other is taken back, and the guard says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from guard_kit import Device, answering


@pytest.fixture
def device(tmp_path: Path) -> Device:
    found = Device(tmp_path)
    found.whole("1.0", "2.0", current="1.0")
    found.with_agent(health_seconds=0)
    return found


def test_a_healthy_release_is_confirmed(device: Device) -> None:
    device.with_agent(health_seconds=5, steady_seconds=0)
    with answering(device):
        state = device.guard("apply", "--version", "2.0", "--by", "kay")
    assert (state["exit"], state["phase"], device.current()) == (0, "confirmed", "2.0")
    assert device.history() == ["switched", "confirmed"]
    assert device.restarts.read_bytes() == b"\n", "restarted once"


@pytest.mark.parametrize(
    ("ailment", "reason"),
    [
        ("dead", "no_answer"),
        ("decoders", "not_ready"),
        ("journal", "journal"),
        ("reader", "device"),
        ("stale", "other_version"),
    ],
)
def test_an_ailing_release_is_taken_back_and_the_reason_told(device: Device, ailment: str, reason: str) -> None:
    with answering(device, v2_0=ailment):
        state = device.guard("apply", "--version", "2.0")
        assert (state["exit"], state["phase"], state["reason"]) == (1, "rolled_back", reason)
        assert device.current() == "1.0"
        assert "1.0" in state["words"]["fr"] and "1.0" in state["words"]["en"]
        assert device.restarts.read_bytes() == b"\n\n", "and the old one started again"
        again = device.guard("apply", "--version", "2.0")
        assert (again["exit"], again["code"]) == (1, "update.taken_back")
    with answering(device):
        device.with_agent(health_seconds=5)
        assert device.guard("apply", "--version", "2.0", "--again")["phase"] == "confirmed"


def test_a_device_that_was_absent_before_is_not_asked_for(device: Device) -> None:
    with answering(device, v1_0="reader", v2_0="reader"):
        assert device.guard("apply", "--version", "2.0")["phase"] == "confirmed"


def test_a_mending_release_may_follow_one_that_does_not_answer(device: Device) -> None:
    with answering(device, v1_0="dead"):
        assert device.guard("apply", "--version", "2.0")["phase"] == "confirmed"


def test_a_service_that_does_not_restart(device: Device) -> None:
    device.with_agent()
    device.set(socket=str(device.socket), restart=["/bin/sh", "-c", "echo no such unit >&2; exit 5"])
    with answering(device):
        state = device.guard("apply", "--version", "2.0")
    assert (state["reason"], state["detail"]) == ("restart", "no such unit")
    assert device.current() == "1.0"


def test_health_must_last(device: Device) -> None:
    """An agent that answers once and dies is not healthy."""
    device.with_agent(health_seconds=1, steady_seconds=1)
    with answering(device) as agent:
        looks = 0
        answers = agent.answers

        def once() -> dict[str, object]:
            nonlocal looks
            looks += device.current() == "2.0"
            if looks > 3:
                agent.behaviour["2.0"] = "dead"
            return answers()

        agent.answers = once  # type: ignore[method-assign]
        assert device.guard("apply", "--version", "2.0")["reason"] == "no_answer"


def test_in_an_image_the_first_start_confirms(device: Device) -> None:
    state = device.guard("apply", "--version", "2.0", "--offline")
    assert (state["phase"], device.current()) == ("switched", "2.0")
    assert not device.restarts.exists()
    assert device.guard("boot")["tries"] == 1
    assert device.guard("stage", device.folder)["code"] == "update.unconfirmed"
    with answering(device):
        assert device.guard("confirm")["phase"] == "confirmed"


def test_an_operator_goes_back_with_a_name(device: Device) -> None:
    with answering(device):
        device.with_agent(health_seconds=5)
        device.guard("apply", "--version", "2.0")
        assert device.guard("rollback")["code"] == "update.by"
        state = device.guard("rollback", "--by", "kay")
        assert (state["phase"], state["reason"], state["detail"]) == ("rolled_back", "operator", "kay")
        assert device.current() == "1.0"
        assert device.guard("rollback", "--by", "kay")["code"] == "update.nothing_before"
    assert device.history()[-1] == "rolled_back"


def test_what_is_not_ready_is_not_switched_to(device: Device) -> None:
    assert device.guard("apply", "--version", "3.0")["code"] == "update.not_staged"
    assert device.guard("apply", "--version", "../../etc")["code"] == "update.not_staged"
    assert device.guard("apply")["code"] == "update.not_staged"


@pytest.mark.parametrize("spoilt", [b"", b"{", b"[]", b'{"phase": "flying"}', b'{"phase": 1}', b"\0" * 4096])
def test_a_state_that_cannot_be_read_leaves_what_runs(device: Device, spoilt: bytes) -> None:
    device.work.mkdir()
    (device.work / "state.json").write_bytes(spoilt)
    assert device.guard("boot")["phase"] == "idle"
    assert device.current() == "1.0"
    assert (device.work / "state.json.bad").read_bytes() == spoilt


def test_a_link_to_nothing_is_mended_at_the_next_start(device: Device) -> None:
    (device.base / "releases" / "1.0" / "release.json").unlink()
    assert device.guard("boot")["target"] == "2.0"
    assert device.current() == "2.0"
    (device.base / "current").unlink()
    device.whole("10.0", "9.0")
    assert device.guard("boot")["exit"] == 0
    assert device.current() == "10.0", "the newest, by number"


def test_no_release_at_all_is_said(tmp_path: Path) -> None:
    found = Device(tmp_path).guard("boot")
    assert (found["exit"], found["code"]) == (1, "update.no_release_here")


def test_the_guard_stands_on_debian_s_python_alone() -> None:
    import ast
    import sys

    from guard_kit import FILES

    for file in (FILES / "borne_guard").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "borne_guard"}, (file.name, name)
