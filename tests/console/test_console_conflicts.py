"""`/conflicts`: a visa used here that turns out to have been used elsewhere too, from the state bar to the act."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser

from border_agent.agent.officers.values import Theme
from border_agent.console.bar import FRESH_SECONDS
from border_agent.store import PassageNoted, VisaUsed
from border_agent.store.visa_conflicts import ConflictNoted, ConflictSeen
from mqtt_schemas.entries import OfficerAct, VisaFacts, read_entry
from mqtt_schemas.feeds import Feed, put
from mqtt_schemas.records import OfficerRole, VisaUseFact
from tests.console.console_kit import Post
from tests.console.page_checks import axe, check, walk
from tests.console.pages_kit import HOSTILE, QUOTE, harmless, hostile_movement, posted
from tests.console.test_console_screens import HAS_COME, opened
from tests.inspection.inspection_cases import VISA_ID, record
from tests.store.passage_kit import movement
from tests.store.store_kit import install

NAMES = ("MENSAH", "AMA")


def test_a_conflict_from_the_bar_to_the_act(post: Post) -> None:
    agent = post.agent
    at = datetime.now(UTC)
    seal = VisaFacts(visa_id=VISA_ID, signature="valid", seen_at_centre=True)
    entry = msgspec.structs.replace(hostile_movement(), visa=seal)
    use = VisaUsed(visa_id=VISA_ID, movement_id=entry.id, direction=entry.direction, occurred_at=at)
    agent.journal.commit([entry], [PassageNoted(entry=entry), use])
    officer, _ = post.signed_in(OfficerRole.OFFICER)
    auditor, _ = post.signed_in(OfficerRole.AUDITOR)
    with officer, auditor:
        assert "/state/conflicts" not in officer.get("/state").text
        there = VisaUseFact(entry="e" * 32, device="post-2", post=QUOTE[:40], at=at - timedelta(hours=1))
        install(agent._store, Feed.VISAS, [put(VISA_ID, record(uses=1, used=(there,), portrait=b""))])
        while agent.double_use.look():
            continue
        page = _fresh(officer, "/state")
        assert "/state/conflicts" in page.text
        topic = officer.get("/state/conflicts")
        assert 'href="/conflicts"' in topic.text
        shown = officer.get("/conflicts")
        harmless(shown)
        assert VISA_ID in shown.text
        assert f"/movements/{entry.id}" in shown.text
        assert f"/conflicts/{VISA_ID}/seen" in shown.text
        assert HOSTILE not in shown.text
        # An auditor reads it, and has nothing to say.
        assert f"/conflicts/{VISA_ID}/seen" not in auditor.get("/conflicts").text
        assert posted(officer, f"/conflicts/{VISA_ID}/seen", "/conflicts").status_code == 303
        assert agent.conflicts.unseen() == 0
        assert f"/conflicts/{VISA_ID}/seen" not in officer.get("/conflicts").text
        assert "/state/conflicts" not in _fresh(officer, "/state").text
        acts = [read for body in agent.journal.latest(20) if isinstance(read := read_entry(body), OfficerAct)]
        assert [(act.act, act.subject) for act in acts if act.act == "conflict_seen"] == [("conflict_seen", VISA_ID)]
        # Twice is once, and of a visa without a conflict it says nothing.
        assert posted(officer, f"/conflicts/{VISA_ID}/seen", "/conflicts").status_code == 303
        assert posted(officer, f"/conflicts/{'f' * 16}/seen", "/conflicts").status_code == 303
        assert posted(officer, "/conflicts/none/seen", "/conflicts").status_code == 404
        again = [read for body in agent.journal.latest(20) if isinstance(read := read_entry(body), OfficerAct)]
        assert sum(act.act == "conflict_seen" for act in again) == 1


@pytest.mark.parametrize(
    ("language", "theme"), [("fr", Theme.DARK), pytest.param("en", Theme.CONTRAST, marks=pytest.mark.whole)]
)
def test_the_pages_have_no_fault(post: Post, chromium: Browser, language: str, theme: Theme) -> None:
    """One conflict that is new, one that was seen, one withdrawn."""
    agent, at = post.agent, datetime.now(UTC)
    for number in range(3):
        visa = f"{number}{'abc'[number]}{secrets.token_hex(7)}"
        entry = movement(at - timedelta(hours=number))
        use = VisaUsed(visa_id=visa, movement_id=entry.id, direction=entry.direction, occurred_at=at)
        there = VisaUseFact(entry=secrets.token_hex(16), device="post-2", post="garoua", at=at)
        noted = ConflictNoted(visa=visa, entries=1, uses=2, stands=number != 2, elsewhere=(there,))
        agent.journal.commit([entry], [PassageNoted(entry=entry), use, noted])
        if number == 1:
            agent.acts.write("1002", "conflict_seen", visa, changes=[ConflictSeen(visa=visa, officer="1002")])
    time.sleep(FRESH_SECONDS + 0.1)
    page, sight, token = opened(post, chromium, language)
    agent.officers.set_theme(token, theme)
    wrong = {}
    for path in ("/conflicts", "/state/conflicts", "/movements"):
        page.goto(post.url + path)
        page.wait_for_function(HAS_COME)
        faults = [*check(page, language, ("garoua", *NAMES)), *axe(page), *walk(page), *sight.faults()]
        if faults:
            wrong[path] = faults
    page.context.close()
    assert wrong == {}


def _fresh(client: httpx.Client, path: str) -> httpx.Response:
    """A page whose bar is not the one of a moment ago."""
    time.sleep(FRESH_SECONDS + 0.1)
    return client.get(path)
