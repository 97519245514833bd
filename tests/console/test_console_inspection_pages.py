"""Queue, inspection and decision over HTTPS, as a browser without scripts would use them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from border_agent.inspection.findings import finding
from border_agent.inspection.machine import Phase
from border_agent.inspection.verdict import Proposal
from mqtt_schemas.entries import Decision, Movement
from mqtt_schemas.records import FourEyes, OfficerRole
from tests.console.console_kit import OFFICER, PASSWORD, SUPERVISOR, Post, token_of
from tests.console.inspection_kit import (
    EXPIRED,
    HOSTILE,
    PICTURES,
    REGIMES,
    decide,
    found,
    movements,
    opened,
    post_form,
    proposing,
    recorded,
)


@pytest.fixture(autouse=True)
def quiet(post: Post) -> Iterator[None]:
    """The policy of these tests, and nobody left over from another test."""
    post.rule(regimes=REGIMES)
    yield
    for case in post.agent.desk.cases():
        post.agent.desk.cancel(case.id)


def entry_of(post: Post, case: Any) -> Movement:
    passage = recorded(post, case)
    assert passage is not None
    entry = post.agent.passages.entry(passage.entry)
    assert isinstance(entry, Movement)
    return entry


def test_the_queue_shows_who_waits_and_what_is_proposed(post: Post) -> None:
    client, _ = post.signed_in()
    case = found(post)
    page = client.get("/").text
    assert f'href="/inspections/{case.id}"' in page and "TRAORE AWA" in page and case.slip in page
    assert "À examiner" in page and "kiosk-1" in page
    assert case.slip not in client.get("/?show=refuse").text
    assert case.slip in client.get("/?show=nonsense").text


def test_a_hostile_name_is_a_text_on_every_page(post: Post) -> None:
    client, _ = post.signed_in()
    case = found(post, surname=HOSTILE)
    for page in (client.get("/"), opened(client, case), client.get(f"/inspections/{case.id}/decide/refuse")):
        assert "<img src=x" not in page.text.lower()
        assert "&lt;img src=x onerror=alert(1)&gt;" in page.text.lower()


def test_a_reader_sees_the_queue_and_opens_nothing(post: Post) -> None:
    client, _ = post.signed_in(OfficerRole.READER)
    case = proposing(post, Proposal.REFER, finding("watchlist.stop"))
    page = client.get("/").text
    assert case.slip in page and f"/inspections/{case.id}" not in page and "recherchées" not in page
    assert client.get(f"/inspections/{case.id}").status_code == 403
    assert client.get(f"/inspections/{case.id}/pictures/live").status_code == 403


@pytest.mark.parametrize("role", [OfficerRole.TECHNICIAN, OfficerRole.AUDITOR])
def test_other_roles_see_no_traveller(post: Post, role: OfficerRole) -> None:
    client, _ = post.signed_in(role)
    case = found(post)
    for path in ("/", f"/inspections/{case.id}", f"/inspections/{case.id}/notice", "/late"):
        answer = client.get(path)
        assert answer.status_code == 403 and "TRAORE" not in answer.text, path


def test_slip_number_and_scanned_code_all_open(post: Post) -> None:
    client, _ = post.signed_in()
    case = found(post, number="P7654321")
    page = client.get("/")
    for typed in (case.slip.lower(), f"borne:{case.id}", "p 765 4321"):
        answer = post_form(client, page, "/find", typed=typed)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/inspections/{case.id}"), typed


@pytest.mark.parametrize("typed", ["ZZZZZZ", "<script>", "../../etc/passwd", "'; DROP TABLE passage; --"])
def test_what_is_not_found_is_said(post: Post, typed: str) -> None:
    client, _ = post.signed_in()
    answer = post_form(client, client.get("/"), "/find", typed=typed)
    assert answer.status_code == 404 and "<script>" not in answer.text.replace('<script src="', "")
    assert ('name="slip" maxlength="64" autocomplete="off" spellcheck="false" value="ZZZZZZ"' in answer.text) == (
        typed == "ZZZZZZ"
    )


def test_a_slip_of_a_dead_kiosk_begins_a_fresh_inspection_of_the_same_code(post: Post) -> None:
    client, _ = post.signed_in()
    answer = post_form(client, client.get("/"), "/inspections", direction="exit", purpose="", slip="abc-123")
    case = post.agent.desk.case(answer.headers["location"].rpartition("/")[2])
    assert case.slip == "ABC123" and case.inspection.evidence.direction.value == "exit"


@pytest.mark.parametrize("fields", [{"direction": "sideways"}, {"direction": "entry", "purpose": "crime"}, {}])
def test_only_what_was_offered_starts(post: Post, fields: dict[str, str]) -> None:
    client, _ = post.signed_in()
    assert post_form(client, client.get("/"), "/inspections", **fields).status_code == 400


def test_a_group_is_started_after_its_first(post: Post) -> None:
    client, _ = post.signed_in()
    first = found(post)
    answer = post_form(client, client.get("/"), "/inspections", direction="entry", group=first.id, accompanied="yes")
    second = post.agent.desk.case(answer.headers["location"].rpartition("/")[2])
    assert second.inspection.evidence.group == first.id and second.inspection.evidence.accompanied
    assert f"/inspections/{first.id}" in opened(client, second).text


def test_opening_takes_the_traveller_in_hand_and_others_only_read(post: Post) -> None:
    one, ama = post.signed_in(name="SARR Fatou")
    other, _ = post.signed_in()
    case = found(post)
    assert f"/inspections/{case.id}/decide/refer" in opened(one, case).text
    theirs = opened(other, case)
    assert "SARR Fatou" in theirs.text and "/decide/" not in theirs.text
    answer = post_form(other, theirs, f"/inspections/{case.id}/decide/refer")
    assert answer.status_code == 409 and "SARR Fatou" in answer.text
    assert recorded(post, case) is None
    assert post_form(one, opened(one, case), f"/inspections/{case.id}/leave").status_code == 303
    assert decide(other, case, "refer").status_code == 303
    assert ama.number not in (recorded(post, case) or "").officer  # type: ignore[union-attr]


def test_keeping_says_who_has_it_and_never_takes_it(post: Post) -> None:
    one, _ = post.signed_in(name="SARR Fatou")
    other, _ = post.signed_in()
    case = found(post)
    page = opened(one, case)
    assert "SARR Fatou" in post_form(other, opened(other, case), f"/inspections/{case.id}/keep").text
    post_form(one, page, f"/inspections/{case.id}/leave")
    kept = post_form(one, page, f"/inspections/{case.id}/keep")
    assert kept.status_code == 200 and f"/inspections/{case.id}/take" in kept.text
    assert post.agent.counter.holder(case.id) is None


def test_as_proposed_is_recorded_at_one_post_and_said_with_its_sequence(post: Post) -> None:
    client, person = post.signed_in()
    case = found(post)
    answer = decide(client, case, "refer")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/inspections/{case.id}")
    passage = recorded(post, case)
    assert passage is not None and passage.officer == person.number
    page = opened(client, case).text
    assert f"entrée {passage.sequence} du journal" in page and f"Agent {person.number}" in page
    assert "/decide/" not in page


def test_sent_twice_it_is_one_movement_and_the_same_receipt(post: Post) -> None:
    client, _ = post.signed_in()
    case = proposing(post, Proposal.ADMIT)
    page = opened(client, case)
    for _ in range(3):
        assert post_form(client, page, f"/inspections/{case.id}/decide/admit").status_code == 303
    assert movements(post, case) == 1


def test_a_second_tab_deciding_otherwise_gets_a_conflict(post: Post) -> None:
    client, _ = post.signed_in()
    case = proposing(post, Proposal.ADMIT)
    first = second = opened(client, case)
    assert post_form(client, first, f"/inspections/{case.id}/decide/admit").status_code == 303
    answer = post_form(
        client, second, f"/inspections/{case.id}/decide/refuse", reason="second thoughts", grounds=["no_visa"]
    )
    assert answer.status_code == 409 and "un mouvement" in answer.text
    assert movements(post, case) == 1 and entry_of(post, case).decision is Decision.ADMIT


def test_two_officers_at_once_make_one_movement(post: Post) -> None:
    clients = [post.signed_in()[0] for _ in range(4)]
    case = proposing(post, Proposal.ADMIT)
    pages = [opened(client, case) for client in clients]
    answers: list[int] = []
    start = threading.Barrier(len(clients))

    def go(client: httpx.Client, page: httpx.Response) -> None:
        start.wait()
        answers.append(post_form(client, page, f"/inspections/{case.id}/decide/admit").status_code)

    threads = [threading.Thread(target=go, args=pair) for pair in zip(clients, pages, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 409, 409, 409]
    assert movements(post, case) == 1


def test_an_override_needs_a_reason(post: Post) -> None:
    client, _ = post.signed_in()
    case = proposing(post, Proposal.REFUSE, EXPIRED)
    answer = decide(client, case, "admit", reason="   ")
    assert answer.status_code == 422 and "Donnez le motif" in answer.text and recorded(post, case) is None
    assert decide(client, case, "admit", reason="titre de voyage présenté").status_code == 303
    assert entry_of(post, case).reason == "titre de voyage présenté"


def test_a_refusal_needs_grounds_and_gives_a_notice(post: Post) -> None:
    post.rule(
        regimes=REGIMES, notice={"fr": {"authority": "République d’Utopie", "appeal": "Tribunal de Nouvelle-Utopie"}}
    )
    client, person = post.signed_in(language="en")
    case = proposing(post, Proposal.REFUSE, EXPIRED, number="P1112223")
    form = client.get(f"/inspections/{case.id}/decide/refuse")
    assert 'value="no_document" checked' in form.text and 'value="entry_ban" checked' not in form.text
    assert decide(client, case, "refuse").status_code == 422
    assert decide(client, case, "refuse", grounds=["made_up"]).status_code == 422
    assert decide(client, case, "refuse", grounds=["other"]).status_code == 422
    assert client.get(f"/inspections/{case.id}/notice").status_code == 404
    answer = decide(client, case, "refuse", grounds=["no_document", "means_lacking"], reason="<b>no money</b>")
    assert answer.status_code == 303
    assert entry_of(post, case).grounds == ("no_document", "means_lacking")
    sheet = client.get(f"/inspections/{case.id}/notice").text
    for words in (
        "République d’Utopie", "Tribunal de Nouvelle-Utopie", "Sans document de voyage",
        "Has no valid travel document", "P1112223", person.number, "&lt;b&gt;no money&lt;/b&gt;",
        f"/{case.slip}", "Refusal of entry", "Refus d’entrée",
    ):  # fmt: skip
        assert words in sheet, words
    assert sheet.count("☒") == 2


def test_an_admission_carries_no_grounds(post: Post) -> None:
    client, _ = post.signed_in()
    case = proposing(post, Proposal.ADMIT)
    assert decide(client, case, "admit", grounds=["no_visa"]).status_code == 303
    assert entry_of(post, case).grounds == ()


def unproven(person: Any) -> dict[str, str]:
    return {"second_number": person.number, "second_password": PASSWORD, "second_code": "000000"}


def second(person: Any, **changes: str) -> dict[str, str]:
    return {"second_number": person.number, "second_password": PASSWORD, "second_code": person.shows()} | changes


def test_where_the_policy_wants_two_one_is_not_enough(post: Post) -> None:
    post.rule(regimes=REGIMES, second_officer=(FourEyes.REFUSE,))
    client, first = post.signed_in()
    agreeing, technician = post.officer(), post.officer(OfficerRole.TECHNICIAN)
    case = proposing(post, Proposal.REFUSE, EXPIRED)
    grounds = {"grounds": ["no_document"]}
    assert 'name="second_password"' in client.get(f"/inspections/{case.id}/decide/refuse").text
    for refused, status in (
        ({}, 401),
        (unproven(agreeing), 401),
        (unproven(first), 403),
        (second(technician), 403),
    ):
        answer = decide(client, case, "refuse", **grounds, **refused)
        assert answer.status_code == status, refused
        assert recorded(post, case) is None and PASSWORD not in answer.text
    fresh = second(agreeing)
    assert decide(client, case, "refuse", **grounds, **fresh).status_code == 303
    assert entry_of(post, case).second_officer == agreeing.number
    other = proposing(post, Proposal.REFUSE, EXPIRED)
    assert decide(client, other, "refuse", **grounds, **fresh).status_code == 401, "a code serves once"
    assert f"{first.number} et {agreeing.number}" in opened(client, case).text


def test_an_officer_revoked_in_between_is_signed_out_and_nothing_is_recorded(post: Post) -> None:
    client, person = post.signed_in()
    case = found(post)
    page = opened(client, case)
    post.suspend(person)
    answer = post_form(client, page, f"/inspections/{case.id}/decide/refer")
    assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    assert recorded(post, case) is None and post.agent.desk.case(case.id).phase is Phase.PROPOSED


def test_without_the_page_s_token_nothing_happens(post: Post) -> None:
    client, _ = post.signed_in()
    stranger, _ = post.signed_in()
    case = found(post)
    opened(client, case)
    for token in ("", "x", token_of(stranger.get("/"))):
        answer = client.post(f"/inspections/{case.id}/decide/refer", data={"csrf": token})
        assert answer.status_code == 403
    assert recorded(post, case) is None
    assert client.get(f"/inspections/{case.id}/decide/refer").status_code == 200, "opening a page decides nothing"
    assert recorded(post, case) is None


@pytest.mark.parametrize("decision", ["pardon", "REFER", "unknown", "..%2f..", ""])
def test_only_three_decisions_exist(post: Post, decision: str) -> None:
    client, _ = post.signed_in()
    case = found(post)
    answer = post_form(client, opened(client, case), f"/inspections/{case.id}/decide/{decision}")
    assert answer.status_code in (400, 404, 405) and recorded(post, case) is None


def test_pictures_are_pictures_and_nothing_else(post: Post) -> None:
    client, _ = post.signed_in()
    case = found(post)
    for kind, jpeg in PICTURES.items():
        answer = client.get(f"/inspections/{case.id}/pictures/{kind.value}")
        assert answer.content == jpeg and answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
    for path in ("chip", "LIVE", "..%2f..%2fstore.key", "%2e%2e/%2e%2e/store.db", "live%00.jpg", "live/../../x"):
        answer = client.get(f"/inspections/{case.id}/pictures/{path}")
        assert answer.status_code in (400, 404), path
        assert not answer.headers["content-type"].startswith("image/")


@pytest.mark.parametrize("inspection", ["0" * 32, "x", "..%2f..%2fetc", "%00", "a" * 500])
def test_an_inspection_there_is_not(post: Post, inspection: str) -> None:
    client, _ = post.signed_in()
    assert client.get(f"/inspections/{inspection}").status_code in (400, 404)
    page = client.get("/")
    for act in ("take", "keep", "leave", "skip", "type", "cancel", "decide/refer"):
        answer = post_form(client, page, f"/inspections/{inspection}/{act}", step="face", lines="x")
        assert answer.status_code < 500, act


def test_after_a_restart_the_page_leads_to_the_journal_and_the_notice_is_still_printed(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = post.signed_in()
    case = proposing(post, Proposal.REFUSE, EXPIRED)
    decide(client, case, "refuse", grounds=["no_document"])
    post.agent.desk._cases.pop(case.id)
    passage = recorded(post, case)
    assert passage is not None
    assert client.get(f"/inspections/{case.id}").headers["location"] == f"/movements/{passage.entry}"
    assert "☒" in client.get(f"/inspections/{case.id}/notice").text
    page = client.get("/")
    late = post_form(client, page, f"/inspections/{case.id}/decide/admit", reason="again")
    assert late.status_code == 303 and movements(post, case) == 1


def test_the_document_is_typed_where_no_reader_is(post: Post) -> None:
    client, _ = post.signed_in()
    answer = post_form(client, client.get("/"), "/inspections", direction="entry")
    inspection = answer.headers["location"].rpartition("/")[2]
    post.agent.desk._join(inspection)
    page = client.get(f"/inspections/{inspection}")
    bad = post_form(client, page, f"/inspections/{inspection}/type", lines="P<UTO")
    assert bad.status_code == 422
    lines = found(post).inspection.evidence.mrz
    assert lines is not None
    typed = "\n".join(line.lower() for line in lines.lines)
    checked = post_form(client, page, "/lines", lines=typed)
    assert "chiffres de contrôle sont justes" in checked.text and "TRAORE" in checked.text
    assert post_form(client, page, f"/inspections/{inspection}/type", lines=typed).status_code == 303
    post.agent.desk._join(inspection)
    evidence = post.agent.desk.case(inspection).inspection.evidence
    assert evidence.document is not None and evidence.document.typed and evidence.document.mrz is not None
    assert evidence.document.mrz.surname == "TRAORE"


def test_cancelled_without_a_decision_it_leaves_the_queue(post: Post) -> None:
    client, _ = post.signed_in()
    started = post_form(client, client.get("/"), "/inspections", direction="entry")
    inspection = started.headers["location"].rpartition("/")[2]
    post.agent.desk._join(inspection)
    page = client.get(f"/inspections/{inspection}")
    assert f"/inspections/{inspection}/cancel" in page.text
    assert post_form(client, page, f"/inspections/{inspection}/cancel").headers["location"] == "/"
    assert post.agent.desk.case(inspection).phase is Phase.CANCELLED
    assert "Rien n’a été décidé" in client.get("/").text
    assert post_form(client, page, f"/inspections/{inspection}/decide/refer").status_code == 409


def test_a_kiosk_s_inspection_is_given_back_not_cancelled(post: Post) -> None:
    client, _ = post.signed_in()
    case = found(post)
    page = opened(client, case)
    assert f"/inspections/{case.id}/cancel" not in page.text
    assert post_form(client, page, f"/inspections/{case.id}/cancel").status_code == 303
    assert post.agent.desk.case(case.id).phase is Phase.PROPOSED
    assert post.agent.counter.holder(case.id) is None


def test_a_long_form_without_scripts_still_decides_unless_another_took_over(post: Post) -> None:
    client, _ = post.signed_in()
    other, _ = post.signed_in()
    leases = post.agent.counter._leases
    for taken, status in ((False, 303), (True, 409)):
        case = proposing(post, Proposal.REFUSE, EXPIRED)
        page = client.get(f"/inspections/{case.id}/decide/refuse")
        leases._leases.clear()  # a minute without a word
        if taken:
            opened(other, case)
        answer = post_form(client, page, f"/inspections/{case.id}/decide/refuse", grounds=["no_document"])
        assert answer.status_code == status and movements(post, case) == (0 if taken else 1)


def test_those_of_a_group_who_have_gone_before_are_named(post: Post) -> None:
    client, _ = post.signed_in()
    first = proposing(post, Proposal.ADMIT, surname="SARR")
    decide(client, first, "admit")
    page = opened(client, found(post, group=first.id)).text
    passage = recorded(post, first)
    assert passage is not None and f"/movements/{passage.entry}" in page and "SARR AWA" in page


def test_discreet_stays_discreet_at_the_counter(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    from border_agent.inspection.evidence import WatchHit
    from mqtt_schemas.records import Handling, WatchRecord

    secret = WatchRecord(record_id="W-991", surname="TRAORE", grounds="court_order", handling=Handling.DISCREET)
    monkeypatch.setattr(
        post.agent.desk._answers, "watch_hits", lambda mrz: (WatchHit(record=secret, matched_on="identity"),)
    )
    case = found(post)
    officer, _ = post.signed_in(OFFICER)
    page = opened(officer, case).text
    assert "Ne laissez rien paraître" in page
    for words in ("W-991", "décision de justice", "identité."):
        assert words not in page, words
    post_form(officer, opened(officer, case), f"/inspections/{case.id}/leave")
    supervisor, _ = post.signed_in(SUPERVISOR)
    assert "W-991" in opened(supervisor, case).text
