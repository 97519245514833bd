"""Where the traveller stands, for the bar above every step."""

from __future__ import annotations

from enum import StrEnum

from kiosk_app.flow.state import ENDINGS, Screen, State


class Mark(StrEnum):
    """How a step is drawn."""

    DONE = "done"
    NOW = "now"
    AHEAD = "ahead"


_STEPS = (("passport", "document"), ("visa", "visa"), ("face", "face"), ("questions", "questions"))
_SCREENS = {
    Screen.PASSPORT: "passport",
    Screen.VISA: "visa",
    Screen.FACE: "face",
    Screen.PURPOSE: "questions",
    Screen.ADDRESS: "questions",
}


def progress(state: State) -> tuple[tuple[str, Mark], ...]:
    """The steps of this kiosk in order, the last one `done`; empty where no traveller is under way."""
    status, screen = state.status, state.under or state.screen
    if not state.traveller.language or screen is Screen.LANGUAGE:
        return ()
    if screen not in _SCREENS and screen not in ENDINGS:
        return ()
    able = set(status.steps) if status is not None else {step for _, step in _STEPS}
    if status is not None and not status.questions:
        able.discard("questions")
    names = [name for name, step in _STEPS if step in able] + ["done"]
    now = names.index(_SCREENS.get(screen, "done")) if _SCREENS.get(screen, "done") in names else 0
    over = screen in ENDINGS
    return tuple(
        (name, Mark.DONE if place < now or over else Mark.NOW if place == now else Mark.AHEAD)
        for place, name in enumerate(names)
    )
