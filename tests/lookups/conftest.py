"""Fixtures of the look-ups' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lookup_kit import WatchFeed, open_store

from border_agent.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def feed(store: Store) -> WatchFeed:
    return WatchFeed(store)
