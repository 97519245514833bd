"""One reader for all tests here: its network is loaded once."""

from __future__ import annotations

import cv2
import pytest

from border_agent.decoding.mrz.read import MrzReader


@pytest.fixture(scope="session")
def reader() -> MrzReader:
    cv2.setNumThreads(1)
    return MrzReader()
