"""One queue for the whole post: two counters as whole agents and a kiosk, over the post's own broker."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from counter_kit import COUNTERS, Counters, asleep, row, session, settled, written
from msgspec import structs

from border_agent.agent.counter import NotInHand, NotYours, SecondOfficerWanted
from border_agent.agent.desk import KnownInspection
from border_agent.agent.leases import Held
from border_agent.agent.officers.values import Session
from border_agent.agent.post.errors import NoSuchRemoteCall, PostAway
from border_agent.inspection.machine import Phase
from border_agent.inspection.slip import NoSlipCode, slip_code
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.lab.broker import POST_ACL, LabBroker
from mqtt_schemas.lab.pki import LabAuthority
from mqtt_schemas.post import CallState
from mqtt_schemas.records import OfficerRole
from tests.post.post_kit import KIOSK, wait_for


@pytest.fixture(scope="module")
def post() -> Iterator[Counters]:
    """One post; every test brings travellers of its own, and leaves the line up."""
    with tempfile.TemporaryDirectory(prefix="borne-") as name, ExitStack() as stack:
        folder = Path(name)
        authority = LabAuthority(folder / "tls")
        broker = stack.enter_context(LabBroker(folder / "broker", authority.server(), acl=POST_ACL))
        yield Counters(folder, broker, authority, stack)


@pytest.fixture
def officer() -> Session:
    """At the first counter."""
    return session("1001", counter="G1")


@pytest.fixture
def other() -> Session:
    """At the second one."""
    return session("1002", counter="G2")


def test_taken_at_one_counter_it_is_seen_and_refused_at_the_other(
    post: Counters, officer: Session, other: Session
) -> None:
    case = post.finished()
    assert post.first.counter.take(case.id, officer).origin == KIOSK
    wait_for(lambda: post.second.counter.holder(case.id))
    holder = post.second.counter.holder(case.id)
    assert holder is not None
    assert (holder.number, holder.counter, holder.device, holder.session) == ("1001", "G1", COUNTERS[0], "")
    seen = row(post.second, case.id)
    assert seen is not None and seen.holder == holder
    with pytest.raises(Held) as caught:
        post.second.counter.take(case.id, other)
    assert caught.value.holder == holder
    assert post.second.counter.look(case.id).phase is Phase.PROPOSED, "read only, it can be looked at"
    with pytest.raises(NotInHand):
        post.second.counter.decide(case.id, other, Decision.ADMIT, reason="seen")
    own = post.first.counter.holder(case.id)
    assert own is not None and (own.session, own.alone) == (officer.key, False)


def test_given_back_it_is_anybody_s_and_decided_once(post: Counters, officer: Session, other: Session) -> None:
    case = post.finished()
    post.first.counter.take(case.id, officer)
    wait_for(lambda: post.second.counter.holder(case.id))
    post.first.counter.leave(case.id, officer)
    wait_for(lambda: post.second.counter.holder(case.id) is None)
    post.second.counter.take(case.id, other)
    decided = post.second.counter.decide(case.id, other, Decision.REFER, reason="seen")
    assert decided.receipt is not None
    wait_for(lambda: post.kiosk.referrals()[case.id] == "refer")
    wait_for(lambda: settled(post.first, case.id))
    assert written(post.second, case.id) == [Decision.REFER]
    assert written(post.first, case.id) == []
    assert row(post.first, case.id) is row(post.second, case.id) is None
    assert post.first.counter.take(case.id, officer).ended, "an old page is told that it is over"
    assert post.first.counter.holder(case.id) is None
    again = post.second.counter.decide(case.id, other, Decision.REFER)
    assert again.receipt == decided.receipt, "an answer that got lost"
    assert written(post.second, case.id) == [Decision.REFER]


def test_two_officers_at_one_counter(post: Counters, officer: Session) -> None:
    case, colleague = post.finished(), session("1003")
    post.first.counter.take(case.id, officer)
    with pytest.raises(Held) as caught:
        post.first.counter.take(case.id, colleague)
    assert caught.value.holder.session == officer.key
    with pytest.raises(Held):
        post.first.counter.decide(case.id, colleague, Decision.ADMIT, reason="seen")
    assert not post.first.counter.keep(case.id, colleague)
    post.first.counter.leave(case.id, colleague)
    assert post.first.counter.keep(case.id, officer), "nobody gives back what another one has"
    post.first.counter.leave(case.id, officer)
    post.first.counter.take(case.id, colleague)
    assert written(post.first, case.id) == []


def test_nothing_is_decided_that_nobody_has_in_hand(post: Counters, officer: Session) -> None:
    case = post.finished()
    post.first.counter.look(case.id)
    with pytest.raises(NotInHand):
        post.first.counter.decide(case.id, officer, Decision.ADMIT, reason="seen")
    assert not post.first.counter.keep(case.id, officer)
    assert written(post.first, case.id) == []


def test_a_second_officer_where_the_policy_wants_one(post: Counters, officer: Session) -> None:
    case = post.finished()
    post.first.counter.take(case.id, officer)
    refuse = {"reason": "no answer", "grounds": ("no_document",)}
    for second in ("", officer.number):
        with pytest.raises(SecondOfficerWanted):
            post.first.counter.decide(case.id, officer, Decision.REFUSE, second_officer=second, **refuse)
    assert written(post.first, case.id) == []
    post.first.counter.decide(case.id, officer, Decision.REFUSE, second_officer="2001", **refuse)
    assert written(post.first, case.id) == [Decision.REFUSE]


@pytest.mark.parametrize("role", [OfficerRole.TECHNICIAN, OfficerRole.AUDITOR, OfficerRole.READER])
def test_other_roles_take_nobody_in_hand(post: Counters, role: OfficerRole) -> None:
    case, person = post.finished(), session("3001", role)
    counter = post.first.counter
    with pytest.raises(NotYours):
        counter.take(case.id, person)
    with pytest.raises(NotYours):
        counter.start(person, direction=Direction.ENTRY)
    with pytest.raises(NotYours):
        counter.decide(case.id, person, Decision.ADMIT)
    with pytest.raises(NotYours):
        counter.cancel(case.id, person)
    with pytest.raises(NotYours):
        counter.answer_call("0" * 16, person)
    assert counter.holder(case.id) is None


def test_found_by_what_the_traveller_holds(post: Counters) -> None:
    case = post.finished()
    number = case.inspection.evidence.mrz.number if case.inspection.evidence.mrz else ""
    code = slip_code(case.id)
    for typed in (code, f" {code[:3].lower()}-{code[3:]} ", f"borne:{case.id}"):
        found = post.first.counter.find(typed)
        assert found is not None and found.id == case.id, typed
    found = post.first.counter.find(number.lower())
    assert found is not None and found.number == number
    for typed in ("", "000000", f"borne:{'0' * 32}", "x" * 500, "borne:" + case.id[:31], "\N{SNOWMAN}"):
        assert post.first.counter.find(typed) is None, typed


def test_a_document_s_number_may_look_like_a_slip_s_code(post: Counters) -> None:
    """Six characters of the slips' alphabet: both are searched, the slip first."""
    case = post.finished()
    held = post.first.counter.look(case.id)
    evidence = held.inspection.evidence
    assert evidence.document is not None and evidence.mrz is not None
    document = structs.replace(evidence.document, mrz=structs.replace(evidence.mrz, number="P12345"))
    inspection = structs.replace(held.inspection, evidence=structs.replace(evidence, document=document))
    post.first.desk._cases[case.id] = structs.replace(held, inspection=inspection)
    found = post.first.counter.find("p12345")
    assert found is not None and found.id == case.id


def test_cancelling_a_kiosk_s_case_gives_it_back(post: Counters, officer: Session, other: Session) -> None:
    case = post.finished()
    post.first.counter.take(case.id, officer)
    wait_for(lambda: post.second.counter.holder(case.id))
    assert post.first.counter.cancel(case.id, officer).phase is Phase.PROPOSED
    assert post.kiosk.referrals()[case.id] is None, "it still waits"
    wait_for(lambda: post.second.counter.holder(case.id) is None)
    assert post.second.counter.take(case.id, other).phase is Phase.PROPOSED
    assert written(post.first, case.id) == []


def test_cancelling_what_was_begun_here_ends_it(post: Counters, officer: Session) -> None:
    case = post.first.counter.start(officer, direction=Direction.EXIT)
    assert post.first.counter.cancel(case.id, officer).phase is Phase.CANCELLED
    assert post.first.counter.holder(case.id) is None
    assert row(post.first, case.id) is None


def test_with_the_broker_gone_a_slip_goes_on_here_and_the_kiosk_hears_of_it(
    post: Counters, officer: Session, other: Session
) -> None:
    post.cut()
    case = post.kiosk.finish()
    assert post.first.counter.find(f"borne:{case.id}") is None
    begun = post.first.counter.start(officer, direction=Direction.ENTRY, slip=f"borne:{case.id}")
    assert (begun.id, begun.origin) == (case.id, "")
    wait_for(lambda: post.first.desk.case(case.id).phase is Phase.PROPOSED)
    holder = post.first.counter.holder(case.id)
    assert holder is not None and holder.alone
    post.mend()
    wait_for(lambda: post.second.counter.holder(case.id))
    with pytest.raises(Held):
        post.second.counter.take(case.id, other)
    wait_for(lambda: not post.first.counter.holder(case.id).alone)  # type: ignore[union-attr]
    post.first.counter.decide(case.id, officer, Decision.REFER, reason="kiosk away")
    wait_for(lambda: post.kiosk.referrals()[case.id] == "refer")
    wait_for(lambda: row(post.second, case.id) is None)
    assert written(post.first, case.id) == [Decision.REFER]


def test_decided_while_the_broker_is_gone_it_is_told_afterwards(post: Counters, officer: Session) -> None:
    post.cut()
    case = post.kiosk.finish()
    post.first.counter.start(officer, direction=Direction.ENTRY, slip=f"borne:{case.id}")
    wait_for(lambda: post.first.desk.case(case.id).phase is Phase.PROPOSED)
    post.first.counter.decide(case.id, officer, Decision.REFER, reason="kiosk away")
    assert post.kiosk.referrals().get(case.id) is None
    post.mend()
    wait_for(lambda: post.kiosk.referrals()[case.id] == "refer")
    wait_for(lambda: row(post.first, case.id) is row(post.second, case.id) is None)
    with pytest.raises(KnownInspection):
        post.first.counter.start(officer, direction=Direction.ENTRY, slip=f"borne:{case.id}")


def test_a_typed_slip_gets_a_new_inspection_of_the_same_code(post: Counters, officer: Session) -> None:
    code = "K7Q2FD"
    case = post.first.counter.start(officer, direction=Direction.ENTRY, slip="k7q-2fd")
    assert case.slip == code
    post.first.counter.cancel(case.id, officer)
    with pytest.raises(NoSlipCode):
        post.first.counter.start(officer, direction=Direction.ENTRY, slip="no slip at all")
    wait_for(lambda: post.second.post_line.claim(case.id) is None)


def test_who_took_the_same_one_alone_learns_who_was_first(post: Counters, officer: Session, other: Session) -> None:
    case = post.finished()
    post.cut()
    for agent, hand in ((post.first, officer), (post.second, other)):
        agent.counter.take(case.id, hand)
        holder = agent.counter.holder(case.id)
        assert holder is not None and holder.alone
    post.mend()
    pair = ((post.first, officer), (post.second, other))
    wait_for(lambda: sum(agent.counter.keep(case.id, hand) for agent, hand in pair) == 1)
    (winner, mine), (loser, lost) = sorted(pair, key=lambda one: not one[0].counter.keep(case.id, one[1]))
    with pytest.raises(Held):
        loser.counter.take(case.id, lost)
    with pytest.raises((Held, NotInHand)):
        loser.counter.decide(case.id, lost, Decision.ADMIT, reason="seen")
    winner.counter.decide(case.id, mine, Decision.REFER, reason="seen")
    wait_for(lambda: settled(loser, case.id))
    assert written(loser, case.id) == []


def test_a_kiosk_s_call_is_answered_and_ended_from_a_counter(post: Counters, officer: Session) -> None:
    raised = post.kiosk.calls.raise_call("")
    wait_for(lambda: post.first.counter.calls() and post.second.counter.calls())
    (seen,) = post.first.counter.calls()
    assert (seen.id, seen.device, seen.own, seen.state) == (raised.id, KIOSK, False, CallState.RAISED)
    post.first.counter.answer_call(raised.id, officer)
    wait_for(lambda: post.kiosk.calls.call(raised.id).officer == officer.number)
    wait_for(lambda: [one.state for one in post.second.counter.calls()] == [CallState.ANSWERED])
    post.first.counter.end_call(raised.id, officer)
    wait_for(lambda: post.kiosk.calls.current is None)
    wait_for(lambda: not post.first.counter.calls() and not post.second.counter.calls())
    with pytest.raises(NoSuchRemoteCall):
        post.first.counter.answer_call(raised.id, officer)


def test_a_call_cannot_be_answered_while_its_kiosk_is_out_of_reach(post: Counters, officer: Session) -> None:
    raised = post.kiosk.calls.raise_call("")
    wait_for(lambda: post.first.counter.calls())
    post.cut()
    with pytest.raises(PostAway):
        post.first.counter.answer_call(raised.id, officer)
    post.mend()
    post.first.counter.end_call(raised.id, officer)
    wait_for(lambda: post.kiosk.calls.current is None)


def test_a_session_that_signs_out_gives_everything_back(post: Counters, officer: Session, other: Session) -> None:
    held = [post.finished() for _ in range(2)]
    for case in held:
        post.first.counter.take(case.id, officer)
    wait_for(lambda: all(post.second.counter.holder(case.id) for case in held))
    post.first.counter.leave_all(officer.key)
    wait_for(lambda: not any(post.second.counter.holder(case.id) for case in held))
    assert post.second.counter.take(held[0].id, other).phase is Phase.PROPOSED


def test_a_session_that_is_over_loses_them_by_time(post: Counters, officer: Session, other: Session) -> None:
    """Suspended, locked or asleep: its page asks for nothing any more. And when it wakes it is told."""
    case = post.finished()
    post.first.counter.take(case.id, officer)
    wait_for(lambda: post.second.counter.holder(case.id))
    asleep(post.first, case.id)
    assert post.first.counter.holder(case.id) is None
    with pytest.raises(NotInHand):
        post.first.counter.decide(case.id, officer, Decision.REFER, reason="seen")
    wait_for(lambda: post.second.counter.holder(case.id) is None)
    post.second.counter.take(case.id, other)
    wait_for(lambda: post.first.counter.holder(case.id))
    assert not post.first.counter.keep(case.id, officer)
    with pytest.raises(Held):
        post.first.counter.take(case.id, officer)


def test_a_computer_that_slept_has_it_again_where_nobody_else_came(
    post: Counters, officer: Session, other: Session
) -> None:
    case = post.finished()
    post.first.counter.take(case.id, officer)
    wait_for(lambda: post.second.counter.holder(case.id))
    asleep(post.first, case.id)
    wait_for(lambda: post.second.counter.holder(case.id) is None)
    assert post.first.counter.keep(case.id, officer)
    wait_for(lambda: post.second.counter.holder(case.id))
    with pytest.raises(Held):
        post.second.counter.take(case.id, other)
