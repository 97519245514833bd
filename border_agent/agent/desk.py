"""The desk: inspections from start to decision. One collects at a time; many may wait for their officer."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable

from msgspec import structs

from border_agent.agent.answers import NO_POLICY, Answers
from border_agent.agent.case import Case
from border_agent.agent.collector import Collector, Stopped
from border_agent.agent.eyes import Eyes
from border_agent.agent.hub import Hub
from border_agent.agent.inbox import AnswerGiven, CodeArrived, DocumentArrived, Inbox, Item, SkipAsked, Stop
from border_agent.agent.recorder import Recorded, Recorder
from border_agent.config import TimesSection
from border_agent.errors import BorneError
from border_agent.inspection.errors import UnknownRules, WrongPhase
from border_agent.inspection.events import Cancel, Decide, ProblemMet
from border_agent.inspection.evidence import Step
from border_agent.inspection.machine import Inspection, Phase, advance, begin
from border_agent.inspection.questions import checked_answer
from border_agent.inspection.rules import rules_for
from border_agent.inspection.verdict import Proposal
from firmware_bridge.roles import Reading
from mqtt_schemas.entries import Decision, Direction

_log = logging.getLogger(__name__)

CANCEL_SECONDS = 5.0
"""How long a cancellation waits for the collecting thread: less than a client waits for its answer."""

MOST_KEPT = 200
"""Ended inspections kept for a client that asks late; what they said is in the journal."""


class NoSuchInspection(BorneError):
    """No inspection of this id is known here."""

    code = "inspection.unknown"


class DeskBusy(BorneError):
    """Another traveller's inspection is still collecting."""

    code = "inspection.busy"


class VisaUsedMeanwhile(BorneError):
    """Between proposal and decision another admission used the same visa: the traveller is inspected again."""

    code = "inspection.visa_used_meanwhile"


class Desk:
    """Holds every inspection of this device. Calls may come from any thread; each returns a snapshot."""

    def __init__(
        self,
        *,
        device: str,
        abilities: Callable[[], tuple[Step, ...]],
        eyes: Eyes,
        answers: Answers,
        recorder: Recorder,
        hub: Hub,
        times: TimesSection,
    ) -> None:
        self._device = device
        self._abilities = abilities
        self._eyes = eyes
        self._answers = answers
        self._recorder = recorder
        self._hub = hub
        self._times = times
        self._lock = threading.RLock()
        self._deciding = threading.Lock()
        self._cases: dict[str, Case] = {}
        self._collecting: tuple[str, Inbox, threading.Thread] | None = None

    def start(
        self, *, direction: Direction = Direction.ENTRY, purpose: str = "", group: str = "", accompanied: bool = False
    ) -> Case:
        """Begin an inspection. Raises DeskBusy while another one is collecting."""
        with self._lock:
            if self._collecting is not None:
                raise DeskBusy(self._device, self._collecting[0])
            inspection = begin(
                inspection_id=secrets.token_hex(16),
                device=self._device,
                clock=self._answers.clock(),
                can=self._abilities(),
                direction=direction,
                purpose=purpose,
                group=group,
                accompanied=accompanied,
            )
            case = self._cases[inspection.id] = Case(inspection=inspection)
            inbox: Inbox = Inbox()
            thread = threading.Thread(target=self._collect, args=(inspection, inbox), name="desk", daemon=True)
            self._collecting = (inspection.id, inbox, thread)
            self._forget_old()
            thread.start()
            return case

    def case(self, inspection: str) -> Case:
        """An inspection's snapshot. Raises NoSuchInspection."""
        with self._lock:
            try:
                return self._cases[inspection]
            except KeyError:
                raise NoSuchInspection(inspection[:64]) from None

    def cases(self) -> list[Case]:
        """Inspections that have not ended, the oldest first."""
        with self._lock:
            return [case for case in self._cases.values() if not case.ended]

    def skip(self, inspection: str, step: Step) -> Case:
        """Leave a step out of an inspection that is collecting."""
        self.case(inspection)
        self._deliver(SkipAsked(step), inspection)
        return self.case(inspection)

    def answer(self, inspection: str, key: str, value: str) -> Case:
        """Hand a traveller's answer to an inspection that is collecting. Raises NotAsked, WrongPhase."""
        self._require_collecting(inspection)
        checked_answer(self.case(inspection).questions, key, value)
        self._deliver(AnswerGiven(key, value), inspection)
        return self.case(inspection)

    def cancel(self, inspection: str, *, only_collecting: bool = False) -> Case:
        """End an inspection without a decision. What was read is recorded as an `inspection` entry.

        `only_collecting`: one that already waits for its officer stays with the officer (WrongPhase). Raises
        StoreError, and then it has not ended: it may be cancelled again.
        """
        if only_collecting:
            self._require_collecting(inspection)
        self._deliver(Stop(), inspection)
        self._join(inspection)
        with self._deciding:
            if only_collecting:
                self._require_collecting(inspection)
            # Nobody collects any more, so nobody is asked for anything, whether or not there is room to record it.
            case = self._replace(structs.replace(self.case(inspection), step=None, open_steps=(), guidance=None))
            event = Cancel(reason="cancelled", at=self._answers.clock().at)
            cancelled = advance(case.inspection, event, NO_POLICY)  # no policy says who may end what
            receipt = self._recorder.record(cancelled) if cancelled.evidence.mrz is not None else None
            self._release(inspection)  # the next traveller does not wait for a step that hangs
            return self._replace(structs.replace(case, inspection=cancelled, receipt=receipt))

    def decide(self, inspection: str, decision: Decision, officer: str, reason: str) -> Case:
        """Record the officer's decision: returns after the durable commit.

        The same decision asked for again (an answer that got lost) returns the first one's receipt. Raises
        InspectionError, VisaUsedMeanwhile, or StoreError, and then nothing is recorded.
        """
        with self._deciding:
            case = self.case(inspection)
            proposal = Proposal(decision.value)
            outcome = case.inspection.outcome
            if outcome is not None and (outcome.decision, outcome.officer) == (proposal, officer.strip()):
                return case
            event = Decide(decision=proposal, officer=officer, reason=reason, at=self._answers.clock().at)
            decided = advance(case.inspection, event, NO_POLICY)  # the verdict is there: no policy is asked again
            visa = case.inspection.evidence.visa
            if proposal is Proposal.ADMIT and visa is not None and self._answers.used_meanwhile(visa):
                raise VisaUsedMeanwhile(inspection)
            receipt = self._recorder.record(decided)
            times = {**case.step_ms, "commit": receipt.milliseconds}
            return self._replace(structs.replace(case, inspection=decided, receipt=receipt, step_ms=times))

    def recorded(self, inspection: str) -> Recorded | None:
        """A decision of before the agent was started again, for a client that never heard of it."""
        return self._recorder.find(inspection)

    def document_read(self, reading: Reading) -> None:
        """A document reader's reading: it belongs to the inspection that is collecting, or to nobody."""
        self._deliver(DocumentArrived(reading))

    def code_read(self, reading: Reading) -> None:
        """A code scanner's reading, likewise."""
        self._deliver(CodeArrived(reading))

    def stop(self) -> None:
        """End the collecting inspection; nothing of it is recorded."""
        self._deliver(Stop())
        with self._lock:
            collecting = self._collecting
        if collecting is not None:
            collecting[2].join(timeout=10.0)

    def _deliver(self, item: Item, inspection: str = "") -> None:
        with self._lock:
            collecting = self._collecting
        if collecting is not None and inspection in ("", collecting[0]):
            collecting[1].put(item)
        elif not inspection:
            # Never kept for the next traveller: a former one's passport must not be theirs.
            _log.info("a reading came while no inspection was collecting; it is dropped")

    def _join(self, inspection: str) -> None:
        with self._lock:
            collecting = self._collecting
        if collecting is not None and collecting[0] == inspection:
            collecting[2].join(timeout=CANCEL_SECONDS)

    def _collect(self, inspection: Inspection, inbox: Inbox) -> None:
        def show(now: Case) -> None:
            if now.phase is not Phase.COLLECTING:
                self._release(now.id)  # before anybody hears of the proposal: the next traveller may start
            with self._lock:
                held = self._cases.get(now.id)
                if held is None or held.ended:
                    raise Stopped  # cancelled while a camera step hung: what has ended is not brought back
                self._replace(now)

        try:
            policy = self._answers.policy()
            try:
                rules_for(policy)
            except UnknownRules as error:
                # A policy for a newer software: like none at all, every traveller goes to an officer, who reads why.
                _log.error("the policy cannot be used: %s", error)
                policy = NO_POLICY
                inspection = advance(inspection, ProblemMet(error.code), policy)
            Collector(inspection, policy, inbox, self._eyes, self._answers, self._times, show).run()
        except Stopped:
            pass
        except Exception:
            # A defect of ours must not leave the traveller before a dead screen: the officer takes over by hand.
            _log.exception("an inspection could not be collected")
            self._give_up(inspection.id)
        finally:
            self._release(inspection.id)
            self._hub.publish(inspection.id)

    def _require_collecting(self, inspection: str) -> None:
        if (phase := self.case(inspection).phase) is not Phase.COLLECTING:
            raise WrongPhase(inspection, phase)

    def _release(self, inspection: str) -> None:
        with self._lock:
            if self._collecting is not None and self._collecting[0] == inspection:
                self._collecting = None

    def _give_up(self, inspection: str) -> None:
        with self._lock:
            case = self._cases[inspection]
            event = Cancel(reason="agent.failed", at=self._answers.clock().at)
            if not case.ended:
                ended = advance(case.inspection, event, NO_POLICY)
                self._replace(structs.replace(case, inspection=ended, step=None, open_steps=(), guidance=None))

    def _replace(self, case: Case) -> Case:
        with self._lock:
            self._cases[case.id] = case
        self._hub.publish(case.id)
        return case

    def _forget_old(self) -> None:
        ended = [key for key, case in self._cases.items() if case.ended]
        for key in ended[: max(0, len(ended) - MOST_KEPT)]:
            del self._cases[key]
