"""The staff at the kiosk: behind a long press and a sign-in, and only while no traveller is served."""

from __future__ import annotations

from dataclasses import replace

from kiosk_app.flow.change import Change, go, reset, to_idle
from kiosk_app.flow.commands import AskFacts, Reboot, SignIn, SignOut, Sound, Tone, TryDevice, UseAgent
from kiosk_app.flow.events import (
    Action,
    FactsCame,
    SignedIn,
    SignInRefused,
    SignInTried,
    Tapped,
    Tried,
)
from kiosk_app.flow.state import IDLE, Screen, Staff, State, Traveller

Happened = SignInTried | SignedIn | SignInRefused | FactsCame | Tried


def tapped(state: State, event: Tapped, now: float) -> Change:
    """The long press, and the buttons of the maintenance screen."""
    if event.action is Action.HOLD:
        return _held(state, now)
    staff = state.staff
    if event.action in (Action.BACK, Action.CANCEL, Action.SIGN_OUT):
        return reset(state, now)
    if state.screen is not Screen.MAINTENANCE or staff is None:
        return Change(state)
    match event.action:
        case Action.TEST:
            tests = {**dict(staff.tests), event.value: "running"}
            state = replace(state, staff=replace(staff, tests=tuple(tests.items())))
            return Change(state, (TryDevice(staff.token, event.value),))
        case Action.REBOOT if staff.can_reboot:
            return Change(state, (Reboot(staff.token),))
        case Action.REFRESH:
            return Change(state, (AskFacts(staff.token),))
        case Action.TRAINING if staff.can_train:
            change = reset(state, now)
            return Change(replace(change.state, status=None), (*change.commands, UseAgent(training=True)))
        case _:
            return Change(state)


def happened(state: State, event: Happened, now: float) -> Change:
    """What the agent said to the staff; what comes after they left is dropped, a sign-in is signed out again."""
    staff = state.staff
    match event:
        case SignInTried(number, code) if state.screen is Screen.SIGN_IN:
            return Change(replace(state, quiet_since=now), (SignIn(number, code),))
        case SignedIn(token, name, role) if state.screen is Screen.SIGN_IN:
            there = Staff(token=token, name=name, role=role, can_train=state.has_training)
            state = replace(state, staff=there, traveller=Traveller())
            return Change(go(state, Screen.MAINTENANCE, now), (AskFacts(token),))
        case SignedIn(token):
            return Change(state, (SignOut(token),))
        case SignInRefused(code, seconds) if state.screen is Screen.SIGN_IN:
            return Change(replace(state, staff=Staff(refused=code, wait_seconds=seconds)), (Sound(Tone.ERROR_SOFT),))
        case FactsCame() if state.screen is Screen.MAINTENANCE and staff is not None:
            staff = replace(staff, facts=event.facts, log=event.log, can_reboot=event.can_reboot)
            return Change(replace(state, staff=staff))
        case Tried(device, outcome) if staff is not None and device in dict(staff.tests):
            tests = {**dict(staff.tests), device: outcome}
            return Change(replace(state, staff=replace(staff, tests=tuple(tests.items()))))
        case _:
            return Change(state)


def _held(state: State, now: float) -> Change:
    if state.status is not None and state.status.training:
        # Leaving the training takes no sign-in: whatever was learnt there, nothing of it is real.
        change = reset(state, now)
        return Change(replace(change.state, status=None), (*change.commands, UseAgent(training=False)))
    if state.screen in IDLE or (state.screen is Screen.MOMENT and state.under is None):
        return Change(go(to_idle(state, now).state, Screen.SIGN_IN, now))
    return Change(state)
