"""Questions over the local API: asked by a kiosk, answered by its traveller, kept in the evidence alone."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import structs

from border_agent.agent.runtime import Agent
from border_agent.api.client import AgentClient, ApiRefused
from border_agent.config import Config, Role, load_config
from border_agent.inspection.evidence import Evidence, Step
from border_agent.specimens.feeds import QUESTIONS, policy
from firmware_bridge.roles import Reading
from mqtt_schemas.records import Policy, Regime, RegimeRule
from tests.agent.conftest import Start, write_device
from tests.agent.test_local_api import READER, proposed
from tests.agent.test_promises import lay_down, look, passport, until

TODAY = datetime.now(UTC).date()
ASKING = structs.replace(
    policy(TODAY, QUESTIONS),
    regimes=(
        RegimeRule(nationality="UTO", purpose="work", regime=Regime.VISA_REQUIRED),
        RegimeRule(nationality="UTO", regime=Regime.EXEMPT, days=30),
    ),
)
KIOSK = f"kiosks = [{os.geteuid()}]" + READER


def asking(start: Start, extra: str, monkeypatch: pytest.MonkeyPatch, *steps: Step) -> tuple[Agent, AgentClient]:
    agent, client = start(extra)
    monkeypatch.setattr(agent.desk._answers, "policy", lambda: ASKING)
    look(agent, lambda _: (), (*steps, Step.QUESTIONS))
    agent.desk._times = structs.replace(agent.desk._times, visa=30.0)
    return agent, client


def at(client: AgentClient, inspection: str, step: str | None) -> dict[str, Any]:
    until(lambda: client.inspection(inspection)["step"] == step)
    return client.inspection(inspection)


def test_a_traveller_answers_and_the_officer_reads_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = asking(start, READER, monkeypatch, Step.DOCUMENT)
    case = client.start()
    lay_down(agent, passport())
    at(client, case["id"], "questions")
    client.answer(case["id"], "address", " Hôtel de la Gare, Garoua ")
    until(lambda: client.inspection(case["id"])["answers"])
    assert client.inspection(case["id"])["answered"] == ["document"]
    client.answer(case["id"], "purpose", "tourism")
    now = next(now for now in client.events(case["id"]) if now["phase"] == "proposed")
    assert now["answers"] == {"address": "Hôtel de la Gare, Garoua", "purpose": "tourism"}
    assert (now["purpose"], now["regime"]) == ("tourism", "exempt")
    assert now["answered"] == ["document", "questions"]
    with pytest.raises(ApiRefused, match="409 inspection.wrong_phase"):
        client.answer(case["id"], "purpose", "work")
    client.decide(case["id"], "refer", "officer-7")
    with agent._store.reading() as connection:
        bodies = [bytes(body) for (body,) in connection.execute("SELECT body FROM journal ORDER BY sequence")]
        kept = [bytes(body) for (body,) in connection.execute("SELECT data FROM evidence")]
    assert b"Garoua" not in b"".join(bodies) and b"tourism" not in b"".join(bodies), "not for the centre"
    (evidence,) = [msgspec.json.decode(body, type=Evidence) for body in kept]
    assert evidence.answers["address"] == "Hôtel de la Gare, Garoua"


def test_a_purpose_that_needs_a_visa_asks_for_it_at_once_and_goes_on(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = asking(start, READER, monkeypatch, Step.DOCUMENT, Step.VISA)
    case = client.start()
    lay_down(agent, passport())
    at(client, case["id"], "questions")
    client.answer(case["id"], "purpose", "work")
    now = at(client, case["id"], "visa")
    assert now["open_steps"] == ["visa", "questions"]
    agent.desk.code_read(Reading(raw=b"no visa", device="codes", at=time.monotonic()))
    until(lambda: (told := client.inspection(case["id"])["guidance"]) and told["code"] == "visa.again")
    client.skip(case["id"], "visa")
    assert at(client, case["id"], "questions")["guidance"] is None
    client.answer(case["id"], "address", "Douala")
    now = next(now for now in client.events(case["id"]) if now["phase"] == "proposed")
    assert now["regime"] == "visa_required" and now["skipped"] == ["visa"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("purpose", "smuggling"), ("purpose", ""), ("colour", "blue"), ("address", ""), ("address", "a\nb"),
     ("address", "x" * 201), ("unknown", "x")],
)  # fmt: skip
def test_what_the_policy_does_not_ask_is_refused_and_the_question_stays(
    start: Start, monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    _, client = asking(start, KIOSK, monkeypatch)
    case = client.start()
    at(client, case["id"], "questions")
    with pytest.raises(ApiRefused, match=r"400 inspection\.not_asked") as refused:
        client.answer(case["id"], key, value)
    assert not value or value not in str(refused.value)
    assert client.inspection(case["id"])["step"] == "questions"


def test_a_body_that_is_none_is_refused(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = asking(start, KIOSK, monkeypatch)
    case = client.start()
    at(client, case["id"], "questions")
    for body in ({}, {"key": "purpose"}, {"key": 1, "value": "work"}, {"key": "purpose", "value": "work", "more": 1}):
        with pytest.raises(ApiRefused, match=r"400 api\.bad_request"):
            client._ask("POST", f"/v1/inspections/{case['id']}/answers", body)
    with pytest.raises(ApiRefused, match=r"404 inspection\.unknown"):
        client.answer("0" * 32, "purpose", "work")


def test_a_traveller_sees_no_answer_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window asked for it; whoever stands there next must not read it."""
    _, client = asking(start, KIOSK, monkeypatch)
    case = client.start()
    at(client, case["id"], "questions")
    client.answer(case["id"], "purpose", "work")
    client.answer(case["id"], "address", "12, rue de la Paix")
    now = at(client, case["id"], None)
    assert now["answered"] == ["questions"]
    assert "Paix" not in str(now) and "work" not in str(now["say"])


def test_nobody_who_answers_is_left_standing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = asking(start, READER, monkeypatch)
    agent.desk._times = structs.replace(agent.desk._times, questions=0.2)
    case = client.start()
    now = next(now for now in client.events(case["id"]) if now["phase"] == "proposed")
    assert now["timed_out"] == ["questions"]
    finding = next(one for one in now["findings"] if one["code"] == "inspection.step_timed_out")
    assert "Questions au voyageur" in finding["title"]["fr"]


def test_a_post_asks_nothing_and_a_kiosk_can(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start()
    monkeypatch.setattr(agent.desk._answers, "policy", lambda: ASKING)
    assert client.capabilities()["steps"] == []
    assert proposed(client)["answers"] == {}
    device = structs.replace(agent.config.device, role=Role.KIOSK)
    agent.config = structs.replace(agent.config, device=device)
    assert client.capabilities()["steps"] == ["questions"]
    case = client.start()
    at(client, case["id"], "questions")


def test_the_time_for_questions_is_configured_like_every_step_s(tmp_path: Any) -> None:
    def written(extra: str) -> Config:
        return load_config(write_device(tmp_path, extra))

    assert written("").times.questions == 120.0
    assert written("[times]\nquestions = 30.0").times.questions == 30.0
    assert set(structs.asdict(written("").times)) == set(Step)


def test_the_demo_s_policy_asks_nothing_unless_told() -> None:
    assert policy(TODAY).questions == ()
    asked: Policy = policy(TODAY, QUESTIONS)
    assert [question.key.value for question in asked.questions] == ["purpose", "address"]


# --- the slip's code -----------------------------------------------------------------------------------------


def test_an_officer_finds_an_inspection_by_its_slip(start: Start) -> None:
    _, client = start()
    cases = [proposed(client) for _ in range(3)]
    wanted = cases[1]
    slip = wanted["slip"]
    assert [case["id"] for case in client.inspections()] == [case["id"] for case in cases]
    for typed in (slip, slip.lower(), slip.replace("0", "O").replace("1", "l"), f"{slip[:3]}-{slip[3:]}"):
        assert [case["id"] for case in client.inspections(typed)] == [wanted["id"]]
    taken = {case["slip"] for case in cases}
    assert client.inspections("ZZZZZZ" if "ZZZZZZ" not in taken else "YYYYYY") == []
    for typed in ("K7Q2F", "K7Q2FU", "%00", "K7Q2FD&x=1", "ü" * 6):
        with pytest.raises(ApiRefused, match=r"400 inspection\.no_slip_code"):
            client.inspections(typed)
    with pytest.raises(ApiRefused, match=r"400 inspection\.no_slip_code"):
        client._ask("GET", "/v1/inspections?slip=")


def test_the_slip_s_code_is_the_same_for_traveller_and_officer_and_after_a_restart(start: Start) -> None:
    _, client = start()
    case = proposed(client)
    client.decide(case["id"], "refer", "officer-7")
    start.stop()
    _, client = start(f"kiosks = [{os.geteuid()}]")
    assert client.start()["slip"] != case["slip"]
    start.stop()
    _, client = start()
    assert client.inspection(case["id"])["slip"] == case["slip"]


def test_no_kiosk_looks_up_a_slip(start: Start) -> None:
    _, client = start(f"kiosks = [{os.geteuid()}]")
    with pytest.raises(ApiRefused, match=r"403 api\.not_allowed"):
        client.inspections("K7Q2FD")
