"""The counter's side of the desk: kiosks' inspections, typed documents, two officers, other devices' decisions."""

from __future__ import annotations

import asyncio
import secrets
import threading
from datetime import timedelta

import pytest
from msgspec import structs

from border_agent.agent.adoption import ForeignEvidence
from border_agent.agent.desk import QUEUE, DeskBusy, KnownInspection, NoSuchInspection
from border_agent.agent.runtime import Agent
from border_agent.documents.mrz import NotMrz
from border_agent.inspection import DocumentEvidence, Proposal, StayEvidence, Step, WatchHit
from border_agent.inspection.errors import InspectionClosed, SameOfficer, SecondDocument, WrongPhase
from border_agent.inspection.machine import Phase
from mqtt_schemas.entries import Decision, Direction, Movement
from mqtt_schemas.records import Handling, WatchRecord
from tests.agent.conftest import Start
from tests.agent.desk_kit import POLICY, adopted, entered, in_force, lines, mrz, of_kiosk, proposal
from tests.agent.test_local_api import READER
from tests.agent.test_promises import lay_down, look, passport, until


def recorded(agent: Agent, inspection: str) -> Movement:
    passage = agent.passages.of_inspection(inspection)
    assert passage is not None
    entry = agent.passages.entry(passage.entry)
    assert isinstance(entry, Movement)
    return entry


def test_a_kiosks_inspection_is_weighed_by_the_counters_own_lists(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = start()
    in_force(agent, monkeypatch)
    wanted = WatchRecord(
        record_id="w1", document_issuer="BFA", document_number="P1234567", handling=Handling.STOP, grounds="stolen"
    )
    monkeypatch.setattr(
        agent.desk._answers, "watch_hits", lambda read: (WatchHit(record=wanted, matched_on="document"),)
    )
    evidence = of_kiosk(agent)
    case = adopted(agent, evidence)
    assert (case.phase, case.origin, case.proposed_at) == (Phase.PROPOSED, "kiosk-1", evidence.clock.at)
    verdict = case.inspection.verdict
    assert verdict is not None and "watchlist.document" in verdict.codes and verdict.policy_id == POLICY.policy_id
    assert case.inspection.evidence.clock.at > evidence.clock.at, "weighed now, by this clock"
    assert [waiting.id for waiting in agent.desk.cases()] == [case.id]
    shown = client.inspection(case.id)
    assert (shown["origin"], shown["stay"], shown["pictures"]) == ("kiosk-1", None, [])


def test_adopted_again_it_is_the_held_one_and_recorded_once(start: Start) -> None:
    agent, _ = start()
    evidence = of_kiosk(agent)
    case = adopted(agent, evidence)
    assert adopted(agent, structs.replace(evidence, document=None)) == case
    decided = agent.desk.decide(case.id, Decision.REFUSE, "4711", "no visa")
    assert adopted(agent, evidence) == decided
    entry = recorded(agent, case.id)
    assert (entry.origin, entry.officer) == ("kiosk-1", "4711")


def test_after_a_restart_a_decided_one_is_not_adopted_for_a_second_movement(start: Start) -> None:
    agent, _ = start()
    evidence = of_kiosk(agent)
    agent.desk.decide(adopted(agent, evidence).id, Decision.REFUSE, "4711", "no visa")
    start.stop()
    agent, _ = start()
    with pytest.raises(InspectionClosed):
        adopted(agent, evidence)
    with pytest.raises(KnownInspection):
        agent.desk.start(inspection_id=evidence.inspection_id)


def test_adopted_by_many_at_once_it_is_one(start: Start) -> None:
    agent, _ = start()
    evidence, cases = of_kiosk(agent), []
    threads = [threading.Thread(target=lambda: cases.append(adopted(agent, evidence))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cases) == 8 and all(case is cases[0] for case in cases)


def test_evidence_of_another_inspection_is_refused(start: Start) -> None:
    agent, _ = start()
    with pytest.raises(ForeignEvidence):
        agent.desk.adopt(
            inspection_id="0" * 32,
            origin="kiosk-1",
            evidence=of_kiosk(agent),
            pictures={},
            finished_at=agent.desk._answers.clock().at,
        )


def test_a_policy_for_newer_rules_is_like_none_for_a_kiosks_inspection_too(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch, structs.replace(POLICY, rules_version=99))
    case = adopted(agent, of_kiosk(agent))
    assert case.inspection.verdict is not None and case.inspection.verdict.policy_id == "none"
    assert "inspection.unknown_rules" in case.inspection.evidence.problems


def test_an_inspection_goes_on_under_the_slips_id_and_no_other(start: Start) -> None:
    agent, _ = start()
    wanted = secrets.token_hex(16)
    case = agent.desk.start(inspection_id=wanted)
    assert case.id == wanted
    proposal(agent, wanted)
    for known in (wanted, "f" * 31, "F" * 32, wanted + "\n", "../../etc"):
        with pytest.raises(KnownInspection):
            agent.desk.start(inspection_id=known)


def test_what_another_device_decided_ends_here_without_an_entry(start: Start) -> None:
    agent, client = start()
    case = client.start()
    proposal(agent, case["id"])
    entries = agent.verify_journal().entries
    agent.desk.settle(case["id"], Decision.ADMIT)
    settled = agent.desk.case(case["id"])
    assert (settled.phase, settled.settled_as, settled.receipt) == (Phase.CANCELLED, Decision.ADMIT, None)
    agent.desk.settle(case["id"], Decision.REFUSE)
    agent.desk.settle("0" * 32, Decision.ADMIT)
    assert agent.desk.case(case["id"]) == settled
    assert agent.verify_journal().entries == entries
    assert agent.desk.cases() == []
    with pytest.raises(InspectionClosed):
        agent.desk.decide(case["id"], Decision.ADMIT, "4711", "again")


def test_nothing_that_is_collecting_is_settled(start: Start) -> None:
    agent, client = start(READER)
    case = client.start()
    with pytest.raises(WrongPhase):
        agent.desk.settle(case["id"], Decision.ADMIT)
    assert agent.desk.case(case["id"]).phase is Phase.COLLECTING


def test_a_decision_keeps_who_agreed_why_and_the_times(start: Start) -> None:
    agent, _ = start()
    evidence = of_kiosk(agent)
    case = adopted(agent, evidence)
    taken = evidence.clock.at + timedelta(seconds=20)
    with pytest.raises(SameOfficer):
        agent.desk.decide(case.id, Decision.REFUSE, "4711", "no visa", second_officer=" 4711 ")
    decided = agent.desk.decide(
        case.id, Decision.REFUSE, "4711", "no visa", second_officer="4712", grounds=("visa.none",), taken_at=taken
    )
    again = agent.desk.decide(case.id, Decision.REFUSE, "4711", "no visa")
    assert again.receipt == decided.receipt, "asked again: the first receipt"
    entry = recorded(agent, case.id)
    assert (entry.second_officer, entry.grounds) == ("4712", ("visa.none",))
    passage = agent.passages.of_inspection(case.id)
    assert passage is not None
    assert (passage.begun_at, passage.proposed_at, passage.taken_at) == (
        evidence.started_at,
        evidence.clock.at,
        taken,
    )
    assert passage.begun_at < passage.proposed_at < passage.taken_at <= passage.occurred_at  # type: ignore[operator]


def test_only_a_refusal_has_grounds(start: Start) -> None:
    agent, _ = start()
    case = adopted(agent, of_kiosk(agent))
    agent.desk.decide(case.id, Decision.ADMIT, "4711", "known here", grounds=("visa.none",))
    assert recorded(agent, case.id).grounds == ()


def test_every_change_of_any_inspection_is_told_to_the_queue(start: Start) -> None:
    agent, client = start(READER)

    async def told(*changes: object) -> list[bool]:
        heard = []
        with agent.hub.listen(QUEUE) as changed:
            for change in changes:
                changed.clear()
                await asyncio.to_thread(change)  # type: ignore[arg-type]
                try:
                    await asyncio.wait_for(changed.wait(), 5.0)
                    heard.append(True)
                except TimeoutError:
                    heard.append(False)
        return heard

    evidence = of_kiosk(agent)
    steps = (
        lambda: client.start(),
        lambda: client.skip(agent.desk.cases()[0].id, "document"),
        lambda: proposal(agent, agent.desk.cases()[0].id),
        lambda: adopted(agent, evidence),
        lambda: agent.desk.decide(evidence.inspection_id, Decision.REFUSE, "4711", "no visa"),
        lambda: client.cancel(agent.desk.cases()[0].id),
    )
    heard = asyncio.run(told(*steps))
    assert heard[0] and heard[1] and all(heard[3:])


def test_a_typed_document_where_there_is_no_reader(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch)
    case = agent.desk.start()
    before = proposal(agent, case.id)
    agent.desk.type_document(case.id, lines())
    typed = proposal(agent, case.id)
    verdict = typed.inspection.verdict
    assert verdict is not None and "document.typed" in verdict.codes and "document.missing" not in verdict.codes
    assert typed.inspection.evidence.document == DocumentEvidence(mrz=mrz(), typed=True)
    assert typed.proposed_at == before.proposed_at, "waiting since the first proposal"
    assert agent.desk.type_document(case.id, lines()) == typed
    with pytest.raises(SecondDocument):
        agent.desk.type_document(case.id, lines(number="X9999999"))
    agent.desk.decide(case.id, Decision.ADMIT, "4711", "compared by hand")
    assert recorded(agent, case.id).document is not None
    with pytest.raises(InspectionClosed):
        agent.desk.type_document(case.id, lines())


def test_a_typed_document_while_the_reader_is_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start(READER)
    in_force(agent, monkeypatch)
    look(agent, lambda _: (), (Step.DOCUMENT, Step.VISA, Step.FACE))
    agent.desk._times = structs.replace(agent.desk._times, visa=30.0)
    case = client.start()
    typed = agent.desk.type_document(case["id"], lines("GHA", "G7654321"))
    assert typed.inspection.evidence.document is not None and typed.inspection.evidence.document.typed
    assert typed.step is Step.VISA, "and now the visa is asked for"
    lay_down(agent, passport())
    until(lambda: "inspection.second_document" in agent.desk.case(case["id"]).inspection.evidence.problems)
    assert agent.desk.case(case["id"]).inspection.evidence.mrz == mrz(nationality="GHA", number="G7654321")


def test_a_withdrawn_proposal_collects_what_the_document_asks_for(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch)
    look(agent, lambda _: (), (Step.VISA,))
    agent.desk._times = structs.replace(agent.desk._times, visa=30.0)
    case = agent.desk.start()
    proposal(agent, case.id)
    agent.desk.type_document(case.id, lines("GHA", "G7654321"))
    until(lambda: agent.desk.case(case.id).step is Step.VISA)
    with pytest.raises(WrongPhase):
        agent.desk.decide(case.id, Decision.ADMIT, "4711", "too early")
    with pytest.raises(DeskBusy):
        agent.desk.start()
    agent.desk.skip(case.id, Step.VISA)
    verdict = proposal(agent, case.id).inspection.verdict
    assert verdict is not None and {"document.typed", "seal.missing"} <= set(verdict.codes)


def test_a_kiosks_traveller_without_a_document_keeps_the_kiosk_as_origin(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch)
    evidence = of_kiosk(agent, document=None, timed_out=(Step.DOCUMENT,))
    case = adopted(agent, evidence)
    agent.desk.type_document(case.id, lines())
    typed = proposal(agent, case.id)
    assert (typed.origin, typed.proposed_at) == ("kiosk-1", evidence.clock.at)
    assert typed.inspection.verdict is not None and "document.typed" in typed.inspection.verdict.codes


@pytest.mark.parametrize("rubbish", [(), ("",), ("P<UTO",), ("\x00" * 44, "A" * 44), ("P" * 5000,)])
def test_what_is_no_zone_is_a_typed_error(start: Start, rubbish: tuple[str, ...]) -> None:
    agent, _ = start()
    case = agent.desk.start()
    before = proposal(agent, case.id)
    with pytest.raises(NotMrz.__mro__[1]):
        agent.desk.type_document(case.id, rubbish)
    assert agent.desk.case(case.id) == before
    with pytest.raises(NoSuchInspection):
        agent.desk.type_document("0" * 32, lines())


def test_an_exit_knows_its_entry_and_an_overstay_is_recorded(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, client = start()
    in_force(agent, monkeypatch)
    entry = entered(agent, days_ago=40)
    case = adopted(agent, of_kiosk(agent, direction=Direction.EXIT))
    stay, verdict = case.inspection.evidence.stay, case.inspection.verdict
    assert stay is not None and (stay.entry, stay.allowed_days, stay.overstay_days) == (entry.id, 30, 10)
    assert verdict is not None and verdict.proposal is Proposal.REFER and "stay.overstayed" in verdict.codes
    assert client.inspection(case.id)["stay"]["overstay_days"] == 10
    agent.desk.decide(case.id, Decision.ADMIT, "4711", "fined")
    assert recorded(agent, case.id).overstay_days == 10
    passage = agent.passages.of_inspection(case.id)
    assert passage is not None and passage.overstay_days == 10
    again = adopted(agent, of_kiosk(agent, direction=Direction.EXIT))
    assert again.inspection.evidence.stay == StayEvidence(), "the stay has ended"
    assert again.inspection.verdict is not None and "stay.entry_unknown" in again.inspection.verdict.codes


def test_an_exit_that_is_collected_here_looks_for_its_entry_too(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, client = start(READER)
    in_force(agent, monkeypatch)
    entered(agent, days_ago=30)
    look(agent, lambda _: (), (Step.DOCUMENT,))
    case = client.start(direction="exit")
    lay_down(agent, "\r".join(lines()).encode())
    stay = proposal(agent, case["id"]).inspection.evidence.stay
    assert stay is not None and (stay.allowed_days, stay.overstay_days) == (30, 0)


def test_an_entry_that_only_the_kiosk_knows_counts(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = start()
    in_force(agent, monkeypatch)
    entered_at = agent.desk._answers.clock().at - timedelta(days=31)
    known = StayEvidence(entered_at=entered_at, entry="e" * 32, allowed_days=30)
    case = adopted(agent, of_kiosk(agent, direction=Direction.EXIT, stay=known))
    assert case.inspection.evidence.stay is not None and case.inspection.evidence.stay.overstay_days == 1
