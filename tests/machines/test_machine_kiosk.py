"""Role kiosk in a bare root: a session that nobody leaves; and the true window, drawn inside its unit's filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from agent_kit import install_tree
from root_kit import Recap, Root
from unit_kit import Running, exposure, running

UNIT = "borne-kiosk.service"
VARIABLES: dict[str, Any] = {
    # The size of a screen that is not there, as the session makes it up.
    "borne_screen": {"size": "1280x720", "rotation": 180, "touch_matrix": ""},
    "kiosk_silent": True,
}


def test_check_mode_on_a_bare_root(kiosk_root: Root) -> None:
    assert kiosk_root.play("base", "agent", "kiosk", variables=VARIABLES, check=True).failures == ()


def test_converges_and_stays(kiosk_root: Root) -> None:
    first = kiosk_root.play("base", "agent", "kiosk", variables=VARIABLES)
    assert first.failures == ()
    second = kiosk_root.play("base", "agent", "kiosk", variables=VARIABLES)
    assert (second.failures, second.changed_tasks) == ((), ())
    print(f"kiosk: {first.seconds:.0f} s, again {second.seconds:.0f} s")


def test_accounts_and_units(kiosk_root: Root) -> None:
    groups = set(kiosk_root.run("id", "-nG", "borne-kiosk").stdout.split())
    assert groups == {"borne-kiosk", "borne-api", "video", "render", "input", "audio"}
    assert "kiosks = [871]" in kiosk_root.read("/etc/borne/agent.toml")
    for unit in (UNIT, "seatd.service", "borne-agent.service"):
        assert kiosk_root.unit_state(unit) == "enabled"
    for unit in ("suspend.target", "sleep.target"):
        assert kiosk_root.unit_state(unit) == "masked"
    said = kiosk_root.run("systemd-analyze", "verify", "--man=no", UNIT, check=False).stderr
    assert said == ""
    assert exposure(kiosk_root, UNIT) <= 1.6


def test_touches_turn_with_the_picture(kiosk_root: Root) -> None:
    assert '"-1 0 1 0 -1 1"' in kiosk_root.read("/etc/udev/rules.d/71-borne-touch.rules")


@pytest.fixture(scope="module")
def window(kiosk_root: Root) -> Iterator[Running]:
    install_tree(kiosk_root)
    # No screen, no graphics card, no seat here: the session draws into memory. All else is as the unit says.
    with running(kiosk_root, UNIT, {}, WLR_BACKENDS="headless", WLR_RENDERER="pixman") as started:
        yield started


def test_the_window_draws_inside_its_filters(window: Running) -> None:
    assert window.told("READY=1", 90), window.log_text()
    assert window.told("WATCHDOG=1", 15), window.log_text()


def test_the_training_agent_comes_and_goes(kiosk_root: Root, tmp_path_factory: pytest.TempPathFactory) -> None:
    def play(more: dict[str, Any]) -> Recap:
        return kiosk_root.play("kiosk", variables={**VARIABLES, "borne_live": False, **more})

    album = tmp_path_factory.mktemp("album")
    (album / "faces").mkdir()
    (album / "faces" / "one.jpg").write_bytes(b"x")
    refused = play({"kiosk_training": True})
    assert "kiosk_training_album" in " ".join(refused.failures)
    training = {"kiosk_training": True, "kiosk_training_album": str(album)}
    assert play(training).failures == ()
    assert kiosk_root.unit_state("borne-training.service") == "enabled"
    assert "--training-socket /run/borne-training/agent.sock" in kiosk_root.read(f"/etc/systemd/system/{UNIT}")
    assert kiosk_root.at("/usr/share/borne/specimens/faces/one.jpg").exists()
    assert play(training).changed_tasks == ()
    assert play({}).failures == ()
    assert kiosk_root.unit_state("borne-training.service") == "not-found"
