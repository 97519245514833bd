"""The main job from end to end, in the short form: real broker, centre, agent and devices on the wire."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from firmware_bridge.virtual.pcsc_stack import PcscStack

REPOSITORY = Path(__file__).resolve().parents[2]
BORNE = REPOSITORY / ".venv" / "bin" / "borne"
SHORT = {"1": "admit", "2": "refuse", "5": "refuse", "6": "refuse", "7": "refer", "8": "refer", "13": "admit"}


@pytest.mark.timeout(480)
def test_a_flight_passes_through_an_outage_and_a_kill_and_nothing_is_lost() -> None:
    # The README's own command, with the short form's option.
    command = ["make", "--silent", "demo", "ARGS=--short --json"]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=470)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    result = json.loads(ran.stdout)
    chips = not PcscStack.obstacle()
    wanted = SHORT | ({"15": "refer"} if chips else {})
    assert result["verdicts"] == wanted
    assert result["as_expected"] is True
    assert result["travellers"] == result["entries_decided"] == result["entries_at_centre"] == len(wanted)
    assert (result["lost"], result["duplicated"], result["chain_ok"], result["kills"]) == (0, 0, True, 1)
    assert result["outage_seconds"] > 0
    if chips:
        # All but the eighth, whose passport has none.
        assert (result["chips"]["read"], result["chips"]["copies"]) == (7, 1)
        assert "chip.cloned" in result["findings"]["15"] and "chip.verified" in result["findings"]["1"]
    else:
        assert result["chips"] == {"copies": 0}
    assert set(result["step_ms"]) == {"document", "page", "visa", "face", "decide", "commit", "total"}
    assert all(set(numbers) == {"p50", "p95"} for numbers in result["step_ms"].values())


@pytest.mark.parametrize("language", ["fr_FR.UTF-8", "en_GB.UTF-8"])
def test_help_is_in_the_persons_language(language: str) -> None:
    environment = {**os.environ, "LC_ALL": language, "LANGUAGE": ""}
    ran = subprocess.run([BORNE, "demo", "--help"], env=environment, capture_output=True, text=True, check=True)
    french = language.startswith("fr")
    assert ("Un vol arrive" in ran.stdout) is french
    assert ("A flight arrives" in ran.stdout) is not french
    assert ("Affiche cette aide" in ran.stdout) is french
