"""`advance`: the one function of the flow. It dispatches; the rooms beside it decide."""

from __future__ import annotations

from dataclasses import replace

from kiosk_app.flow import ending, staffing, travelling, waiting
from kiosk_app.flow.change import Change, go, to_idle
from kiosk_app.flow.events import (
    Action,
    AgentLost,
    AnswerRefused,
    Event,
    FactsCame,
    InspectionCame,
    InspectionLost,
    JackMoved,
    SignedIn,
    SignInRefused,
    SignInTried,
    SlipCame,
    StartRefused,
    StatusCame,
    Tapped,
    Ticked,
    Tried,
)
from kiosk_app.flow.state import ENDINGS, IDLE, STAFF, CallState, Screen, State

__all__ = ["Change", "advance"]


def advance(state: State, event: Event, now: float) -> Change:
    """The state after an event, and what is to be done. Never raises: what a state cannot use changes nothing."""
    match event:
        case Tapped():
            return _tapped(replace(state, quiet_since=now), event, now)
        case StatusCame():
            return _status(state, event, now)
        case AgentLost():
            return waiting.agent_lost(replace(state, status=None), now)
        case InspectionCame():
            return travelling.came(state, event, now)
        case StartRefused():
            return travelling.refused(state, event, now)
        case InspectionLost():
            return travelling.lost(state, event, now)
        case AnswerRefused():
            return travelling.answer_refused(state, event, now)
        case SlipCame():
            return ending.slip_came(state, event, now)
        case SignInTried() | SignedIn() | SignInRefused() | FactsCame() | Tried():
            return staffing.happened(state, event, now)
        case JackMoved():
            return _jack(state, event, now)
        case Ticked():
            return waiting.ticked(state, now)


def _jack(state: State, event: JackMoved, now: float) -> Change:
    """Headphones: somebody wants to listen. At an idle kiosk that is the first touch."""
    if state.screen is Screen.ATTRACT and event.inserted:
        state = go(state, Screen.LANGUAGE, now)
    elif state.screen in IDLE or state.screen in STAFF or not _attended(state):
        return Change(state)
    comfort = replace(state.traveller.comfort, voice=event.inserted)
    return Change(replace(state, traveller=replace(state.traveller, comfort=comfort), quiet_since=now))


def _attended(state: State) -> bool:
    return state.screen is not Screen.MOMENT or state.under is not None


def _tapped(state: State, event: Tapped, now: float) -> Change:
    if state.screen in STAFF or event.action is Action.HOLD:
        return staffing.tapped(state, event, now)
    if state.screen in IDLE or state.screen is Screen.MOMENT:
        return travelling.begun(state, event, now)
    for room in (waiting.tapped, ending.tapped, travelling.tapped):
        change = room(state, event, now)
        if change is not None:
            return change
    return Change(state)


def _status(state: State, event: StatusCame, now: float) -> Change:
    before, status = state.status, event.status
    state = replace(state, status=status)
    if state.traveller.called and before is not None and before.call is not None and status.call is None:
        state = replace(state, traveller=replace(state.traveller, called=False))
    if before is None or (status.ready and not before.ready):
        return waiting.agent_back(state, now)
    if state.screen in IDLE or (state.screen is Screen.MOMENT and state.under is None):
        return to_idle(state, now)
    if state.screen in ENDINGS or state.screen in STAFF:
        return Change(state)
    answered = status.call is CallState.ANSWERED and before.call is not CallState.ANSWERED
    return Change(state if not answered else replace(state, quiet_since=now))
