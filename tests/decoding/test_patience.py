"""An emulated machine's children get more time; nothing else changes, and nothing makes it less."""

from __future__ import annotations

import subprocess
import sys

import pytest

from border_agent.decoding.patience import MOST, VARIABLE, patience


@pytest.mark.parametrize(
    ("said", "factor"),
    [("", 1.0), ("10", 10.0), ("2.5", 2.5), ("0.1", 1.0), ("-3", 1.0), ("nan", 1.0), ("1e9", MOST), ("dix", 1.0)],
)
def test_what_the_variable_says(said: str, factor: float) -> None:
    assert patience({VARIABLE: said}) == factor


def test_without_the_variable_nothing_is_longer() -> None:
    assert patience({}) == 1.0


def test_the_worker_gets_the_longer_start() -> None:
    program = "from border_agent.decoding.client import START_SECONDS; print(START_SECONDS)"
    done = subprocess.run(
        [sys.executable, "-c", program], env={VARIABLE: "10"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "300.0"
