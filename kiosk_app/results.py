"""What a result says, on the screen and on the slip: where to go, what a traveller can mend, the code."""

from __future__ import annotations

from collections.abc import Callable

from kiosk_app.flow.state import Screen, State
from kiosk_app.flow.travelling import result_screen

HINTS = ("show_passport", "show_visa", "renew_passport", "come_with_family")
_PLACES = {Screen.GATE: "gate", Screen.COUNTER: "counter"}


def title(state: State, say: Callable[..., str]) -> str:
    """Where to go, with its name where the kiosk was told one."""
    screen = result_screen(state.traveller.say)
    place = str(getattr(state.status, _PLACES[screen], "")) if screen in _PLACES else ""
    return say(f"{screen.value}.title_at", place=place) if place else say(f"{screen.value}.title")


def hints(state: State, say: Callable[..., str]) -> list[str]:
    """What a traveller can do about it; a code this kiosk does not know says nothing."""
    return [say(f"hint.{code}") for code in state.traveller.say[1:] if code in HINTS]


def grouped(code: str) -> str:
    """K7Q2FD as K7Q-2FD: two short groups are read out and typed without a mistake."""
    return f"{code[:3]}-{code[3:]}" if len(code) == 6 else code
