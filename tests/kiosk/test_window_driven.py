"""The window on the true agent: whole visits and every fault by touches through X; a window nobody sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kiosk.conftest import REPOSITORY, last_line

BORNE = [sys.executable, "-m", "border_agent.cli"]


FEWER = ("whole_flow", "officer_called", "out_of_paper", "reader_unplugged", "comfort", "agent_killed")


@pytest.mark.timeout(600)
def test_visits_and_faults(album: Path, pytestconfig: pytest.Config) -> None:
    """Flows in French, English, Arabic; agent killed, reader pulled, paper out, line down, officer called."""
    whole = pytestconfig.getoption("whole")
    chosen = ["--quick"] if whole else ["--only", ",".join(FEWER)]
    outcome = last_line("tests.kiosk.drive", str(album), *chosen, seconds=500)
    assert {name: fault for name, fault in outcome.items() if fault} == {}
    assert len(outcome) == (15 if whole else len(FEWER))


@pytest.mark.timeout(300)
def test_the_scripted_flow_by_its_command(album: Path, tmp_path: Path) -> None:
    """`borne kiosk demo --scripted`: questions answered, slips printed, pictures kept, the JSON's keys."""
    ran = subprocess.run(
        [
            *BORNE,
            *("kiosk", "demo", "--scripted", "--questions", "--travellers", "3", "--size", "1280x800", "--json"),
            *("--pictures", str(tmp_path / "pictures"), "--album", str(album)),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert (found["travellers"], found["slips"]) == (3, 3)
    assert found["within_20_seconds"]
    assert set(found["results"].values()) <= {"result-counter", "result-officer", "result-gate"}
    kept = sorted(file.name for file in (tmp_path / "pictures" / "01-fr").iterdir())
    assert [name.split("-", 1)[1] for name in kept][:6] == [
        "attract.png",
        "language.png",
        "passport.png",
        "visa.png",
        "face.png",
        "purpose.png",
    ]


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"DISPLAY": ""}, "DISPLAY"),
        ({"DISPLAY": ":987", "SDL_VIDEODRIVER": "offscreen"}, "offscreen"),
    ],
)
def test_a_window_nobody_sees_is_an_error_in_words(tmp_path: Path, environment: dict[str, str], why: str) -> None:
    """Kivy would go on off-screen, exit status 0, and the traveller would see a black screen."""
    ran = subprocess.run(
        [*BORNE, "kiosk", "run", "--socket", str(tmp_path / "none.sock"), "--window", "--silent"],
        env={**os.environ, "LANG": "en_GB.UTF-8", "LC_ALL": "en_GB.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2
    assert "graphical session" in ran.stderr
    assert why in ran.stderr


def test_a_size_no_panel_has_is_wrong_use(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*BORNE, "kiosk", "run", "--socket", str(tmp_path / "none.sock"), "--size", "12x9"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2
