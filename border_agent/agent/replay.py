"""A decision made again: `decide()` over the evidence that was kept, under the policy of then, against the entry.

Nothing is asked anew: what readers, lists and clock said then is the evidence. So the answer is the same on any
machine that has the evidence and the policy, in ten years as today; if it is not, the rules of that version were
changed, or the entry does not say what followed from the evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256

import msgspec
from msgspec import Struct, structs

from border_agent.agent.answers import NO_POLICY
from border_agent.inspection import Evidence, InspectionError, Verdict, decide
from border_agent.store import EvidenceStore, Store, StoreError
from border_agent.store.policies import Policies
from mqtt_schemas.entries import Decision, Inspection, Movement, read_entry
from mqtt_schemas.errors import Malformed
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import Policy

_AT_ONCE = 500


class Answer(StrEnum):
    """How a decision made again compares."""

    SAME = "same"
    DIFFERS = "differs"
    CANNOT = "cannot"


class Reason(StrEnum):
    """Why a decision cannot be made again."""

    NO_ENTRY = "no_entry"
    """There is no such entry here."""
    NO_BODY = "no_body"
    """The centre has it, and the body was let go."""
    NOT_DECIDED = "not_decided"
    """No inspection, or one that ended before anything was proposed."""
    UNREADABLE = "unreadable"
    """Entry or evidence is of another version, or not what its name says."""
    NO_EVIDENCE = "no_evidence"
    """Erased, as the policy says, or never kept."""
    NO_POLICY = "no_policy"
    """The policy it was made under never came here."""
    NO_RULES = "no_rules"
    """This software does not have the rules of that version."""


class Replay(Struct, frozen=True, kw_only=True):
    """One decision made again."""

    answer: Answer
    epoch: str = ""
    """Hexadecimal."""
    sequence: int = 0
    entry: str = ""
    """Its id."""
    reason: Reason | None = None
    policy_id: str = ""
    rules_version: int = 0
    proposal: str = ""
    """As the entry has it."""
    proposal_again: str = ""
    gone: tuple[str, ...] = ()
    """Findings of the entry that did not come again: `code severity`."""
    new: tuple[str, ...] = ()
    """Findings that came now and are not in the entry."""
    differs: tuple[str, ...] = ()
    """Names of what is not the same: `proposal`, `findings`, `regime`, `stay_days`."""


class Replayer:
    """Makes decisions of a store again. Only reads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._evidence = EvidenceStore(store)
        self._policies = Policies(store)

    def sequence(self, sequence: int) -> Replay:
        """That of an entry of the newest epoch. Raises StoreError."""
        return self._one(
            "SELECT s.epoch, j.sequence, j.body FROM journal j JOIN stream s ON s.id = j.stream"
            " WHERE j.stream = (SELECT max(id) FROM stream) AND j.sequence = ?",
            sequence,
        )

    def entry(self, entry: str) -> Replay:
        """That of the entry with this id. Raises StoreError."""
        return self._one(
            "SELECT s.epoch, j.sequence, j.body FROM passage p JOIN stream s ON s.id = p.stream"
            " JOIN journal j ON j.stream = p.stream AND j.sequence = p.sequence WHERE p.entry = ?",
            entry,
        )

    def all(self) -> Iterator[Replay]:
        """Those of every decision, each once, the oldest first. Raises StoreError."""
        after = (0, 0)
        while True:
            with self._store.reading() as connection:
                rows = connection.execute(
                    "SELECT p.stream, s.epoch, j.sequence, j.body FROM passage p JOIN stream s ON s.id = p.stream"
                    " JOIN journal j ON j.stream = p.stream AND j.sequence = p.sequence"
                    " WHERE (p.stream, p.sequence) > (?, ?) AND p.kind IN ('movement', 'inspection')"
                    " ORDER BY p.stream, p.sequence LIMIT ?",
                    (*after, _AT_ONCE),
                ).fetchall()
            if not rows:
                return
            for stream, epoch, sequence, body in rows:
                after = (stream, sequence)
                yield self._again(bytes(epoch), sequence, bytes(body))

    def _one(self, query: str, value: int | str) -> Replay:
        with self._store.reading() as connection:
            row = connection.execute(query, (value,)).fetchone()
        if row is None:
            return Replay(answer=Answer.CANNOT, reason=Reason.NO_ENTRY)
        return self._again(bytes(row[0]), row[1], bytes(row[2]))

    def _again(self, epoch: bytes, sequence: int, body: bytes) -> Replay:
        replay = Replay(answer=Answer.CANNOT, epoch=epoch.hex(), sequence=sequence)
        if not body:
            return structs.replace(replay, reason=Reason.NO_BODY)
        try:
            entry = read_entry(body)
        except Malformed:
            return structs.replace(replay, reason=Reason.UNREADABLE)
        replay = structs.replace(replay, entry=entry.id)
        if not isinstance(entry, Movement | Inspection) or entry.proposal is Decision.UNKNOWN:
            return structs.replace(replay, reason=Reason.NOT_DECIDED)
        replay = structs.replace(
            replay,
            policy_id=entry.policy_id,
            rules_version=entry.rules_version,
            proposal=entry.proposal.value,
        )
        found = self._decided(entry)
        if isinstance(found, Reason):
            return structs.replace(replay, reason=found)
        return _compared(replay, entry, found)

    def _decided(self, entry: Movement | Inspection) -> Verdict | Reason:
        evidence = self._evidence_of(entry)
        if isinstance(evidence, Reason):
            return evidence
        policy = self._policy_of(entry)
        if policy is None:
            return Reason.NO_POLICY
        try:
            return decide(evidence, policy)
        except InspectionError:
            return Reason.NO_RULES

    def _evidence_of(self, entry: Movement | Inspection) -> Evidence | Reason:
        if entry.evidence is None:
            return Reason.NO_EVIDENCE
        try:
            data = self._evidence.get(entry.evidence)
        except StoreError:
            return Reason.UNREADABLE
        if data is None:
            return Reason.NO_EVIDENCE
        if sha256(data).digest() != entry.evidence:
            return Reason.UNREADABLE
        try:
            return msgspec.json.decode(data, type=Evidence)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return Reason.UNREADABLE

    def _policy_of(self, entry: Movement | Inspection) -> Policy | None:
        """The one that was in force in the issue the entry names; where a newer one was installed between the last
        look at the lists and the proposal, the one whose name it has."""
        if entry.policy_id == NO_POLICY.policy_id:
            return NO_POLICY
        version = next((fact.version for fact in entry.lists if fact.name == Feed.POLICY), 0)
        policy = self._policies.at(version)
        if policy is None or policy.policy_id != entry.policy_id:
            policy = self._policies.named(entry.policy_id)
        return policy if policy is not None and policy.rules_version == entry.rules_version else None


def _compared(replay: Replay, entry: Movement | Inspection, verdict: Verdict) -> Replay:
    before = Counter(f"{finding.code} {finding.severity}" for finding in entry.findings)
    again = Counter(f"{finding.code} {finding.severity.value}" for finding in verdict.findings)
    differs = {
        "proposal": entry.proposal.value != verdict.proposal.value,
        "findings": before != again,
        "regime": entry.regime != verdict.regime.value,
        "stay_days": entry.stay_days != verdict.stay_days,
    }
    return structs.replace(
        replay,
        answer=Answer.DIFFERS if any(differs.values()) else Answer.SAME,
        proposal_again=verdict.proposal.value,
        gone=tuple((before - again).elements()),
        new=tuple((again - before).elements()),
        differs=tuple(name for name, other in differs.items() if other),
    )
