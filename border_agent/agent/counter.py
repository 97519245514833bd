"""The post as an officer's counter sees it: one queue, leases, decisions, calls, wherever they came from.

What was begun here is the desk's; what a kiosk has finished comes over the post's own network and becomes the desk's
when it is first opened, decided anew with this device's lists. One officer has a traveller in hand at a time: at this
device by a lease, among the post's devices by a claim. Only the device that decides writes the movement.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence

from msgspec import structs

from border_agent.agent.case import Case
from border_agent.agent.desk import Desk, NoSuchInspection
from border_agent.agent.leases import Held, Holder, Leases
from border_agent.agent.officers.values import Session
from border_agent.agent.post.errors import DecidedElsewhere
from border_agent.agent.post.line import PostLine
from border_agent.agent.post.values import ClaimView, HeldElsewhere, PostDevice, RemoteInspection
from border_agent.agent.post_calls import CallView, PostCalls
from border_agent.agent.rows import Row, in_order, row_of_case, row_of_kiosk
from border_agent.errors import BorneError
from border_agent.inspection.evidence import Step
from border_agent.inspection.machine import Phase
from border_agent.inspection.slip import NoSlipCode, id_for_slip, read_slip
from border_agent.inspection.verdict import Proposal
from border_agent.store.passages import Passage, Passages
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.records import FourEyes, OfficerRole, Policy

_log = logging.getLogger(__name__)

MOST_EARLIER = 20
LONGEST_TYPED = 64
DECIDING = frozenset({OfficerRole.OFFICER, OfficerRole.SUPERVISOR})


class NotYours(BorneError):
    """This person's roles do not include deciding about travellers."""

    code = "inspection.not_yours"


class SecondOfficerWanted(BorneError):
    """The policy wants a second officer for this; `detail` says for what."""

    code = "inspection.second_officer_wanted"

    def __init__(self, where: str, wanted: FourEyes) -> None:
        super().__init__(where, wanted.value)
        self.wanted = wanted


class NotInHand(BorneError):
    """Nobody decides about a traveller whom another officer, or nobody, has in hand."""

    code = "inspection.not_in_hand"


class Counter:
    """Asked by the console. Calls may come from any thread."""

    def __init__(
        self,
        *,
        device: str,
        gate: str,
        desk: Desk,
        leases: Leases,
        post: PostLine,
        passages: Passages,
        calls: PostCalls,
        policy: Callable[[], Policy],
    ) -> None:
        self._device = device
        self._gate = gate
        self._desk = desk
        self._leases = leases
        self._post = post
        self._passages = passages
        self._calls = calls
        self._policy = policy
        post.on_lost(self._lost)

    def rows(self) -> tuple[Row, ...]:
        """Everybody who is being inspected at this device, or waits for an officer at this post."""
        waiting = {remote.id: remote for remote in self._post.waiting()}
        for remote in waiting.values():
            if not self._known(remote.id):
                # At once: what this device's own lists say of a traveller belongs into the queue.
                with contextlib.suppress(BorneError):
                    self._taken_over(remote)
        cases = {case.id: case for case in self._desk.cases()}
        own = [
            row_of_case(case, self._device, self._gate_of(case, waiting.get(case.id)), self.holder(case.id))
            for case in cases.values()
        ]
        kiosks = [
            row_of_kiosk(
                remote.evidence,
                origin=remote.device,
                gate=remote.gate,
                proposal=Proposal(remote.proposal.value),
                finished_at=remote.finished_at,
                holder=self.holder(remote.id),
            )
            for remote in waiting.values()
            if remote.id not in cases and not self._known(remote.id)
        ]
        return in_order((*own, *kiosks))

    def find(self, typed: str) -> Row | None:
        """Whom a slip's code, a slip's scanned QR code or a document number names; None: nobody here."""
        rows = self.rows()
        try:
            code, whole = read_slip(typed)
        except NoSlipCode:
            code, whole = "", ""
        # A document's number may look like a slip's code.
        number = "".join(typed.upper().split()) if len(typed) <= LONGEST_TYPED and not whole else ""
        by_slip = (row for row in rows if code and (row.id == whole or (not whole and row.slip == code)))
        by_number = (row for row in rows if number and row.number == number)
        return next(by_slip, None) or next(by_number, None)

    def look(self, inspection: str) -> Case:
        """An inspection's snapshot; a kiosk's is taken over from the post's network. Raises NoSuchInspection."""
        try:
            return self._desk.case(inspection)
        except NoSuchInspection:
            remote = self._remote(inspection)
            if remote is None:
                raise
        return self._taken_over(remote)

    def holder(self, inspection: str) -> Holder | None:
        """Who has it in hand; None: nobody."""
        held, claim = self._leases.holder(inspection), self._post.claim(inspection)
        if claim is not None and claim.device != self._device:
            return _elsewhere(claim)
        return structs.replace(held, alone=claim is not None and claim.alone) if held is not None else None

    def take(self, inspection: str, session: Session) -> Case:
        """Take a traveller in hand. Raises Held, NotYours, NoSuchInspection, DecidedElsewhere."""
        self._require_deciding(inspection, session)
        case = self.look(inspection)
        if case.ended:
            return case
        self._leases.take(inspection, self._as_holder(session))
        if self._of_the_post(case):
            self._claim(inspection, session)
        self._desk.touch(inspection)
        return case

    def keep(self, inspection: str, session: Session) -> bool:
        """The page is still open; False where the traveller is no longer in this session's hand."""
        if not self._leases.keep(inspection, session.key):
            return False
        try:
            if self._of_the_post(self._desk.case(inspection)) and not self._post.holds(inspection):
                self._claim(inspection, session)  # a computer that slept: nobody else has come meanwhile
            else:
                self._post.keep(inspection)
        except (Held, HeldElsewhere, DecidedElsewhere, NoSuchInspection):
            self._leases.leave(inspection, session.key)
            return False
        return True

    def leave(self, inspection: str, session: Session) -> None:
        """Give a traveller back to the queue."""
        if self._leases.leave(inspection, session.key):
            self._post.release(inspection)
            self._desk.touch(inspection)

    def leave_all(self, session_key: str) -> None:
        """A session is over: everything it had in hand goes back to the queue."""
        for inspection in self._leases.leave_all(session_key):
            self._post.release(inspection)
            self._desk.touch(inspection)

    def start(
        self,
        session: Session,
        *,
        direction: Direction,
        purpose: str = "",
        group: str = "",
        accompanied: bool = False,
        slip: str = "",
    ) -> Case:
        """Begin an inspection at this counter. `slip`: of a traveller whose kiosk cannot be asked; the new inspection
        carries on its id, or one of the same code. Raises DeskBusy, KnownInspection, NoSlipCode, NotYours, Held,
        DecidedElsewhere."""
        self._require_deciding("new", session)
        inspection = id_for_slip(slip) if slip else ""
        claims = bool(inspection) and self._post.status().configured and not self._post.holds(inspection)
        if claims:
            self._claim(inspection, session)  # whoever hears of it when the network is back must not take it, too
        try:
            case = self._desk.start(
                direction=direction,
                purpose=purpose,
                group=group,
                accompanied=accompanied,
                inspection_id=inspection,
            )
        except BorneError:
            if claims:
                self._post.release(inspection)
            raise
        self._leases.take(case.id, self._as_holder(session))
        return case

    def skip(self, inspection: str, session: Session, step: Step) -> Case:
        """Leave a step out."""
        self._require_in_hand(inspection, session)
        return self._desk.skip(inspection, step)

    def type_document(self, inspection: str, session: Session, lines: tuple[str, ...]) -> Case:
        """The machine-readable zone as the officer types it."""
        self._require_in_hand(inspection, session)
        return self._desk.type_document(inspection, tuple("".join(line.upper().split()) for line in lines))

    def read_chip_again(self, inspection: str, session: Session) -> Case:
        """The chip, read once more with this counter's reader."""
        self._require_in_hand(inspection, session)
        return self._desk.read_chip_again(inspection)

    def cancel(self, inspection: str, session: Session) -> Case:
        """End it without a decision. What a kiosk has finished is not ended here: it goes back to the queue."""
        self._require_in_hand(inspection, session)
        case = self._desk.case(inspection)
        if case.origin:
            self.leave(inspection, session)
            return case
        case = self._desk.cancel(inspection)
        self._post.release(inspection)
        self._leases.forget(inspection)
        return case

    def second_wanted(self, case: Case, decision: Decision) -> FourEyes | None:
        """For what the policy wants a second officer, if this is decided; None: for nothing."""
        verdict = case.inspection.verdict
        if verdict is None:
            return None
        wanted = self._policy().second_officer
        reasons = {
            FourEyes.ADMIT_OVER_REFUSE: decision is Decision.ADMIT and verdict.proposal is Proposal.REFUSE,
            FourEyes.REFUSE_OVER_ADMIT: decision is Decision.REFUSE and verdict.proposal is Proposal.ADMIT,
            FourEyes.REFUSE: decision is Decision.REFUSE,
        }
        return next((reason for reason, holds in reasons.items() if holds and reason in wanted), None)

    def decide(
        self,
        inspection: str,
        session: Session,
        decision: Decision,
        *,
        reason: str = "",
        grounds: Sequence[str] = (),
        second_officer: str = "",
    ) -> Case:
        """Decide about a traveller in hand; returns after the durable commit. `second_officer`: the number that
        `Officers.second` gave. Raises Held, NotInHand, NotYours, SecondOfficerWanted, InspectionError, StoreError."""
        self._require_deciding(inspection, session)
        case = self._desk.case(inspection)
        if case.phase is Phase.PROPOSED:
            self._require_in_hand(inspection, session)
            wanted = self.second_wanted(case, decision)
            if wanted is not None and second_officer in ("", session.number):
                raise SecondOfficerWanted(inspection, wanted)
            if self._of_the_post(case):
                self._claim(inspection, session)
        decided = self._desk.decide(
            inspection,
            decision,
            session.number,
            reason,
            second_officer=second_officer,
            grounds=tuple(grounds),
            taken_at=self._leases.taken_at(inspection),
        )
        # Also of what was begun here: a kiosk that could not be asked may have finished the same slip.
        self._post.decided(inspection, decision, session.number)
        self._leases.forget(inspection)
        return decided

    def history(self, case: Case) -> tuple[Passage, ...]:
        """Earlier movements of this document at this device."""
        mrz = case.inspection.evidence.mrz
        if mrz is None or not mrz.number:
            return ()
        found = self._passages.of_document(mrz.issuer, mrz.number, limit=MOST_EARLIER)
        return tuple(passage for passage in found if passage.inspection != case.id)

    def group(self, case: Case) -> tuple[Row, ...]:
        """Those in the queue who travel with this traveller."""
        first = case.inspection.evidence.group or case.id
        return tuple(row for row in self.rows() if row.id != case.id and (row.group or row.id) == first)

    def calls(self) -> tuple[CallView, ...]:
        """Open calls for an officer, the oldest first."""
        return self._calls.open()

    def answer_call(self, call_id: str, session: Session) -> None:
        """This officer goes. Raises NoSuchRemoteCall, CallClosed, PostAway, NotYours."""
        self._require_deciding(call_id[:64], session)
        self._calls.answer(call_id, session.number)

    def end_call(self, call_id: str, session: Session) -> None:
        """It has been dealt with. Raises NoSuchRemoteCall, PostAway, NotYours."""
        self._require_deciding(call_id[:64], session)
        self._calls.end(call_id, session.number)

    def devices(self) -> tuple[PostDevice, ...]:
        """The post's other devices."""
        return self._post.devices()

    def _claim(self, inspection: str, session: Session) -> None:
        """Take it in hand among the post's devices, or keep it. Raises Held, DecidedElsewhere."""
        try:
            self._post.take(inspection, session.number, session.counter)
        except HeldElsewhere as error:
            self._leases.leave(inspection, session.key)
            raise Held(inspection, _elsewhere(error.claim)) from None
        except DecidedElsewhere:
            self._leases.leave(inspection, session.key)
            raise

    def _of_the_post(self, case: Case) -> bool:
        """Whether another counter could take it: a kiosk's, or one begun here from a kiosk's slip."""
        return bool(case.origin) or self._post.holds(case.id) or self._remote(case.id) is not None

    def _lost(self, inspection: str, to: ClaimView) -> None:
        """Two counters took it while the post's network was away: the other one was first."""
        _log.warning("inspection %s is in hand at %s", inspection[:8], to.device)
        self._leases.forget(inspection)

    def _taken_over(self, remote: RemoteInspection) -> Case:
        """A kiosk's inspection as the desk has it. Raises InspectionClosed, ForeignEvidence, StoreError."""
        return self._desk.adopt(
            inspection_id=remote.id,
            origin=remote.device,
            evidence=remote.evidence,
            pictures=remote.pictures,
            finished_at=remote.finished_at,
        )

    def _known(self, inspection: str) -> bool:
        try:
            self._desk.case(inspection)
        except NoSuchInspection:
            return False
        return True

    def _remote(self, inspection: str) -> RemoteInspection | None:
        return next((remote for remote in self._post.waiting() if remote.id == inspection), None)

    def _gate_of(self, case: Case, remote: RemoteInspection | None) -> str:
        if not case.origin:
            return self._gate
        return remote.gate if remote is not None else ""

    def _as_holder(self, session: Session) -> Holder:
        return Holder(
            number=session.number,
            name=session.name,
            counter=session.counter,
            device=self._device,
            session=session.key,
        )

    def _require_deciding(self, inspection: str, session: Session) -> None:
        if not session.roles & DECIDING:
            raise NotYours(inspection, session.number)

    def _require_in_hand(self, inspection: str, session: Session) -> None:
        self._require_deciding(inspection, session)
        held = self._leases.holder(inspection)
        if held is None:
            raise NotInHand(inspection)
        if held.session != session.key:
            raise Held(inspection, held)
        self._leases.keep(inspection, session.key)


def _elsewhere(claim: ClaimView) -> Holder:
    return Holder(number=claim.officer, name="", counter=claim.counter, device=claim.device)
