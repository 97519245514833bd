"""Role post: its broker has the rules and limits of the contract, and opens to its own networks only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from role_kit import exposure, render

from mqtt_schemas.lab.broker import POST_ACL
from mqtt_schemas.messages import LARGEST_MESSAGE

BROKER = "amaurote-aeroport-g1"


def settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_rules_are_the_contracts() -> None:
    assert settings(render("post", "lan-broker.acl.j2", BROKER)) == settings(POST_ACL)


def test_nobody_comes_in_without_a_certificate_and_nobody_is_locked_out_by_a_list() -> None:
    lines = settings(render("post", "lan-broker.conf.j2", BROKER))
    for line in ("require_certificate true", "tls_version tlsv1.3", "allow_anonymous false", "persistence false"):
        assert line in lines
    assert f"message_size_limit {LARGEST_MESSAGE}" in lines
    assert not [line for line in lines if line.startswith("crlfile")]
    assert [line for line in lines if line.startswith("listener")] == ["listener 8883"]


def test_the_ports_are_the_agents() -> None:
    agent = render("agent", "agent.toml.j2", BROKER)
    assert "mqtts://10.25.1.11:8883" in agent and "port = 8443" in agent
    assert 'metrics_token = "/var/lib/borne/metrics.token"' in agent


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_brokers_service_is_closed(tmp_path: Path) -> None:
    unit = tmp_path / "borne-lan-broker.service"
    unit.write_text(render("post", "borne-lan-broker.service.j2", BROKER), encoding="utf-8")
    assert exposure(unit) <= 1.2
