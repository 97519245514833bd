"""`borne replay`: every decision that is kept can be made again, and a journal that says otherwise is found out."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from border_agent.agent.case import Case, Recorded
from border_agent.agent.identity import load_journal_key
from border_agent.agent.recorder import Recorder
from border_agent.agent.replay import Answer, Reason, Replayer
from border_agent.cli import main
from border_agent.clock import Clock
from border_agent.config import load_config
from border_agent.inspection import Evidence, Inspection, ListAnswer, Proposal, advance, decide
from border_agent.inspection.events import Decide, Propose
from border_agent.inspection.machine import Phase
from border_agent.store import Journal, PassageNoted, Staging, Store
from border_agent.words import has
from mqtt_schemas.entries import FindingFact, Movement, read_entry
from mqtt_schemas.feeds import Feed, extend_feed, feed_genesis, put
from mqtt_schemas.messages import FeedHead
from mqtt_schemas.records import Policy
from tests.agent.conftest import DEVICE, Start, write_device
from tests.agent.test_local_api import proposed
from tests.inspection.inspection_cases import NOW, POLICY, clock, good, hit, lists, passport, with_visa, without_visa

CASES: dict[str, Callable[[], Evidence]] = {
    "nothing against": good,
    "sought": lambda: good(hits=(hit(),)),
    "a national": lambda: without_visa(passport(nationality="UTO")),
    "used up": lambda: with_visa(uses_here=1),
    "a clock that went back": lambda: good(clock=clock(back=3600.0)),
    "nothing read": lambda: good(document=None, visa=None, face=None, page=None),
}


@dataclass
class Office:
    """A device's store with policies and decisions, no device attached."""

    folder: Path
    store: Store

    def __post_init__(self) -> None:
        self.key = load_journal_key(self.folder / "journal.key")
        self.journal = Journal(self.store, DEVICE, self.key, Clock(), software="test")
        self.recorder = Recorder(self.journal, Clock())
        self.rows: list[bytes] = []

    def install(self, policy: Policy) -> int:
        """As the line brings it: the feed's next issue."""
        self.rows.append(put(policy.policy_id, policy))
        head = feed_genesis(Feed.POLICY)
        for version, row in enumerate(self.rows, start=1):
            head = extend_feed(head, version, row)
        staging = Staging(self.store)
        staging.stage(Feed.POLICY, len(self.rows), self.rows[-1:])
        issued = NOW + timedelta(minutes=len(self.rows))
        target = FeedHead(
            feed=Feed.POLICY, version=len(self.rows), head=head, issued=issued, expires=issued + timedelta(days=9)
        )
        assert staging.install(target, datetime.now(UTC))
        staging.tidy(Feed.POLICY)
        return len(self.rows)

    def decide(self, evidence: Evidence, policy: Policy, version: int) -> Recorded:
        """One inspection, from the proposal to the commit."""
        answer = ListAnswer(name="policy", version=version, issued=NOW)
        evidence = structs.replace(evidence, inspection_id=secrets.token_hex(16), lists=lists(policy=answer))
        held = Inspection(evidence=evidence, can=())
        proposed = advance(held, Propose(clock=evidence.clock), policy)
        assert proposed.phase is Phase.PROPOSED
        decision = Decide(decision=Proposal.REFUSE, officer="4711", at=NOW, reason="because", second_officer="4712")
        return self.recorder.record(Case(inspection=advance(proposed, decision, policy)))


@pytest.fixture
def office(tmp_path: Path) -> Any:
    config = load_config(write_device(tmp_path))
    with Store(config.path(config.store.path), config.path(config.store.key), reserve_bytes=0) as store:
        yield Office(tmp_path, store)


@pytest.mark.parametrize("name", CASES)
def test_what_was_decided_is_decided_again(office: Office, name: str) -> None:
    version = office.install(POLICY)
    recorded = office.decide(CASES[name](), POLICY, version)
    made = Replayer(office.store).sequence(recorded.sequence)
    assert (made.answer, made.differs, made.gone, made.new) == (Answer.SAME, (), (), ()), made
    assert (made.policy_id, made.proposal) == (POLICY.policy_id, made.proposal_again)
    assert Replayer(office.store).entry(made.entry) == made


def test_a_decision_is_made_again_under_the_policy_of_then(office: Office) -> None:
    first = office.install(POLICY)
    strict = structs.replace(POLICY, policy_id="utopia-2026-2", regimes=())
    same_name = structs.replace(POLICY, regimes=())
    evidence = good()
    then = office.decide(evidence, POLICY, first)
    second = office.install(strict)
    later = office.decide(evidence, strict, second)
    office.install(same_name)
    replayer = Replayer(office.store)
    assert decide(evidence, POLICY).proposal is not decide(evidence, strict).proposal
    assert [replayer.sequence(one.sequence).answer for one in (then, later)] == [Answer.SAME, Answer.SAME]


def test_a_policy_installed_between_the_last_look_and_the_proposal(office: Office) -> None:
    before = office.install(structs.replace(POLICY, policy_id="utopia-2026-0", regimes=()))
    office.install(POLICY)
    recorded = office.decide(good(), POLICY, before)
    assert Replayer(office.store).sequence(recorded.sequence).answer is Answer.SAME


def test_an_entry_that_says_otherwise_is_found_out(office: Office) -> None:
    version = office.install(POLICY)
    recorded = office.decide(good(), POLICY, version)
    segment = office.journal.entries_after(recorded.sequence - 1, 1, 2**20)
    assert segment is not None
    entry = read_entry(segment.bodies[0])
    assert isinstance(entry, Movement)
    invented = FindingFact(code="document.expired", severity="refuse")
    other = structs.replace(
        entry, id=secrets.token_hex(16), findings=(invented, *entry.findings[1:]), proposal="refuse", stay_days=999
    )
    office.journal.commit(
        [msgspec.json.decode(msgspec.json.encode(other), type=Movement)], [PassageNoted(entry=other)]
    )
    made = Replayer(office.store).entry(other.id)
    assert (made.answer, set(made.differs)) == (Answer.DIFFERS, {"proposal", "findings", "stay_days"})
    assert made.gone == ("document.expired refuse",)
    assert (made.proposal, made.proposal_again) == ("refuse", entry.proposal.value)


def test_what_cannot_be_made_again_says_why(office: Office) -> None:
    replayer = Replayer(office.store)
    version = office.install(POLICY)

    def reason(sequence: int) -> Reason | None:
        made = replayer.sequence(sequence)
        assert made.answer is Answer.CANNOT
        return made.reason

    assert reason(99) is Reason.NO_ENTRY
    assert reason(1) is Reason.NOT_DECIDED
    unknown = structs.replace(POLICY, policy_id="utopia-2031")
    assert reason(office.decide(good(), unknown, version).sequence) is Reason.NO_POLICY
    erased = office.decide(good(), POLICY, version).sequence
    spoilt = office.decide(CASES["sought"](), POLICY, version).sequence
    assert replayer.sequence(erased).answer is Answer.SAME
    with office.store.writing() as connection:
        names = {
            sequence: read_entry(bytes(body)).evidence  # type: ignore[union-attr]
            for sequence, body in connection.execute("SELECT sequence, body FROM journal WHERE sequence > 2")
        }
        connection.execute("DELETE FROM evidence WHERE sha256 = ?", (names[erased],))
        connection.execute("UPDATE evidence SET data = x'7b7d' WHERE sha256 = ?", (names[spoilt],))
    assert reason(erased) is Reason.NO_EVIDENCE
    assert reason(spoilt) is Reason.UNREADABLE


def test_what_a_whole_agent_decided_is_decided_again(start: Start) -> None:
    agent, client = start()
    for decision, reason in (("refer", ""), ("refuse", "no document at all")):
        case = proposed(client, direction="entry")
        client.decide(case["id"], decision, "officer-7", reason)
    made = list(Replayer(agent._store).all())
    assert [one.answer for one in made] == [Answer.SAME, Answer.SAME], made
    assert {one.policy_id for one in made} == {"none"}


def test_every_reason_has_words() -> None:
    assert not [reason for reason in Reason if not has(f"audit.replay.{reason.value}")]


def test_from_the_terminal(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = office.install(POLICY)
    good_one = office.decide(good(), POLICY, version)
    lost = office.decide(good(hits=(hit(),)), structs.replace(POLICY, policy_id="gone"), version)

    def borne(*words: object) -> tuple[object, str]:
        monkeypatch.setattr(
            "sys.argv", ["borne", "replay", *map(str, words), "--config", str(office.folder / "agent.toml")]
        )
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out or said.err

    code, said = borne("--sequence", good_one.sequence, "--json")
    assert (code, json.loads(said)["answer"]) == (0, "same")
    assert borne("--sequence", lost.sequence)[0] == 2
    code, said = borne("--all", "--json")
    assert (code, json.loads(said)) == (0, {"same": 1, "differs": 0, "cannot": 1, "differing": []})
    with office.store.writing() as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(
            "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB) WHERE sequence = ?",
            ('"proposal":"admit"', '"proposal":"refuse"', good_one.sequence),
        )
    assert borne("--all")[0] == 1
    assert borne("--sequence", good_one.sequence)[0] == 1
    assert borne()[0] == 2
    assert borne("--all", "--sequence", 2)[0] == 2
