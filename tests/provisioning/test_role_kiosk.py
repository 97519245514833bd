"""Role kiosk: one window that nobody leaves, turned and calibrated as the inventory says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from role_kit import exposure, render

KIOSK = "amaurote-aeroport-b1"


def started(**more: object) -> list[str]:
    unit = render("kiosk", "borne-kiosk.service.j2", KIOSK, **more).replace("\\\n", "")
    return next(line for line in unit.splitlines() if line.startswith("ExecStart=")).partition("=")[2].split()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_nobody_changes_the_virtual_terminal(rotation: int) -> None:
    words = started(borne_screen={"size": "1080x1920", "rotation": rotation})
    ours, _, theirs = " ".join(words).partition(" -- ")
    options = [word for word in ours.split()[1:] if word.startswith("-")]
    assert not [word for word in options if "s" in word]
    assert [word for word in options if "r" in word] == (["-" + "r" * (rotation // 90)] if rotation else [])
    assert theirs.startswith("/opt/borne/current/bin/borne kiosk run --socket /run/borne/agent.sock --size 1080x1920")


def test_the_window_knows_its_command_line() -> None:
    from border_agent.cli.kiosk import run

    words = started(kiosk_training=True, kiosk_jack="/dev/input/by-path/x", kiosk_silent=True)
    words = words[words.index("run") + 1 :]
    with run.make_context("run", list(words)) as context:
        assert context.params["socket"] == "/run/borne/agent.sock"
        assert context.params["training_socket"] == "/run/borne-training/agent.sock"
        assert context.params["size"] == (1280, 800)
        assert context.params["fullscreen"] and context.params["silent"]


def test_touches_turn_with_the_picture() -> None:
    def rules(**screen: object) -> str:
        return render("kiosk", "71-borne-touch.rules.j2", KIOSK, borne_screen={"size": "1080x1920", **screen})

    assert "LIBINPUT" not in rules(rotation=0)
    assert 'ENV{LIBINPUT_CALIBRATION_MATRIX}="0 -1 1 1 0 0"' in rules(rotation=90)
    assert 'ENV{LIBINPUT_CALIBRATION_MATRIX}="1.1 0 0 0 1 0"' in rules(rotation=90, touch_matrix="1.1 0 0 0 1 0")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize(("template", "most"), [("borne-kiosk.service", 1.6), ("borne-training.service", 1.4)])
def test_the_services_are_closed(tmp_path: Path, template: str, most: float) -> None:
    unit = tmp_path / template
    unit.write_text(render("kiosk", f"{template}.j2", KIOSK), encoding="utf-8")
    assert exposure(unit) <= most
