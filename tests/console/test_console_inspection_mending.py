"""Days on paper and corrections over HTTPS, as a browser without scripts would use them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from border_agent.inspection.verdict import Proposal
from border_agent.store import Passage
from mqtt_schemas.entries import Decision, Direction, LateEntry
from mqtt_schemas.records import FourEyes, OfficerRole
from tests.console.console_kit import PASSWORD, SUPERVISOR, Post
from tests.console.inspection_kit import HOSTILE, decide, post_form, proposing, recorded
from tests.inspection.inspection_cases import passport


@pytest.fixture(autouse=True)
def plain_policy(post: Post) -> Iterator[None]:
    post.rule()
    yield


def form(**changes: str) -> dict[str, str]:
    """A form from yesterday's paper, the document by its two lines."""
    yesterday = datetime.now().astimezone() - timedelta(days=1)
    number = f"L{secrets.randbelow(10**7):07d}"
    return {
        "paper": f"PF-{secrets.randbelow(10**6):06d}",
        "date": yesterday.date().isoformat(),
        "time": "14:05",
        "direction": "entry",
        "decision": "admit",
        "decided_by": "4711",
        "reason": "panne de courant",
        "stay_days": "30",
        "lines": "\n".join(passport(number=number, issuer="BFA", nationality="BFA").lines),
    } | changes


def send(client: httpx.Client, **fields: str) -> httpx.Response:
    return post_form(client, client.get("/late"), "/late", **fields)


def newest(post: Post) -> tuple[Passage, LateEntry]:
    passage = post.agent.passages.late(1)[0]
    entry = post.agent.passages.entry(passage.entry)
    assert isinstance(entry, LateEntry)
    return passage, entry


def test_a_form_becomes_a_movement_of_the_day_on_the_paper(post: Post) -> None:
    client, person = post.signed_in()
    fields = form()
    assert send(client, **fields).status_code == 303
    passage, entry = newest(post)
    assert (entry.paper, entry.officer, entry.entered_by) == (fields["paper"], "4711", person.number)
    at = passage.occurred_at.astimezone()
    assert (at.date().isoformat(), at.strftime("%H:%M")) == (fields["date"], "14:05")
    assert (passage.direction, passage.decision, passage.surname) == (Direction.ENTRY, Decision.ADMIT, "MENSAH")
    page = client.get("/late").text
    assert fields["paper"] in page and f"entrée {passage.sequence} du journal" in page
    assert f"/movements/{passage.entry}/correct" in page


def test_without_the_lines_the_fields_do(post: Post) -> None:
    client, _ = post.signed_in()
    fields = form(
        lines="", surname="Agbéko", given_names="Kossi", number="eb 204519", issuer="tgo", nationality="TGO",
        birth="1985-04-02", decision="refuse", direction="exit", stay_days="",
    )  # fmt: skip
    assert send(client, **fields).status_code == 303
    passage, entry = newest(post)
    assert (passage.surname, passage.number, passage.issuer, entry.document.birth) == (
        "AGBEKO", "EB204519", "TGO", "850402",
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"paper": ""},
        {"date": ""},
        {"date": "2026-02-30"},
        {"date": "9999-12-31"},
        {"date": "1926-01-01"},
        {"time": "25:61"},
        {"decided_by": " "},
        {"reason": ""},
        {"stay_days": "-3"},
        {"stay_days": "many"},
        {"stay_days": "9" * 30},
        {"lines": ""},
        {"lines": "P<UTO"},
        {"visa_id": "not a visa"},
        {"direction": "sideways"},
        {"decision": "refer"},
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(post: Post, wrong: dict[str, str]) -> None:
    client, _ = post.signed_in()
    before = post.agent.passages.late(1)
    fields = form(reason="inondation du poste") | wrong
    answer = send(client, **fields)
    assert answer.status_code in (400, 422), answer.status_code
    assert post.agent.passages.late(1) == before
    if answer.status_code == 422:
        assert 'role="alert"' in answer.text
        assert fields["paper"] in answer.text and fields["lines"].partition("\n")[0] in answer.text.replace(
            "&lt;", "<"
        )


def test_entered_twice_it_is_one_movement(post: Post) -> None:
    client, _ = post.signed_in()
    fields = form()
    assert [send(client, **fields).status_code for _ in range(2)] == [303, 303]
    assert len([one for one in post.agent.passages.late(50) if one.number == newest(post)[0].number]) == 1


def test_hostile_texts_stay_texts(post: Post) -> None:
    client, _ = post.signed_in()
    assert send(client, **form(reason=HOSTILE, paper="<b>7</b>", decided_by="<i>4711</i>")).status_code == 303
    page = client.get("/late").text
    assert "<b>7</b>" not in page and "&lt;b&gt;7&lt;/b&gt;" in page and "<i>4711" not in page


def test_two_officers_enter_where_the_policy_wants_two(post: Post) -> None:
    post.rule(second_officer=(FourEyes.LATE_ENTRY, FourEyes.CORRECTION))
    client, _ = post.signed_in()
    agreeing = post.officer()
    fields = form()
    assert send(client, **fields).status_code == 401
    both = {"second_number": agreeing.number, "second_password": PASSWORD, "second_code": agreeing.shows()}
    assert send(client, **fields, **both).status_code == 303
    passage, entry = newest(post)
    assert entry.second_officer == agreeing.number
    path = f"/movements/{passage.entry}/correct"
    alone = post_form(client, client.get(path), path, **{"document.surname": "Sarr", "reason": "faute"})
    assert alone.status_code == 401 and post.agent.passages.by_entry(passage.entry) == passage


def decided(post: Post, client: httpx.Client) -> Passage:
    """A movement that this officer has decided."""
    case = proposing(post, Proposal.ADMIT)
    assert decide(client, case, "admit").status_code == 303
    passage = recorded(post, case)
    assert passage is not None
    return passage


def correct(client: httpx.Client, passage: Passage, **fields: Any) -> httpx.Response:
    path = f"/movements/{passage.entry}/correct"
    return post_form(client, client.get(path), path, **fields)


def test_officers_put_their_own_movements_right(post: Post) -> None:
    client, person = post.signed_in()
    passage = decided(post, client)
    answer = correct(client, passage, **{"document.surname": "Traoré", "direction": "exit", "reason": "sens inversé"})
    assert answer.headers["location"] == f"/movements/{passage.entry}"
    after = post.agent.passages.by_entry(passage.entry)
    assert after is not None and after.corrected and after.direction is Direction.EXIT
    (correction,) = post.agent.passages.corrections(passage.entry)
    assert correction.officer == person.number and correction.changes == {"direction": "exit"}, "the name was right"


def test_the_moment_is_given_in_the_post_s_own_time(post: Post) -> None:
    client, _ = post.signed_in()
    passage = decided(post, client)
    day = (datetime.now().astimezone() - timedelta(days=2)).date().isoformat()
    assert correct(client, passage, date=day, time="06:30", reason="mauvaise heure").status_code == 303
    after = post.agent.passages.by_entry(passage.entry)
    assert after is not None and after.occurred_at.astimezone().strftime("%Y-%m-%d %H:%M") == f"{day} 06:30"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"reason": ""}, 422),
        ({"document.surname": "Sarr", "reason": " "}, 422),
        ({"reason": "rien"}, 422),
        ({"document.number": "!!", "reason": "x"}, 422),
        ({"date": "2026-13-01", "time": "06:30", "reason": "x"}, 422),
        ({"date": "2020-01-01", "reason": "x"}, 422),
        ({"officer": "9999", "reason": "x"}, 422),
        ({"document.surname": "S" * 2000, "reason": "x"}, 400),
    ],
)
def test_a_correction_that_is_none(post: Post, fields: dict[str, str], status: int) -> None:
    client, _ = post.signed_in()
    passage = decided(post, client)
    assert correct(client, passage, **fields).status_code == status
    assert post.agent.passages.by_entry(passage.entry) == passage


def test_another_officer_s_movement_is_a_supervisor_s_to_correct(post: Post) -> None:
    mine, _ = post.signed_in()
    other, _ = post.signed_in()
    passage = decided(post, mine)
    path = f"/movements/{passage.entry}/correct"
    assert other.get(path).status_code == 403
    assert post_form(other, other.get("/"), path, direction="exit", reason="x").status_code == 403
    auditor, _ = post.signed_in(OfficerRole.AUDITOR)
    assert auditor.get(path).status_code == 403
    assert post.agent.passages.by_entry(passage.entry) == passage
    supervisor, _ = post.signed_in(SUPERVISOR)
    assert correct(supervisor, passage, annul="yes", reason="n’a pas eu lieu").status_code == 303
    after = post.agent.passages.by_entry(passage.entry)
    assert after is not None and after.annulled
    assert correct_again(supervisor, passage) == 409


def correct_again(client: httpx.Client, passage: Passage) -> int:
    path = f"/movements/{passage.entry}/correct"
    assert '<form method="post" action="' + path not in client.get(path).text
    return post_form(client, client.get("/late"), path, annul="yes", reason="encore").status_code


def test_whoever_entered_it_from_paper_may_correct_it(post: Post) -> None:
    client, _ = post.signed_in()
    assert send(client, **form()).status_code == 303
    passage, _ = newest(post)
    assert correct(client, passage, stay_days="10", reason="mal lu").status_code == 303


@pytest.mark.parametrize("entry", ["0" * 32, "x", "..%2f..", "a" * 300])
def test_a_movement_there_is_not(post: Post, entry: str) -> None:
    client, _ = post.signed_in()
    assert client.get(f"/movements/{entry}/correct").status_code == 404
