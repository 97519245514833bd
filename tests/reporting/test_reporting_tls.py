"""Who may be at the other end: certificates, dates, addresses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from reporting_kit import DEVICE, Post, Puppet, TrueCentre, event, wait_for

from border_agent.clock import Clock
from border_agent.reporting import BadLine, BadRoot, ReportingService
from border_agent.reporting.link import parse_broker
from mqtt_schemas.lab import pki
from mqtt_schemas.lab.broker import LabBroker
from mqtt_schemas.lab.pki import LabAuthority


def test_the_next_broker_of_the_list_is_tried(device: Post, centre: TrueCentre) -> None:
    device.brokers = ("mqtts://localhost:1", *device.brokers)
    with device:
        wait_for(device.drained)
        assert device.service.status().broker == device.brokers[1].removeprefix("mqtts://")


def test_a_broker_of_another_authority_is_refused(tmp_path: Path, device: Post, authority: LabAuthority) -> None:
    stranger = LabAuthority(tmp_path / "stranger", "Stranger")
    with LabBroker(tmp_path / "other", stranger.server()) as other:
        device.brokers = (f"mqtts://localhost:{other.port}",)
        with device:
            wait_for(lambda: "refused" in device.problems())
            assert not device.service.status().online
            device.journal.commit([event()])


def test_a_device_of_another_authority_is_refused_and_lives(
    tmp_path: Path, device: Post, authority: LabAuthority
) -> None:
    stranger = LabAuthority(tmp_path / "stranger", "Stranger")
    identity = stranger.client(DEVICE)
    with device:
        wait_for(device.drained)
    settings = device.settings()
    device.open()
    device.service = ReportingService(
        device.store,
        device.journal,
        device.clock,
        type(settings)(
            brokers=settings.brokers,
            authority=settings.authority,
            certificate=identity.certificate,
            key=identity.key,
            root=settings.root,
            retry_first=0.1,
        ),
    )
    device.service.start()
    wait_for(lambda: "refused" in device.problems())
    receipt = device.journal.commit([event()])
    assert device.service.status().last_sequence == receipt.sequence
    device.close()


class _Later(datetime):
    """The laboratory's clock, 30 days fast."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(days=30)


@pytest.mark.parametrize("knows_better", [True, False])
def test_a_certificate_of_the_future_by_a_wrong_system_clock(
    tmp_path: Path, authority: LabAuthority, monkeypatch: pytest.MonkeyPatch, knows_better: bool
) -> None:
    """The system's clock is a month behind the certificate's beginning; the floor says it is wrong."""
    monkeypatch.setattr(pki, "datetime", _Later)
    server = authority.server(f"future-broker-{knows_better}".lower())
    monkeypatch.undo()
    clock = Clock()
    if knows_better:
        clock.raise_floor(datetime.now(UTC) + timedelta(days=31))
    with LabBroker(tmp_path / "future", server) as broker:
        puppet = Puppet(authority, broker, check_time=False)
        puppet.publish_keys()
        url = f"mqtts://localhost:{broker.port}"
        with Post(tmp_path / "post", authority, (url,), puppet.root, clock=clock) as post:
            if knows_better:
                wait_for(lambda: post.count("acks.taken") > 0)
            else:
                wait_for(lambda: "refused" in post.problems())
        puppet.stop()


def test_an_expired_certificate_is_refused_by_the_agents_own_clock(tmp_path: Path, device: Post) -> None:
    """OpenSSL is told not to look; the agent's clock, which cannot be too late, does."""
    device.clock.raise_floor(datetime.now(UTC) + timedelta(days=6 * 365))
    with device:
        wait_for(lambda: "refused" in device.problems())
        assert not device.service.status().online


@pytest.mark.parametrize(
    "url",
    ["mqtt://localhost:1883", "localhost", "mqtts://", "mqtts://h:99999", "mqtts://h/path", "mqtts://u@h", ""],
)
def test_an_address_without_tls_or_sense_is_no_broker(url: str) -> None:
    with pytest.raises(BadLine):
        parse_broker(url)
    assert str(parse_broker("mqtts://[::1]")) == "::1:8883"


def test_settings_that_cannot_work_are_said_at_once(device: Post, tmp_path: Path) -> None:
    device.root = b"short"
    with pytest.raises(BadRoot):
        device.open()
    device.store.close()
    device.root = b"\0" * 32
    device.brokers = ()
    with pytest.raises(BadLine):
        device.open()
    device.store.close()
    device.brokers = ("mqtts://localhost:1",)
    device.authority = LabAuthority(tmp_path / "other")
    device.authority.client(DEVICE).certificate.write_text("rubbish")
    with pytest.raises(BadLine):
        device.open()
    device.store.close()
