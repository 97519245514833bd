"""Every page against every role, hostile names on every page, and addresses that climb."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import httpx
import msgspec
import pytest

from border_agent.console.bar import Topic
from border_agent.inspection.decide import decide
from border_agent.store import EvidenceKept, PassageNoted
from border_agent.words import text
from mqtt_schemas.entries import FindingFact, Movement
from mqtt_schemas.records import Handling, OfficerRole
from tests.console.console_kit import Post
from tests.console.pages_kit import (
    HOSTILE,
    QUOTE,
    evidence_of,
    harmless,
    hostile_movement,
    posted,
    travellers,
    watch_list,
    watched,
)

OFFICER, SUPERVISOR, TECHNICIAN, AUDITOR, READER = (
    OfficerRole.OFFICER,
    OfficerRole.SUPERVISOR,
    OfficerRole.TECHNICIAN,
    OfficerRole.AUDITOR,
    OfficerRole.READER,
)
ALL = (OFFICER, SUPERVISOR, TECHNICIAN, AUDITOR, READER)

PAGES = {
    "/lookups": (OFFICER, SUPERVISOR),
    "/movements": (OFFICER, SUPERVISOR, AUDITOR),
    "/movements/{entry}": (OFFICER, SUPERVISOR, AUDITOR),
    "/evidence/{evidence}": (SUPERVISOR, AUDITOR),
    "/conflicts": (OFFICER, SUPERVISOR, AUDITOR),
    "/statistics": (SUPERVISOR, AUDITOR, READER),
    "/statistics.csv": (SUPERVISOR, AUDITOR, READER),
    "/state": ALL,
    **{f"/state/{topic.value}": ALL for topic in Topic},
    "/health": (TECHNICIAN,),
    "/health/restart": (TECHNICIAN,),
    "/log": (TECHNICIAN,),
    "/journal": (AUDITOR,),
    "/journal/acts": (AUDITOR, SUPERVISOR),
    "/officers": (SUPERVISOR,),
    "/drills": (TECHNICIAN,),
}
ACTS = {
    "/lookups": (OFFICER, SUPERVISOR),
    "/conflicts/00112233445566aa/seen": (OFFICER, SUPERVISOR),
    "/health/try": (TECHNICIAN,),
    "/health/restart": (TECHNICIAN,),
    "/journal/verify": (AUDITOR,),
    "/journal/export": (AUDITOR,),
    "/officers/9999/extend": (SUPERVISOR,),
    "/officers/9999/suspend": (SUPERVISOR,),
    "/officers/9999/lift": (SUPERVISOR,),
    "/officers/9999/end": (SUPERVISOR,),
    "/drills": (TECHNICIAN,),
    "/drills/stop": (TECHNICIAN,),
}


@pytest.fixture(scope="module")
def people(post: Post) -> Iterator[dict[OfficerRole, httpx.Client]]:
    """A browser for each role, whoever has it being called as hostilely as the list of officers allows."""
    clients = {role: post.signed_in(role, name=f"<u onclick='x'>&{role.value}")[0] for role in ALL}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture(scope="module")
def seen(post: Post) -> tuple[Movement, str]:
    return travellers(post)


def address(page: str, seen: tuple[Movement, str]) -> str:
    return page.format(entry=seen[0].id, evidence=seen[1])


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_for_its_roles_only(
    people: dict[OfficerRole, httpx.Client], seen: tuple[Movement, str], page: str
) -> None:
    opened = {role for role, client in people.items() if client.get(address(page, seen)).status_code == 200}
    assert opened == set(PAGES[page])
    refused = {role: client.get(address(page, seen)).status_code for role, client in people.items()}
    assert {status for role, status in refused.items() if role not in PAGES[page]} <= {403}


@pytest.mark.parametrize("path", ACTS)
def test_each_act_is_for_its_roles_only(people: dict[OfficerRole, httpx.Client], path: str) -> None:
    for role, client in people.items():
        answer = posted(client, path, "/state")
        assert (answer.status_code == 403) == (role not in ACTS[path]), (role, answer.status_code, answer.text[-800:])
        assert client.post(path).status_code == 403, "without a form's token"


@pytest.mark.parametrize("page", [*PAGES, *ACTS])
def test_nobody_gets_anything_without_signing_in(post: Post, seen: tuple[Movement, str], page: str) -> None:
    with post.client() as client:
        answer = client.get(address(page, seen))
    assert (answer.status_code, answer.headers.get("location", "")[:8]) in ((303, "/sign-in"), (405, ""), (404, ""))


@pytest.mark.parametrize("page", PAGES)
def test_a_hostile_name_is_text_on_every_page(
    people: dict[OfficerRole, httpx.Client], seen: tuple[Movement, str], page: str
) -> None:
    for role in PAGES[page]:
        harmless(people[role].get(address(page, seen)))


@pytest.mark.parametrize(
    "query",
    [
        f"/movements?text={QUOTE}",
        f"/movements?number={QUOTE}&since=2027-01-01",
        f"/journal/acts?officer=%3Cscript&act={HOSTILE}",
    ],
)
def test_what_an_address_says_is_text(people: dict[OfficerRole, httpx.Client], query: str) -> None:
    harmless(people[AUDITOR].get(query))


def test_a_log_filter_is_text(people: dict[OfficerRole, httpx.Client]) -> None:
    harmless(people[TECHNICIAN].get(f"/log?text={HOSTILE}"))


@pytest.mark.parametrize(
    "path",
    [
        "/state/../../etc/passwd",
        "/state/%2e%2e%2fetc",
        "/state/nothing",
        "/state/line%00",
        f"/state/{HOSTILE}",
        "/movements/1",
        "/movements/..%2f..%2fetc%2fpasswd",
        "/movements/" + "A" * 32,
        "/movements/" + "0" * 32,
        "/evidence/..%2f..%2fstore.db",
        "/evidence/" + "0" * 63,
        "/evidence/" + "0" * 64,
        "/evidence/" + "G" * 64,
        "/evidence/" + "0" * 64 + "%0a",
        "/evidence/" + "\u0660" * 64,
        "/officers/..%2f..%2f/suspend",
        "/officers/12a4/suspend",
        "/officers/0000/suspend",
    ],
)
def test_an_address_that_is_none_is_not_found(people: dict[OfficerRole, httpx.Client], path: str) -> None:
    answer = people[SUPERVISOR].get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text
    harmless(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/movements?page=0",
        "/movements?page=-1",
        "/movements?page=99999",
        "/movements?page=%D9%A1",
        "/movements?page=1e3",
        "/movements?since=2027-13-01",
        "/movements?since=0001-01-01",
        "/movements?until=9999-12-31",
        "/movements?since=20270101",
        "/movements?direction=sideways",
        "/movements?decision=unknown",
        "/movements?text=" + "x" * 65,
        "/movements?text=%00",
        "/statistics?since=2027-01-02&until=2027-01-01",
        "/statistics?since=1950-01-01&until=2027-01-01",
    ],
)
def test_a_wrong_question_is_a_typed_answer(people: dict[OfficerRole, httpx.Client], path: str) -> None:
    answer = people[SUPERVISOR].get(path)
    assert answer.status_code == 400
    assert "api.bad_request" in answer.text


def test_a_technician_never_sees_a_traveller(
    people: dict[OfficerRole, httpx.Client], post: Post, seen: tuple[Movement, str]
) -> None:
    """Whatever can be asked for at all, on every path there is."""
    entry, evidence = seen
    case = post.agent.desk.start(direction=entry.direction)
    paths = {route.path for route in _routes(post)}
    assert len(paths) > 30
    secrets = (entry.id, entry.inspection_id, case.id, case.slip, "alert(1)", "ADEBAYO", "SECRET-")
    values = {"entry": entry.id, "digest": evidence, "topic": "line", "number": "9999", "kind": "live"}
    allowed = set()
    for path in sorted(paths):
        at = re.sub(r"\{(\w+)[^}]*\}", lambda found: values.get(found[1], case.id), path)
        if path in ("/events", "/sign-in", "/sign-out") or path.startswith("/activate"):
            continue
        answer = people[TECHNICIAN].get(at)
        if answer.status_code == 200:
            allowed.add(path)
        shown = answer.text.replace(at, "")
        assert not [secret for secret in secrets if secret in shown], path
    assert {"/health", "/log", "/drills", "/state", "/state/{topic}"} <= allowed
    assert not [path for path in allowed if path.startswith(("/movements", "/inspections", "/evidence", "/lookups"))]
    with people[TECHNICIAN].stream("GET", f"/events?show=queue,inspection:{case.id}") as stream:
        heard = ""
        for piece in stream.iter_text():
            heard += piece
            if "event: pulse" in heard:
                break
    assert 'id="bar"' in heard
    assert not [secret for secret in secrets if secret in heard]
    assert 'id="queue"' not in heard


def test_evidence_shows_hits_to_those_who_may(
    people: dict[OfficerRole, httpx.Client], seen: tuple[Movement, str]
) -> None:
    path = f"/evidence/{seen[1]}"
    supervisor, auditor = people[SUPERVISOR].get(path).text, people[AUDITOR].get(path).text
    assert "SECRET-stop-1" in supervisor
    assert "SECRET-discreet-2" in supervisor
    assert "SECRET-" not in auditor
    assert "ADEBAYO" not in auditor


def test_a_movement_tells_findings_in_words_and_hits_only_to_deciders(
    people: dict[OfficerRole, httpx.Client], seen: tuple[Movement, str]
) -> None:
    path = f"/movements/{seen[0].id}"
    officer, auditor = people[OFFICER].get(path).text, people[AUDITOR].get(path).text
    assert "Document périmé" in officer or "document.expired" in officer
    assert "watchlist.stop" in officer
    assert "watchlist.stop" not in auditor
    assert "personnes recherchées" not in auditor
    assert f"/evidence/{seen[1]}" in auditor
    assert f"/evidence/{seen[1]}" not in officer
    assert f"/movements/{seen[0].id}/correct" not in officer, "another officer's"
    assert f"/movements/{seen[0].id}/correct" in people[SUPERVISOR].get(path).text


def test_findings_are_told_with_their_values_where_they_can_be_computed_again(
    people: dict[OfficerRole, httpx.Client], post: Post
) -> None:
    evidence, policy = evidence_of(), post.agent.policy()
    kept, verdict = EvidenceKept(msgspec.json.encode(evidence)), decide(evidence, policy)
    facts = tuple(FindingFact(code=one.code, severity=one.severity.value) for one in verdict.findings)
    assert any(dict(one.params) for one in verdict.findings)
    for policy_id, told in ((policy.policy_id, True), ("another", False)):
        entry = hostile_movement(evidence=kept.digest, findings=facts, policy_id=policy_id)
        post.agent.journal.commit([entry], [PassageNoted(entry=entry), kept])
        page = unescape(people[SUPERVISOR].get(f"/movements/{entry.id}").text)
        titles = [text(f"finding.{one.code}.title", "fr", **one.params) for one in verdict.findings]
        assert all(title in page for title in titles) is told


def test_look_ups_show_a_hit_by_role_and_never_write_the_name_down(
    people: dict[OfficerRole, httpx.Client], post: Post
) -> None:
    watch_list(post, watched(Handling.STOP), watched(Handling.DISCREET, 2, given_names="KOFI YAW"))
    found = {
        role: posted(
            people[role], "/lookups", "/lookups", kind="persons", name="Adebáyo Koffi", year="1980", month="5"
        )
        for role in (OFFICER, SUPERVISOR)
    }
    for role, page in found.items():
        assert page.status_code == 200
        assert "SECRET-stop-1" in page.text
        assert ("SECRET-discreet-2" in page.text) == (role is SUPERVISOR)
    assert "Ne laissez rien paraître" in found[OFFICER].text
    assert "KOFI YAW" not in found[OFFICER].text
    number = posted(people[OFFICER], "/lookups", "/lookups", kind="documents", number="g7654321", issuer="GHA")
    assert "SECRET-stop-1" in number.text
    bodies = b"".join(post.agent.journal.latest(20))
    assert b'"looked_up"' in bodies
    assert b'"kind":"persons","hits":"2"' in bodies.replace(b" ", b"")
    assert b"Adeb" not in bodies
    assert b"g7654321" not in bodies


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "persons", "name": HOSTILE},
        {"kind": "persons", "name": "x", "year": "٣", "month": "zz", "day": "'"},
        {"kind": "documents", "number": QUOTE, "issuer": "'\">"},
        {"kind": "persons", "name": ""},
    ],
)
def test_a_hostile_look_up_is_answered_as_text(
    people: dict[OfficerRole, httpx.Client], fields: dict[str, str]
) -> None:
    page = posted(people[OFFICER], "/lookups", "/lookups", **fields)
    assert page.status_code == 200
    harmless(page)


@pytest.mark.parametrize("fields", [{}, {"kind": "faces"}, {"kind": "persons", "name": "x" * 129}])
def test_a_look_up_that_is_none_is_refused(people: dict[OfficerRole, httpx.Client], fields: dict[str, str]) -> None:
    assert posted(people[OFFICER], "/lookups", "/lookups", **fields).status_code == 400


def _routes(post: Post) -> Iterator[object]:
    app = post.console.app
    while not hasattr(app, "routes"):
        app = app._app  # type: ignore[attr-defined]
    yield from app.routes
