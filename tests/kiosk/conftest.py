"""What the kiosk's tests share: a private screen for each, programs run to their last line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from border_agent.demo.display import private_display
from border_agent.demo.parts import today
from border_agent.specimens.album import build_all

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def display() -> Iterator[str]:
    """An X server of this test's own, large enough for both panels."""
    with private_display(1920, 1920) as name:
        yield name


@pytest.fixture(scope="session")
def album() -> Path:
    """The pictures of the cast, drawn once and shared with `make demo`."""
    folder = REPOSITORY / "build" / "specimens"
    build_all(folder, today())
    return folder


def last_line(module: str, *arguments: str, seconds: float) -> Any:
    """Run a module of the tests and read the JSON of its last line."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    lines = ran.stdout.splitlines()
    assert lines, ran.stderr[-3000:]
    return json.loads(lines[-1])
