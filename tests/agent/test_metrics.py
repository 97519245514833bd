"""Figures for Prometheus over the local API: what they count, who may read them, and what is never in them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from border_agent.store import StoreFailed
from mqtt_schemas.entries import Decision
from tests.agent.conftest import Start
from tests.agent.kiosk_kit import kiosk_socket
from tests.store.passage_kit import document, late, movement, passes, referral

CAMERA = """
[devices.document_reader]
name = "mrz"
port = "nobody-there"
"""


def scraped(folder: Path) -> str:
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(folder / "agent.sock")), base_url="http://agent"
    ) as client:
        answer = client.get("/v1/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text


def figures(text: str) -> dict[str, float]:
    assert list(text_string_to_metric_families(text)), "Prometheus reads it"
    return {name: float(value) for name, value in re.findall(r"^(borne_\S+) (\S+)$", text, re.MULTILINE)}


def test_decisions_and_commits_are_counted_since_the_start(start: Start, folder: Path) -> None:
    agent, _ = start(CAMERA)
    before = figures(scraped(folder))
    assert not [name for name in before if name.startswith("borne_decisions_total{")]
    passes(agent.journal, movement(), movement(decision=Decision.REFUSE), movement(), referral(), late())
    after = figures(scraped(folder))
    assert after['borne_decisions_total{decision="admit",kind="movement"}'] == 2
    assert after['borne_decisions_total{decision="refuse",kind="movement"}'] == 1
    assert after['borne_decisions_total{decision="referred",kind="inspection"}'] == 1
    assert after['borne_decisions_total{decision="admit",kind="late_entry"}'] == 1
    count = "borne_journal_commit_milliseconds_count"
    assert after[count] - before[count] == 5
    assert after['borne_device_state{name="mrz",role="document_reader",state="absent"}'] == 1
    assert after['borne_device_state{name="mrz",role="document_reader",state="ready"}'] == 0
    again = figures(scraped(folder))
    assert {name for name in again if again[name] != after[name]} <= {
        name for name in again if name.startswith(("borne_memory", "borne_store_free"))
    }, "scraping counts nothing"


def test_an_open_inspection_and_a_drill_are_seen(start: Start, folder: Path) -> None:
    agent, client = start()
    client.start()
    agent.drills.outage(1, "1234")
    found = figures(scraped(folder))
    assert found['borne_inspections{phase="collecting"}'] + found['borne_inspections{phase="waiting"}'] == 1
    assert found['borne_drill_running{drill="outage"}'] == 1
    assert found["borne_line_paused"] == 1
    agent.drills.stop("1234")


def test_nothing_of_a_traveller_is_in_them(start: Start, folder: Path) -> None:
    agent, _ = start()
    entry = movement(document=document(surname="QUARTEY", number="ZZ987654"), officer="48151623")
    passes(agent.journal, entry)
    text = scraped(folder)
    assert not [one for one in ("QUARTEY", "ZZ987654", "48151623", entry.id, entry.inspection_id) if one in text]


def test_two_agents_do_not_mix(start: Start, tmp_path: Path) -> None:
    agent, _ = start()
    other = Start(tmp_path)
    second, _ = other()
    passes(second.journal, movement())
    assert b'borne_decisions_total{decision="admit",kind="movement"} 1.0' in second.metrics.text()
    assert b"borne_decisions_total{" not in agent.metrics.text()
    other.stop()


def test_a_kiosks_window_may_not_read_them(start: Start, folder: Path) -> None:
    agent, _ = start()
    with (
        kiosk_socket(agent, folder),
        httpx.Client(
            transport=httpx.HTTPTransport(uds=str(folder / "kiosk.sock")), base_url="http://agent"
        ) as client,
    ):
        assert client.get("/v1/metrics").status_code == 403


def test_a_store_that_cannot_be_read_leaves_the_rest(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()

    def failing(*_: object) -> object:
        raise StoreFailed("store", "gone")

    monkeypatch.setattr(agent._lists, "infos", failing)
    monkeypatch.setattr(agent.journal, "entries_after", failing)
    text = agent.metrics.text().decode()
    assert "borne_store_readable 0.0" in text
    assert "borne_line_online 0.0" in text
    assert "borne_decoder_starts_total" in text
