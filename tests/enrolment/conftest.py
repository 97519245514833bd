"""Fixtures of the enrolment's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from enrolment_kit import TrialCentre, TrialDevice


@pytest.fixture
def centre(tmp_path: Path) -> TrialCentre:
    return TrialCentre(tmp_path / "centre")


@pytest.fixture
def device(tmp_path: Path, centre: TrialCentre) -> TrialDevice:
    return TrialDevice(tmp_path / "device", centre.root)
