"""What every part of the flow gives: a state and commands; and the ways between screens that all parts share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kiosk_app.flow.commands import Command, Drop, SignOut, Start, Withdraw
from kiosk_app.flow.state import IDLE, OVERLAYS, Screen, State, Traveller


@dataclass(frozen=True)
class Change:
    """A state, and what is to be done, in this order."""

    state: State
    commands: tuple[Command, ...] = field(default=())

    def then(self, *commands: Command) -> Change:
        return Change(self.state, (*self.commands, *commands))


def go(state: State, screen: Screen, now: float) -> State:
    """Enter a screen. An overlay remembers what it lies over; two overlays lie over the same screen."""
    under = None
    if screen in OVERLAYS or screen is Screen.MOMENT:
        under = state.under if state.screen in OVERLAYS or state.screen is Screen.MOMENT else state.screen
        under = None if under in IDLE else under
    return replace(state, screen=screen, under=under, entered_at=now, quiet_since=now)


def underneath(state: State, screen: Screen, now: float) -> State:
    """Enter a screen, or, while an overlay is up, put it beneath."""
    if state.screen in OVERLAYS and state.under is not None:
        return replace(state, under=screen)
    return go(state, screen, now) if state.screen is not screen else state


def idle_screen(state: State) -> Screen:
    """What a kiosk shows that serves nobody."""
    status = state.status
    if status is None or not status.ready:
        return Screen.MOMENT
    if not status.in_service:
        return Screen.OUT_OF_SERVICE
    return Screen.ATTRACT if status.can_read_documents else Screen.READER_MISSING


def to_idle(state: State, now: float) -> Change:
    """The idle screen that the agent's status asks for, without anybody's data."""
    screen = idle_screen(state)
    if screen is state.screen and state.under is None and state.traveller == Traveller() and state.staff is None:
        return Change(state)
    return Change(
        replace(state, screen=screen, under=None, traveller=Traveller(), staff=None, entered_at=now, quiet_since=now)
    )


def reset(state: State, now: float) -> Change:
    """Full reset: nothing of the traveller, nor of a sign-in, is kept; what the agent still collects is cancelled."""
    commands: list[Command] = []
    traveller = state.traveller
    if traveller.starting or (traveller.inspection and traveller.phase in ("", "collecting")):
        commands.append(Drop(traveller.inspection, traveller.starting))
    if state.staff is not None and state.staff.token:
        commands.append(SignOut(state.staff.token))
    change = to_idle(state, now)
    return change.then(*commands)


def started(state: State, traveller: Traveller, now: float) -> tuple[State, Start]:
    """Ask for an inspection of this traveller, and show the first step."""
    ticket = state.tickets + 1
    state = replace(state, tickets=ticket, traveller=replace(traveller, starting=ticket))
    begin = Start(ticket, traveller.group, accompanied=bool(traveller.group))
    return go(state, Screen.PASSPORT, now), begin


def withdrawn(state: State) -> Change:
    """The call for an officer is taken back."""
    return Change(replace(state, traveller=replace(state.traveller, called=False)), (Withdraw(),))
