"""Fixtures of the post's tests: a broker of its own for each, and a kiosk and two counters that know each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from post_kit import World

from mqtt_schemas.lab.broker import POST_ACL, LabBroker
from mqtt_schemas.lab.pki import LabAuthority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LabAuthority:
    return LabAuthority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def broker(tmp_path: Path, authority: LabAuthority) -> Iterator[LabBroker]:
    with LabBroker(tmp_path / "broker", authority.server(), acl=POST_ACL) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, authority: LabAuthority, broker: LabBroker) -> Iterator[World]:
    made = World(tmp_path, authority, broker)
    yield made
    for station in made.stations:
        if hasattr(station, "_stack"):
            station.close()
