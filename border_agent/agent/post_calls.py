"""Calls for an officer of the whole post: this device's own, and those raised at its kiosks."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from border_agent.agent.calls import Call, Calls
from border_agent.agent.post.line import PostLine
from border_agent.agent.post.values import RemoteCall
from border_agent.inspection.slip import slip_code
from mqtt_schemas.post import CallState


class CallView(Struct, frozen=True, kw_only=True):
    """One open call, with the place to go to."""

    id: str
    device: str
    gate: str
    counter: str
    slip: str
    """The code on the traveller's slip; empty: called before an inspection."""
    inspection: str
    raised_at: datetime
    state: CallState
    officer: str
    """Who is on the way."""
    own: bool


class PostCalls:
    """What the console's bell rings by. Calls may come from any thread."""

    def __init__(self, calls: Calls, post: PostLine, *, device: str, gate: str, counter: str) -> None:
        self._calls = calls
        self._post = post
        self._device = device
        self._gate = gate
        self._counter = counter

    def open(self) -> tuple[CallView, ...]:
        """Every open call, the oldest first."""
        own = self._calls.current
        views = [*([self._own(own)] if own is not None else []), *(_remote(call) for call in self._post.calls())]
        return tuple(sorted(views, key=lambda view: view.raised_at))

    def answer(self, call_id: str, officer: str) -> None:
        """An officer is on the way. Raises NoSuchRemoteCall, CallClosed, PostAway."""
        if self._is_own(call_id):
            self._calls.answer(call_id, officer)
        else:
            self._post.answer_call(call_id, officer)

    def end(self, call_id: str, officer: str) -> None:
        """It has been dealt with. Raises NoSuchRemoteCall, PostAway."""
        if self._is_own(call_id):
            self._calls.end(call_id, officer)
        else:
            self._post.end_call(call_id, officer)

    def _is_own(self, call_id: str) -> bool:
        return self._calls.current is not None and self._calls.current.id == call_id

    def _own(self, call: Call) -> CallView:
        return CallView(
            id=call.id,
            device=self._device,
            gate=self._gate,
            counter=self._counter,
            slip=slip_code(call.inspection) if call.inspection else "",
            inspection=call.inspection,
            raised_at=call.raised_at,
            state=CallState(call.state.value),
            officer=call.officer,
            own=True,
        )


def _remote(call: RemoteCall) -> CallView:
    return CallView(
        id=call.id,
        device=call.device,
        gate=call.gate,
        counter=call.counter,
        slip=slip_code(call.inspection) if call.inspection else "",
        inspection=call.inspection,
        raised_at=call.raised_at,
        state=call.state,
        officer=call.officer,
        own=False,
    )
