"""Fixtures of reporting's tests: a private broker for each, and one laboratory authority for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from reporting_kit import DEVICE, Post, Puppet, TrueCentre

from mqtt_schemas.centre.register import enrol
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LabAuthority:
    return LabAuthority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def broker(tmp_path: Path, authority: LabAuthority) -> Iterator[LabBroker]:
    with LabBroker(tmp_path / "broker", authority.server()) as running:
        yield running


@pytest.fixture
def puppet(authority: LabAuthority, broker: LabBroker) -> Iterator[Puppet]:
    made = Puppet(authority, broker)
    made.publish_keys()
    yield made
    made.stop()


@pytest.fixture
def post(tmp_path: Path, authority: LabAuthority, broker: LabBroker, puppet: Puppet) -> Post:
    """A device of the puppet's; enter it to start it."""
    return Post(tmp_path / "post", authority, (f"mqtts://localhost:{broker.port}",), puppet.root)


@pytest.fixture
def centre(tmp_path: Path, authority: LabAuthority, broker: LabBroker) -> Iterator[TrueCentre]:
    made = TrueCentre(tmp_path / "centre", authority, broker)
    yield made
    made.stop()


@pytest.fixture
def device(tmp_path: Path, authority: LabAuthority, broker: LabBroker, centre: TrueCentre) -> Post:
    made = Post(tmp_path / "post", authority, (f"mqtts://localhost:{broker.port}",), centre.root)
    enrol(centre.folder, DEVICE, "airport", public_bytes(made.key))
    return made
