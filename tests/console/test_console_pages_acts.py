"""What pages do: export and verify the journal, drills, people, devices, figures for Prometheus, statistics."""

from __future__ import annotations

import csv
import io
import logging
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from border_agent.agent.exporting import verify_export
from border_agent.agent.logring import LogRing
from border_agent.agent.runtime import Agent
from border_agent.config import ConfigError
from border_agent.console.pages.charts import Series, columns, nice, rows
from border_agent.console.pages.metrics import read_token
from border_agent.store import PassageNoted
from mqtt_schemas.entries import Decision, OfficerAct, read_entry
from mqtt_schemas.records import OfficerRole
from tests.agent.kiosk_kit import until
from tests.console.console_kit import PASSWORD, Post, running, sign_in
from tests.console.pages_kit import FORMULA, HOSTILE, QUOTE, harmless, posted, travellers
from tests.store.passage_kit import document, movement

TODAY = datetime.now(UTC).date().isoformat()


@pytest.fixture(scope="module")
def auditor(post: Post) -> Iterator[httpx.Client]:
    client, _ = post.signed_in(OfficerRole.AUDITOR)
    with client:
        yield client


@pytest.fixture(scope="module")
def technician(post: Post) -> Iterator[httpx.Client]:
    client, _ = post.signed_in(OfficerRole.TECHNICIAN)
    with client:
        yield client


@pytest.fixture(scope="module")
def supervisor(post: Post) -> Iterator[httpx.Client]:
    client, _ = post.signed_in(OfficerRole.SUPERVISOR)
    with client:
        yield client


def acts(agent: Agent, *names: str) -> list[OfficerAct]:
    entries = [read_entry(body) for body in agent.journal.latest(200)]
    return [entry for entry in entries if isinstance(entry, OfficerAct) and entry.act in names]


def test_an_export_is_a_file_that_proves_itself_and_an_act(post: Post, auditor: httpx.Client) -> None:
    answer = posted(auditor, "/journal/export", "/journal", since=TODAY, until=TODAY)
    assert answer.status_code == 200
    assert re.search(
        r'attachment; filename="journal-test-device-1-[0-9-]+\.ndjson"', answer.headers["content-disposition"]
    )
    assert answer.headers["cache-control"] == "no-store"
    report = verify_export(answer.content.splitlines(keepends=True), post.agent._journal_key.public_key())
    assert report.ok
    assert report.entries > 3
    last = acts(post.agent, "exported")[-1]
    assert (last.subject, last.details) == ("journal", {"since": TODAY, "until": TODAY})


@pytest.mark.parametrize(
    "fields", [{}, {"since": TODAY}, {"since": TODAY, "until": "2020-01-01"}, {"since": "x", "until": TODAY}]
)
def test_an_export_of_no_period_is_refused(auditor: httpx.Client, fields: dict[str, str]) -> None:
    assert posted(auditor, "/journal/export", "/journal", **fields).status_code == 400


def test_a_verification_runs_and_says_up_to_where(post: Post, auditor: httpx.Client) -> None:
    assert posted(auditor, "/journal/verify", "/journal").status_code == 303
    until(lambda: post.agent.verifying.last is not None and post.agent.verifying.last.ended_at is not None)
    page = auditor.get("/journal").text
    assert "Le journal est entier" in page
    assert post.agent.verifying.last is not None
    assert post.agent.verifying.last.position.head.hex() in page
    assert acts(post.agent, "verified")[-1].details == {"outcome": "good"}


def test_acts_are_listed_by_officer_and_kind(post: Post, supervisor: httpx.Client, auditor: httpx.Client) -> None:
    post.agent.acts.note("4242", "looked_up", "", {"kind": HOSTILE, QUOTE: "1"})
    page = supervisor.get("/journal/acts?officer=4242&act=looked_up")
    harmless(page)
    assert "Recherche au fichier" in page.text
    assert "4242" in page.text
    assert "Aucun acte ne correspond" in auditor.get("/journal/acts?officer=4242&act=exported").text


def test_a_drill_is_held_from_the_page(post: Post, technician: httpx.Client) -> None:
    assert posted(technician, "/drills", "/drills", kind="outage", minutes="5").status_code == 303
    page = technician.get("/drills").text
    assert "Exercice en cours" in page
    assert post.agent.line().paused
    assert posted(technician, "/drills", "/drills", kind="tamper").status_code == 409
    assert posted(technician, "/drills/stop", "/drills").status_code == 303
    until(lambda: post.agent.drills.current is None)
    assert not post.agent.line().paused
    for kind in ("tamper", "restore"):
        assert posted(technician, "/drills", "/drills", kind=kind).status_code == 303
        until(lambda: post.agent.drills.current is None)
    page = technician.get("/drills").text
    assert "L’octet changé a été trouvé" in page
    assert "La sauvegarde s’ouvre" in page
    assert [act.subject for act in acts(post.agent, "drill_started")][-3:] == ["outage", "tamper", "restore"]


@pytest.mark.parametrize("minutes", ["0", "61", "-5", "1e2", "", "٣", "999"])
def test_an_outage_without_an_end_is_refused(post: Post, technician: httpx.Client, minutes: str) -> None:
    assert posted(technician, "/drills", "/drills", kind="outage", minutes=minutes).status_code == 400
    assert post.agent.drills.current is None


def test_the_state_says_that_a_cut_line_is_a_drill(post: Post, technician: httpx.Client) -> None:
    posted(technician, "/drills", "/drills", kind="outage", minutes="1")
    try:
        until(lambda: "coupée exprès (exercice)" in technician.get("/state").text, 5.0)
        page = technician.get("/state/line").text
        assert "Exercice\u00a0: la liaison est coupée exprès" in page, "and the facts"
    finally:
        post.agent.drills.stop("0000")
        until(lambda: post.agent.drills.current is None)


def test_a_supervisor_extends_suspends_and_lifts(post: Post, supervisor: httpx.Client) -> None:
    browser, person = post.signed_in(OfficerRole.OFFICER, name=f"{HOSTILE[:30]}")
    page = supervisor.get("/officers")
    harmless(page)
    assert f"/officers/{person.number}/suspend" in page.text
    one = f"/officers/{person.number}"
    assert posted(supervisor, f"{one}/extend", "/officers").status_code == 303
    assert "connexion possible jusqu’au" in supervisor.get("/officers").text
    harmless(supervisor.get(f"{one}/suspend"))
    assert posted(supervisor, f"{one}/suspend", "/officers", reason="").status_code in (400, 422)
    assert browser.get("/state").status_code == 200
    assert posted(supervisor, f"{one}/suspend", f"{one}/suspend", reason="badge perdu").status_code == 303
    assert browser.get("/state").status_code == 303, "out at once"
    assert "suspendue ici" in supervisor.get("/officers").text
    assert posted(supervisor, f"{one}/lift", "/officers").status_code == 303
    assert sign_in(browser, person, password=PASSWORD).status_code == 303
    assert posted(supervisor, f"{one}/end", "/officers").status_code == 303
    assert browser.get("/state").status_code == 303
    browser.close()
    assert [act.act for act in acts(post.agent, "extended", "suspended", "lifted", "sessions_ended")][-4:] == [
        "extended",
        "suspended",
        "lifted",
        "sessions_ended",
    ]


def test_nobody_does_it_to_themselves_or_to_nobody(post: Post) -> None:
    client, person = post.signed_in(OfficerRole.SUPERVISOR)
    for act in ("extend", "suspend", "lift", "end"):
        own = posted(client, f"/officers/{person.number}/{act}", "/officers", reason="x")
        assert own.status_code == 403, (act, own.status_code)
        assert posted(client, f"/officers/99999999/{act}", "/officers", reason="x").status_code == 404
    client.close()


def test_health_tries_a_device_out_and_restarts_only_where_configured(technician: httpx.Client) -> None:
    assert "Redémarrer la machine" in technician.get("/health").text
    assert posted(technician, "/health/try", "/health", device="printer").status_code == 409
    assert posted(technician, "/health/try", "/health", device="rocket").status_code == 400
    assert posted(technician, "/health/restart", "/health", sure="").status_code == 400
    assert posted(technician, "/health/restart", "/health", sure="yes").status_code == 409


def test_a_restart_is_confirmed_and_runs_the_configured_command(tmp_path: Path, quick_passwords: None) -> None:
    told = tmp_path / "told"
    with running(tmp_path, f'[kiosk]\nreboot = ["/usr/bin/touch", "{told}"]\n') as post:
        client, person = post.signed_in(OfficerRole.TECHNICIAN)
        with client:
            assert "/health/restart" in client.get("/health").text
            assert posted(client, "/health/restart", "/health/restart").status_code == 400
            assert not told.exists()
            assert posted(client, "/health/restart", "/health/restart", sure="yes").status_code == 303
            until(told.exists)
        assert client.is_closed
        bodies = b"".join(post.agent.journal.latest(5))
    assert b"reboot_asked" in bodies
    assert person.number.encode() in bodies


def test_metrics_are_for_whoever_has_the_token(tmp_path: Path, quick_passwords: None) -> None:
    token = secrets.token_urlsafe(24)
    (tmp_path / "token").write_text(f"{token}\n")
    with running(tmp_path, 'metrics_token = "token"\n') as post:
        agent = post.agent
        entry, _ = travellers(post)
        with post.client() as client:
            for header in (
                {},
                {"authorization": "Bearer"},
                {"authorization": f"Bearer {token}x"},
                {"authorization": f"Basic {token}"},
            ):
                assert client.get("/metrics", headers=header).status_code == 401
            assert (
                client.get("/metrics", headers={"authorization": "Bearer \xff\xfe".encode("latin-1")}).status_code
                == 401
            )
            answer = client.get("/metrics", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        figures = dict(re.findall(r"^(borne_\S+) (\S+)$", answer.text, re.MULTILINE))
        assert figures["borne_line_online"] == "0.0"
        assert float(figures["borne_journal_sequence"]) == agent.journal.position().sequence
        assert float(figures["borne_journal_unacknowledged"]) == agent.line().unacknowledged
        assert float(figures['borne_decisions_total{decision="admit",kind="movement"}']) == 1.0
        assert float(figures["borne_journal_commit_milliseconds_count"]) >= 2
        assert float(figures["borne_store_free_bytes"]) > 0
        assert float(figures['borne_list_version{name="policy"}']) == 1.0
        assert figures["borne_officers_signed_in"] == "0.0"
        assert figures["borne_lan_configured"] == "0.0"
        assert figures["borne_store_readable"] == "1.0"
        assert not [text for text in (entry.id, "alert(1)", entry.inspection_id) if text in answer.text]


def test_metrics_are_not_there_where_they_are_not_configured(post: Post) -> None:
    with post.client() as client:
        assert client.get("/metrics", headers={"authorization": "Bearer x"}).status_code == 404


@pytest.mark.parametrize("token", [b"", b"short", b"x" * 257, "jeton très secret".encode()])
def test_a_token_that_would_be_guessed_is_a_typed_error(tmp_path: Path, token: bytes) -> None:
    (tmp_path / "token").write_bytes(token)
    with pytest.raises(ConfigError):
        read_token(tmp_path / "token")
    with pytest.raises(ConfigError):
        read_token(tmp_path / "absent")


def test_the_log_is_filtered(tmp_path: Path, quick_passwords: None) -> None:
    ring = LogRing()
    logger = logging.getLogger("test.pages")
    logger.addHandler(ring)
    logger.setLevel(logging.INFO)
    with running(tmp_path) as post:
        post.agent._log = ring
        client, _ = post.signed_in(OfficerRole.TECHNICIAN)
        logger.info("the lamp is lit")
        logger.error("the lamp %s is out", HOSTILE)
        with client:
            page = client.get("/log")
            harmless(page)
            assert "the lamp is lit" in page.text
            errors = client.get("/log?level=error").text
            assert "is out" in errors
            assert "is lit" not in errors
            assert "is lit" in client.get("/log?text=LIT").text
            assert client.get("/log?level=debug").status_code == 400
    logger.removeHandler(ring)


def test_statistics_count_what_came_through(tmp_path: Path, quick_passwords: None) -> None:
    now = datetime.now(UTC)
    with running(tmp_path) as post:
        for nation, decision in (
            ("GHA", Decision.ADMIT),
            ("GHA", Decision.REFUSE),
            (FORMULA, Decision.ADMIT),
            (HOSTILE, Decision.REFER),
        ):
            entry = movement(now, document=document(nationality=nation), decision=decision)
            post.agent.journal.commit([entry], [PassageNoted(entry=entry)])
        client, _ = post.signed_in(OfficerRole.READER)
        with client:
            page = client.get("/statistics")
            harmless(page)
            assert page.status_code == 200
            assert page.text.count('<svg class="chart" role="img"') == 3
            assert page.text.count("<desc id=") == 3
            day = now.astimezone().date().isoformat()
            for table in ("hours", "nationalities", "verdicts", "figures"):
                answer = client.get(f"/statistics.csv?table={table}&since={day}&until={day}")
                assert answer.headers["content-type"] == "text/csv; charset=utf-8"
                lines = list(csv.reader(io.StringIO(answer.text)))
                assert len(lines) > 1
                cells = [cell for line in lines for cell in line]
                assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
            nations = client.get(f"/statistics.csv?table=nationalities&since={day}&until={day}").text
            assert f"'{FORMULA}" in nations
            assert client.get("/statistics.csv?table=people").status_code == 400


def test_charts_have_words_and_hold_hostile_labels() -> None:
    chart = str(columns("a", HOSTILE, QUOTE, ["08", QUOTE], [Series("x", (3, 0)), Series("y", (1, 2))]))
    assert chart.count("<rect") == 3
    assert "<script" not in chart
    assert "<img" not in chart
    assert 'aria-labelledby="a-title a-words"' in chart
    lying = str(rows("b", "t", "w", [(HOSTILE, 10), ("", 0)]))
    assert "<script" not in lying
    assert " style=" not in chart + lying
    assert columns("c", "t", "w", [], [])
    assert rows("d", "t", "w", [])


@pytest.mark.parametrize(
    ("most", "end"), [(0, 4), (4, 4), (5, 8), (9, 20), (21, 40), (401, 800), (10**9 + 1, 2 * 10**9)]
)
def test_axes_end_at_round_numbers(most: int, end: int) -> None:
    assert nice(most) == end
    assert nice(most) % 4 == 0
