"""Time-outs, overlays, an agent that goes and comes back: no screen is dead, none shows a former traveller."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kiosk_app.flow import ending, travelling
from kiosk_app.flow.change import Change, go, reset, started, to_idle, withdrawn
from kiosk_app.flow.commands import Drop, Resume, Sound, Tone
from kiosk_app.flow.events import Action, Tapped
from kiosk_app.flow.state import ENDINGS, IDLE, OVERLAYS, RESULTS, STAFF, STEPS, Screen, State

WARN_AFTER: Final = 40.0
"""Seconds without a sign of the traveller until the kiosk asks."""
PATIENCE: Final = 25.0
"""Seconds the question stands, by sight and sound; any touch extends (14 CFR 382.57(c))."""
CALL_PATIENCE: Final = 120.0
"""Whoever waits for an officer is not asked so soon."""
RESULT_SECONDS: Final = 15.0
SLIP_SECONDS: Final = 12.0
GOODBYE_SECONDS: Final = 5.0
MOMENT_SECONDS: Final = 30.0
"""An agent that is away for longer has lost the traveller, and the traveller the kiosk."""
SIGN_IN_SECONDS: Final = 60.0
MAINTENANCE_SECONDS: Final = 240.0
UNHURRIED: Final = 2.0
"""Everything lasts so much longer for whoever listens, or reads large letters."""

_LASTS = {
    **dict.fromkeys(RESULTS, RESULT_SECONDS),
    Screen.SLIP: SLIP_SECONDS,
    Screen.PAPER_OUT: RESULT_SECONDS,
    Screen.GOODBYE: GOODBYE_SECONDS,
}
_COMFORTS = frozenset({"contrast", "large", "reach", "voice"})


def tapped(state: State, event: Tapped, now: float) -> Change | None:
    """What every screen has: help, cancel, comfort, an officer; and the buttons of the overlays."""
    match event.action:
        case Action.HELP if state.screen is not Screen.HELP:
            return Change(go(state, Screen.HELP, now))
        case Action.SETTINGS if state.screen is not Screen.SETTINGS:
            return Change(go(state, Screen.SETTINGS, now))
        case Action.CALL if state.screen is not Screen.CALLED:
            return travelling.call_officer(state, now)
        case Action.WITHDRAW if state.traveller.called:
            change = withdrawn(state)
            return Change(_given_back(change.state, now).state, change.commands)
        case Action.CANCEL if state.screen not in ENDINGS:
            return reset(state, now) if state.screen is Screen.LANGUAGE and not _busy(state) else _ask(state, now)
        case Action.STOP if state.screen in OVERLAYS:
            return reset(state, now).then(Sound(Tone.TOUCH))
        case Action.GO_ON | Action.BACK if state.screen in OVERLAYS:
            return _given_back(state, now)
        case Action.TOGGLE if event.value in _COMFORTS:
            comfort = state.traveller.comfort
            comfort = replace(comfort, **{event.value: not getattr(comfort, event.value)})
            return Change(replace(state, traveller=replace(state.traveller, comfort=comfort)), (Sound(Tone.TOUCH),))
        case Action.LOUDER | Action.QUIETER:
            change_by = 10 if event.action is Action.LOUDER else -10
            comfort = state.traveller.comfort
            comfort = replace(comfort, volume=min(100, max(0, comfort.volume + change_by)))
            return Change(replace(state, traveller=replace(state.traveller, comfort=comfort)), (Sound(Tone.TOUCH),))
        case Action.SKIP if state.screen is Screen.HELP and state.under in STEPS:
            below = _given_back(state, now).state
            return travelling.tapped(below, event, now)
        case _:
            return None


def ticked(state: State, now: float) -> Change:
    """Time has passed."""
    if state.screen in IDLE:
        return to_idle(state, now)
    quiet, here = now - state.quiet_since, now - state.entered_at
    slow = UNHURRIED if state.traveller.comfort.voice or state.traveller.comfort.large else 1.0
    if state.screen is Screen.MOMENT:
        if state.under is None and state.status is not None:
            return to_idle(state, now)
        return reset(state, now) if state.under is not None and here >= MOMENT_SECONDS else Change(state)
    if state.screen in STAFF:
        limit = SIGN_IN_SECONDS if state.screen is Screen.SIGN_IN else MAINTENANCE_SECONDS
        return reset(state, now) if quiet >= limit else Change(state)
    if state.screen in ENDINGS:
        return ending.onward(state, now) if quiet >= _LASTS[state.screen] * slow else Change(state)
    if state.screen is Screen.STILL_THERE:
        return reset(state, now) if here >= PATIENCE * slow else Change(state)
    patience = CALL_PATIENCE if state.screen is Screen.CALLED else WARN_AFTER * slow
    if quiet >= patience:
        return Change(go(state, Screen.STILL_THERE, now), (Sound(Tone.WARNING),))
    return Change(state)


def seconds_left(state: State, now: float) -> int:
    """How long the question whether somebody is there still stands, in whole seconds."""
    slow = UNHURRIED if state.traveller.comfort.voice or state.traveller.comfort.large else 1.0
    return max(0, round(PATIENCE * slow - (now - state.entered_at)))


def agent_lost(state: State, now: float) -> Change:
    """One moment. A result stays up: it needs no agent any more. A sign-in is over."""
    if state.screen in STAFF:
        return reset(state, now)
    if state.screen in IDLE or state.screen is Screen.MOMENT:
        return to_idle(state, now) if state.screen in IDLE else Change(state)
    if state.screen in ENDINGS or (state.screen in OVERLAYS and state.under in ENDINGS):
        return Change(state)
    return Change(go(state, Screen.MOMENT, now))


def agent_back(state: State, now: float) -> Change:
    """The agent answers: whoever still stands there goes on, everybody else begins afresh."""
    if state.screen is not Screen.MOMENT:
        return Change(state) if state.screen not in IDLE else to_idle(state, now)
    if state.under is None:
        return to_idle(state, now)
    traveller = state.traveller
    if state.status is not None and not state.status.ready:
        return Change(state)
    if traveller.inspection:
        return Change(state, (Resume(traveller.inspection),))
    if traveller.starting:
        # Nobody knows whether that inspection began: it is dropped by its ticket, and a new one asked for.
        drop = Drop("", traveller.starting)
        state, begin = started(state, replace(traveller, starting=0), now)
        return Change(state, (drop, begin))
    return Change(replace(state, screen=Screen.LANGUAGE, under=None, entered_at=now, quiet_since=now))


def _busy(state: State) -> bool:
    return bool(state.traveller.inspection or state.traveller.starting)


def _ask(state: State, now: float) -> Change:
    return Change(go(state, Screen.CANCEL, now)) if state.screen is not Screen.CANCEL else Change(state)


def _given_back(state: State, now: float) -> Change:
    below = state.under
    if below is None:
        return reset(state, now)
    return Change(replace(state, screen=below, under=None, entered_at=now, quiet_since=now))
