"""Photos and scans of specimen documents from the project's conformance set, read where it lies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from border_agent.decoding.mrz.read import MrzReader

MRZ = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "mrz"
PICTURES = MRZ / "pictures"
LEAST_EXACT = 0.95

pytestmark = pytest.mark.skipif(not PICTURES.is_dir(), reason="the conformance pictures are not here")


def documents() -> Iterator[tuple[str, np.ndarray, tuple[str, ...]]]:
    """Name, pixels and lines of each; no lines where there is no zone."""
    for entry in json.loads((PICTURES / "truth.json").read_text()):
        if entry["kind"] == "document":
            yield entry["file"], cv2.imread(str(PICTURES / entry["file"])), tuple(entry["lines"])
    for entry in json.loads((MRZ / "images" / "manifest.json").read_text())["images"]:
        yield entry["file"], cv2.imread(str(MRZ / "images" / entry["file"])), tuple(entry["lines"])


def test_documents(reader: MrzReader) -> None:
    wrong = {}
    count = 0
    for name, pixels, lines in documents():
        found = reader.find(pixels)
        count += 1
        if (found.lines if found else ()) != lines:
            wrong[name] = found
    assert count >= 24
    assert len(wrong) <= (1 - LEAST_EXACT) * count, wrong
    for found in wrong.values():
        # What is wrong is at least doubted.
        assert found is None or found.least < 0.97
