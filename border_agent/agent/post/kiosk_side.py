"""The kiosk's side: what it has finished is written down, and told to the counters until somebody settles it.

Two threads: the line's hears and says; one of this side's own looks after the desk and the store, so that neither a
slow disk holds up the line nor an absent broker the desk.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial

from border_agent.agent.calls import HUB_KEY as CALLS_KEY
from border_agent.agent.calls import Call, Calls, NoSuchCall
from border_agent.agent.case import Case
from border_agent.agent.desk import QUEUE, Desk, NoSuchInspection
from border_agent.agent.hub import Hub
from border_agent.agent.post.believing import Heard
from border_agent.agent.post.handover import Handover, of_case, of_referral
from border_agent.agent.post.parts import AGAIN_SECONDS, Say, earliest
from border_agent.agent.post.problems import PostProblems
from border_agent.agent.post.register import KIOSK
from border_agent.agent.post.values import PostProblemCode
from border_agent.agent.recorder import Recorder
from border_agent.config import KioskSection
from border_agent.errors import BorneError
from border_agent.inspection.machine import Phase
from border_agent.store import EvidenceStore, StoreError
from border_agent.store.referrals import EXPIRED, Referrals
from mqtt_schemas.entries import Decision
from mqtt_schemas.post import Called, CallState, CallTaken, Decided, Finished, Gone, Wanted

_log = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 3600.0
"""So long a finished inspection waits for somebody."""
LOOK_SECONDS = 5.0
AT_A_TURN = 4
"""Finished inspections said before the line is served again: they may carry pictures."""
_ID = re.compile(r"[0-9a-f]{32}")


class KioskSide:
    """A `Part`, and a context manager: its thread begins and ends with it."""

    def __init__(
        self,
        *,
        device: str,
        hall: KioskSection,
        desk: Desk,
        recorder: Recorder,
        referrals: Referrals,
        evidence: EvidenceStore,
        calls: Calls,
        hub: Hub,
        problems: PostProblems,
        now: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self._device = device
        self._hall = hall
        self._desk = desk
        self._recorder = recorder
        self._referrals = referrals
        self._evidence = evidence
        self._calls = calls
        self._hub = hub
        self._problems = problems
        self._now = now
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: dict[str, Handover] = {}
        self._unsaid: deque[str] = deque()
        self._gone: deque[str] = deque()
        self._asked: deque[Decided | CallTaken] = deque()
        self._until: dict[str, float] = {}
        """When those that wait expire, by the monotonic clock: the other one may be set right meanwhile."""
        self._mine: set[str] = set()
        """Handed over since the start, and waiting: the desk knows what becomes of them."""
        self._done: set[str] = set()
        """Settled, and still on the desk."""
        self._again_at: float | None = None
        self._asks = False
        self._call: Call | None = None
        self._call_said = False
        self._look = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="post-kiosk", daemon=True)

    def __enter__(self) -> KioskSide:
        self._hub.tell(QUEUE, self._look.set)
        self._hub.tell(CALLS_KEY, self._wake)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._look.set()
        self._thread.join(timeout=5.0)

    # The line's thread.

    def up(self, now: float) -> None:
        self._again_at, self._asks = now + AGAIN_SECONDS, True

    def down(self) -> None:
        with self._lock:
            self._unsaid.clear()
        self._call_said = False

    def heard(self, heard: Heard, now: float) -> None:
        body = heard.body
        if heard.record is None:
            return
        if isinstance(body, Wanted) and heard.record.role != KIOSK:
            self._again_at = self._again_at or now + AGAIN_SECONDS
        elif isinstance(body, Decided) or (isinstance(body, CallTaken) and body.raised_by == self._device):
            self._asked.append(body)
            self._look.set()

    def turn(self, say: Say, now: float) -> float | None:
        if self._asks:
            self._asks = False
            say(Wanted)  # what was decided while this kiosk was away
        if self._again_at is not None and now >= self._again_at:
            self._again_at, self._call_said = None, False
            with self._lock:
                self._unsaid = deque(self._waiting)
        while self._gone:
            say(Gone, inspection_id=self._gone.popleft())
        for _ in range(AT_A_TURN):
            with self._lock:
                handover = self._waiting.get(self._unsaid.popleft()) if self._unsaid else None
            if handover is not None:
                say(Finished, **handover.fields(self._desk.pictures(handover.inspection)))
        self._say_call(say)
        return earliest(now if self._unsaid else None, self._again_at)

    def _say_call(self, say: Say) -> None:
        for call in self._changed_calls():
            say(
                Called,
                call=call.id,
                inspection_id=call.inspection if _ID.fullmatch(call.inspection) else "",
                raised_at=call.raised_at,
                state=CallState(call.state.value),
                officer=call.officer,
                gate=self._hall.gate,
                counter=self._hall.counter,
            )

    def _changed_calls(self) -> list[Call]:
        """The call told last, if it has changed, and the open one."""
        said, current, changed = self._call, self._calls.current, []
        if said is not None and (current is None or current.id != said.id):
            try:
                over = self._calls.call(said.id)
            except NoSuchCall:
                over = None
            if over is not None and (over != said or not self._call_said):
                changed.append(over)
        if current is not None and (current != said or not self._call_said):
            changed.append(current)
        self._call, self._call_said = current, True
        return changed

    # This side's own thread.

    def _run(self) -> None:
        restored = False
        while not self._ending.is_set():
            self._look.clear()
            try:
                restored = restored or self._restore()
                self._obey()
                self._hand_over()
                self._close()
                self._expire()
                self._problems.over(PostProblemCode.STORE)
            except StoreError as error:
                self._problems.met(PostProblemCode.STORE, "", error.code)
            except Exception:
                _log.exception("the kiosk's side of the post met a fault of its own")
                self._problems.met(PostProblemCode.INTERNAL)
            self._look.wait(LOOK_SECONDS)

    def _restore(self) -> bool:
        for referral in self._referrals.unsettled():
            handover = of_referral(referral, self._evidence)
            if handover is not None:
                self._tell(handover)
        return True

    def _hand_over(self) -> None:
        proposed = [case for case in self._desk.cases() if case.phase is Phase.PROPOSED and not case.origin]
        self._done &= {case.id for case in proposed}
        for case in proposed:
            if case.id not in self._waiting and case.id not in self._done:
                self._refer(case)

    def _refer(self, case: Case) -> None:
        handover = of_case(case, self._now())
        if handover is None:
            self._problems.met(PostProblemCode.MALFORMED, "", "evidence too large for a message")
            return
        if case.id not in self._mine:
            self._recorder.refer(case, self._desk.originals(case.id))
            self._mine.add(case.id)
        self._tell(handover)

    def _tell(self, handover: Handover) -> None:
        age = (self._now() - handover.finished_at).total_seconds()
        self._until[handover.inspection] = time.monotonic() + KEPT_SECONDS - max(0.0, age)
        with self._lock:
            self._waiting[handover.inspection] = handover
            self._unsaid.append(handover.inspection)
        self._wake()

    def _close(self) -> None:
        """What was decided or cancelled at this kiosk itself nobody need take over."""
        for inspection in tuple(self._mine):
            try:
                case = self._desk.case(inspection)
            except NoSuchInspection:
                self._mine.discard(inspection)  # the desk has forgotten it: it waits until somebody settles it
                continue
            if case.ended:
                outcome = case.inspection.outcome
                self._settle(inspection, outcome.decision.value if outcome is not None else case.phase.value)

    def _expire(self) -> None:
        now = time.monotonic()
        for inspection in [one for one, until in self._until.items() if until <= now]:
            self._obeyed(partial(self._desk.settle, inspection, Decision.UNKNOWN))
            self._settle(inspection, EXPIRED)

    def _obey(self) -> None:
        while self._asked:
            body = self._asked[0]
            if isinstance(body, Decided):
                self._obeyed(partial(self._desk.settle, body.inspection_id, body.decision))
                # Last: cut off in between, this kiosk says it again, and is told again that it is decided.
                self._settle(body.inspection_id, body.decision.value, told=False)
            elif body.state is CallState.ANSWERED:
                self._obeyed(partial(self._calls.answer, body.call, body.officer))
            elif body.state is CallState.ENDED:
                self._obeyed(partial(self._calls.end, body.call, body.officer))
            self._asked.popleft()

    def _obeyed(self, act: Callable[[], object]) -> None:
        try:
            act()
        except StoreError:
            raise
        except BorneError as error:
            _log.info("a counter's word comes too late: %s", error)

    def _settle(self, inspection: str, settled_as: str, *, told: bool = True) -> None:
        """It waits no more; `told`: whoever shows it hears so from this kiosk. Raises StoreError."""
        self._referrals.settle(inspection, settled_as, self._now())
        with self._lock:
            known = self._waiting.pop(inspection, None) is not None
        self._mine.discard(inspection)
        self._done.add(inspection)
        self._until.pop(inspection, None)
        if told and known:
            self._gone.append(inspection)
            self._wake()
