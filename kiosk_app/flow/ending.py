"""Result, slip, goodbye: the kiosk's last words to a traveller, and the next of a family."""

from __future__ import annotations

from dataclasses import replace

from kiosk_app.flow.change import Change, go, reset
from kiosk_app.flow.commands import Sound, Tone
from kiosk_app.flow.events import Action, SlipCame, Tapped
from kiosk_app.flow.state import ENDINGS, RESULTS, Screen, SlipState, State
from kiosk_app.flow.travelling import next_person


def tapped(state: State, event: Tapped, now: float) -> Change | None:
    """A touch on one of the last screens."""
    if state.screen not in ENDINGS:
        return None
    match event.action:
        case Action.NEXT | Action.GO_ON:
            return onward(state, now).then(Sound(Tone.TOUCH))
        case Action.NEXT_PERSON if state.traveller.inspection:
            return next_person(state, now)
        case _:
            return None


def slip_came(state: State, event: SlipCame, now: float) -> Change:
    """The slip is out, or it is not, and then the code is shown to be kept another way."""
    traveller = state.traveller
    if event.inspection != traveller.inspection or traveller.paper is not SlipState.PRINTING:
        return Change(state)
    paper = SlipState.FAILED if event.code else SlipState.PRINTED
    return Change(replace(state, traveller=replace(traveller, paper=paper)))


def onward(state: State, now: float) -> Change:
    """From a result to the slip that was printed, or to the way without one; then goodbye; then nobody."""
    if state.screen in RESULTS:
        match state.traveller.paper:
            case SlipState.PRINTED | SlipState.PRINTING:
                return Change(go(state, Screen.SLIP, now))
            case SlipState.FAILED if state.traveller.slip:
                return Change(go(state, Screen.PAPER_OUT, now))
            case _:
                return Change(go(state, Screen.GOODBYE, now))
    if state.screen is Screen.SLIP and state.traveller.paper is SlipState.FAILED:
        return Change(go(state, Screen.PAPER_OUT, now))
    if state.screen in (Screen.SLIP, Screen.PAPER_OUT):
        return Change(go(state, Screen.GOODBYE, now))
    return reset(state, now)
