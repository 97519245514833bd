"""Both stores of the data centre: what asks for `store` runs once over SQLite and once over PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres_kit import Cluster, require_postgres

from mqtt_schemas.centre.folder import StoreSettings


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL of this session's own; skips where there is none to start."""
    require_postgres()
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[StoreSettings]:
    """An empty store."""
    if request.param == "sqlite":
        yield StoreSettings()
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    url = cluster.fresh()
    yield StoreSettings(url=url)
    cluster.give_back(url)
