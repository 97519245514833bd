"""The counter's side: what the kiosks have finished and who calls, and telling them what was decided."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from border_agent.agent.calls import HUB_KEY as CALLS_KEY
from border_agent.agent.desk import Desk
from border_agent.agent.hub import Hub
from border_agent.agent.post.believing import Heard
from border_agent.agent.post.decisions import Decisions, Known
from border_agent.agent.post.errors import NoSuchRemoteCall, NotBelieved, PostAway
from border_agent.agent.post.hands import Hands
from border_agent.agent.post.parts import Say
from border_agent.agent.post.problems import PostProblems
from border_agent.agent.post.shelf import Shelf, Waiting
from border_agent.agent.post.values import PostProblemCode, RemoteCall, RemoteInspection
from border_agent.errors import BorneError
from mqtt_schemas.entries import Decision
from mqtt_schemas.post import Called, CallState, CallTaken, Decided, Finished, Gone, PostState, Wanted

_log = logging.getLogger(__name__)

SHRINK_SECONDS = 60.0


class CounterSide:
    """A `Part`; what officers do may come from any thread."""

    def __init__(
        self,
        *,
        desk: Desk,
        hub: Hub,
        hands: Hands,
        decisions: Decisions,
        problems: PostProblems,
        gate: Callable[[str], str],
        changed: Callable[[str], None],
        wake: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        """`changed`: told of an inspection whose place in the queue has changed; it must not wait."""
        self._desk = desk
        self._hub = hub
        self._hands = hands
        self._decisions = decisions
        self._problems = problems
        self._gate = gate
        self._changed = changed
        self._wake = wake
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._shelf = Shelf()
        self._unsaid: deque[tuple[type, dict[str, Any]]] = deque()
        self._online = False
        self._up_at = 0.0
        self._asks = False
        self._repeats = False
        self._shrink_at = 0.0

    def waiting(self) -> tuple[RemoteInspection, ...]:
        """What kiosks have finished and nobody has decided, the oldest first."""
        with self._lock:
            waiting = tuple(self._shelf.waiting.values())
        return tuple(self._view(one) for one in waiting)

    def decided(self, inspection: str, decision: Decision, officer: str) -> None:
        """This device's journal has the decision: everybody is told."""
        self._decisions.add(inspection, Known("", decision, officer, self._monotonic()))
        self._hands.closed(inspection)
        with self._lock:
            self._shelf.remove(inspection)
            self._tell(Decided, inspection_id=inspection, decision=decision, officer=officer)
        self._changed(inspection)

    def calls(self) -> tuple[RemoteCall, ...]:
        """Open calls, the oldest first."""
        with self._lock:
            return self._shelf.calls

    def take_call(self, call: str, state: CallState, officer: str) -> None:
        """Answer or end a call. Raises NoSuchRemoteCall, PostAway."""
        with self._lock:
            device = next((one.device for one in self._shelf.calls if one.id == call), None)
            if device is None:
                raise NoSuchRemoteCall(call[:64])
            if not self._online:
                raise PostAway(device)
            self._tell(CallTaken, call=call, raised_by=device, state=state, officer=officer)

    # The line's thread.

    def up(self, now: float) -> None:
        with self._lock:
            self._online, self._up_at, self._asks, self._repeats = True, now, True, True

    def down(self) -> None:
        with self._lock:
            self._online = False
            self._unsaid.clear()

    def heard(self, heard: Heard, now: float) -> None:
        body = heard.body
        if heard.record is None:
            return
        if isinstance(body, Finished):
            self._finished(body, now)
        elif isinstance(body, Decided):
            self._decided_elsewhere(body, now)
        elif isinstance(body, Gone):
            self._gone(body)
        elif isinstance(body, Wanted):
            self._repeats = True
        elif isinstance(body, Called):
            with self._lock:
                self._shelf.called(body, self._gate(body.device), now)
            self._hub.publish(CALLS_KEY)
        elif isinstance(body, PostState) and body.online:
            self._alive(body, now)

    def turn(self, say: Say, now: float) -> float | None:
        with self._lock:
            if self._asks:
                self._asks = False
                self._unsaid.append((Wanted, {}))
            if self._repeats:
                self._repeats = False
                for inspection, known in self._decisions.own(now):
                    self._tell(Decided, inspection_id=inspection, decision=known.decision, officer=known.officer)
            while self._unsaid:
                kind, fields = self._unsaid.popleft()
                say(kind, **fields)
            if now >= self._shrink_at:
                self._shrink(now)
            return self._shrink_at

    def _finished(self, body: Finished, now: float) -> None:
        inspection = body.inspection_id
        known = self._decisions.known(inspection) or self._decisions.of_journal(inspection, now)
        with self._lock:
            if known is not None:
                # The kiosk has not heard of it. Whoever decided says so again.
                if not known.device:
                    self._tell(Decided, inspection_id=inspection, decision=known.decision, officer=known.officer)
                return
            self._shelf.finished(body, now)
            self._shrink(now)
        self._changed(inspection)

    def _decided_elsewhere(self, body: Decided, now: float) -> None:
        known = Known(body.device, body.decision, body.officer, now)
        if not self._decisions.add(body.inspection_id, known):
            first = self._decisions.known(body.inspection_id)
            if first is not None and not first.device:
                self._problems.met(PostProblemCode.DECIDED_TWICE, body.device, body.inspection_id)
            return
        with self._lock:
            self._shelf.remove(body.inspection_id)
        self._end(body.inspection_id, body.decision)

    def _gone(self, body: Gone) -> None:
        with self._lock:
            owner = self._shelf.owner(body.inspection_id)
            if owner not in ("", body.device):
                raise NotBelieved(body.device, PostProblemCode.NOT_ITS_PART, "another device's inspection")
            if not self._shelf.remove(body.inspection_id):
                return
        self._end(body.inspection_id, Decision.UNKNOWN)

    def _alive(self, body: PostState, now: float) -> None:
        with self._lock:
            before = len(self._shelf.calls)
            over = self._shelf.alive(body.device, body.session, now, self._up_at, self._in_hand())
            fewer = len(self._shelf.calls) < before
        for inspection in over:
            self._end(inspection, Decision.UNKNOWN)
        if fewer:
            self._hub.publish(CALLS_KEY)

    def _end(self, inspection: str, decision: Decision) -> None:
        """Nobody has it in hand any more, and what this device has taken over of it ends without an entry."""
        self._hands.closed(inspection)
        try:
            self._desk.settle(inspection, decision)
        except BorneError as error:
            _log.info("an inspection settled elsewhere goes on here: %s", error)
        self._changed(inspection)

    def _shrink(self, now: float) -> None:
        self._shrink_at = now + SHRINK_SECONDS
        _, crowded = self._shelf.shrink(now, self._in_hand())
        if crowded:
            self._problems.met(PostProblemCode.TOO_MANY)

    def _in_hand(self) -> list[str]:
        return [one for one in self._shelf.waiting if self._hands.holds(one)]

    def _tell(self, kind: type, **fields: Any) -> None:
        """In the lock: said at the next turn, where there is a line."""
        if self._online:
            self._unsaid.append((kind, fields))
            self._wake()

    def _view(self, one: Waiting) -> RemoteInspection:
        return RemoteInspection(
            id=one.id,
            device=one.device,
            gate=self._gate(one.device),
            direction=one.direction,
            started_at=one.started_at,
            finished_at=one.finished_at,
            proposal=one.proposal,
            evidence=one.evidence,
            pictures=one.pictures,
            claim=self._hands.holder(one.id),
        )
