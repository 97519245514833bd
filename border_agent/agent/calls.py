"""Calls for an officer: raised by a traveller at this device, answered and ended by officers.

At most one is open, and it lives in memory: it outlives the inspection it was raised in, not the agent. The bell
comes before the books: a call is raised whether or not the journal can be written.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, structs

from border_agent.agent.diary import Note, Sparing
from border_agent.agent.hub import Hub
from border_agent.errors import BorneError

HUB_KEY = "calls"
"""What a stream of calls listens to."""
CLOSED_KEPT = 20
"""Calls that are over, kept for a client whose answer was lost."""


class NoSuchCall(BorneError):
    """No call of this id is known here."""

    code = "call.unknown"


class CallClosed(BorneError):
    """The call is over: withdrawn, or ended by an officer."""

    code = "call.closed"


class CallState(StrEnum):
    RAISED = "raised"
    ANSWERED = "answered"
    """An officer is on the way."""
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    """The traveller needs nobody any more."""


class Call(Struct, frozen=True, kw_only=True):
    """A snapshot."""

    id: str
    inspection: str
    """The inspection it was raised in; empty: in none."""
    raised_at: datetime
    state: CallState = CallState.RAISED
    officer: str = ""
    """Who answered, or ended it."""
    changed_at: datetime

    @property
    def open(self) -> bool:
        return self.state in (CallState.RAISED, CallState.ANSWERED)


class Calls:
    """The calls of this device. Thread-safe."""

    def __init__(
        self, note: Note, now: Callable[[], datetime], hub: Hub, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._note = note
        self._note_by_traveller = Sparing(note, clock)
        self._now = now
        self._hub = hub
        self._lock = threading.Lock()
        self._open: Call | None = None
        self._closed: deque[Call] = deque(maxlen=CLOSED_KEPT)

    @property
    def current(self) -> Call | None:
        """The open call."""
        return self._open

    def call(self, call_id: str) -> Call:
        """A call as it stands, open or over not long ago. Raises NoSuchCall."""
        with self._lock:
            return self._find(call_id)

    def raise_call(self, inspection: str) -> Call:
        """Call an officer; while a call is open it is that one."""
        with self._lock:
            if self._open is not None:
                return self._open
            now = self._now()
            call = Call(id=secrets.token_hex(8), inspection=inspection, raised_at=now, changed_at=now)
            self._open = call
        self._hub.publish(HUB_KEY)
        self._note_by_traveller("officer_called", {"inspection": call.inspection})
        return call

    def withdraw(self, call_id: str) -> Call:
        """The traveller needs nobody any more. One that is over stays as it is. Raises NoSuchCall."""
        call, changed = self._close(call_id, CallState.WITHDRAWN, "")
        if changed:
            self._note_by_traveller("call_withdrawn", {"inspection": call.inspection})
        return call

    def answer(self, call_id: str, officer: str) -> Call:
        """An officer is on the way; another one may take over. Raises NoSuchCall, CallClosed."""
        with self._lock:
            call = self._find(call_id)
            if not call.open:
                raise CallClosed(call_id, call.state)
            if (call.state, call.officer) == (CallState.ANSWERED, officer):
                return call
            call = structs.replace(call, state=CallState.ANSWERED, officer=officer, changed_at=self._now())
            self._open = call
        self._hub.publish(HUB_KEY)
        self._note("call_answered", {"inspection": call.inspection, "officer": officer})
        return call

    def end(self, call_id: str, officer: str) -> Call:
        """The officer has dealt with it. One that is over stays as it is. Raises NoSuchCall."""
        call, changed = self._close(call_id, CallState.ENDED, officer)
        if changed:
            self._note("call_ended", {"inspection": call.inspection, "officer": officer})
        return call

    def _close(self, call_id: str, state: CallState, officer: str) -> tuple[Call, bool]:
        with self._lock:
            call = self._find(call_id)
            if not call.open:
                return call, False
            call = structs.replace(call, state=state, officer=officer or call.officer, changed_at=self._now())
            self._open = None
            self._closed.append(call)
        self._hub.publish(HUB_KEY)
        return call, True

    def _find(self, call_id: str) -> Call:
        known = (*self._closed, self._open) if self._open is not None else tuple(self._closed)
        for call in known:
            if call.id == call_id:
                return call
        raise NoSuchCall(call_id[:64])
