"""A flow that is told events, for the stories."""

from __future__ import annotations

from typing import Any

from kiosk_app.flow import Screen, State, Status, advance
from kiosk_app.flow.commands import (
    Start,
)
from kiosk_app.flow.events import (
    Action,
    InspectionCame,
    StatusCame,
    Tapped,
)
from kiosk_app.flow.state import Question

STATUS = Status(
    ready=True,
    in_service=True,
    steps=("document", "page", "visa", "face", "questions"),
    devices=(("document_reader", "ready"),),
    printer="ready",
)
PURPOSE, ADDRESS = Question("purpose", ("tourism", "work")), Question("address")


class Kiosk:
    """A flow that is told events, and remembers what it asked for."""

    def __init__(self, status: Status = STATUS, *, has_training: bool = False) -> None:
        self.state = State(has_training=has_training)
        self.now = 100.0
        self.asked: list[Any] = []
        self(StatusCame(status))

    def __call__(self, event: Any, after: float = 0.1) -> Screen:
        self.now += after
        change = advance(self.state, event, self.now)
        self.state = change.state
        self.asked = list(change.commands)
        return self.state.screen

    def tap(self, action: Action, value: str = "", after: float = 0.1) -> Screen:
        return self(Tapped(action, value), after)

    def begin(self, language: str = "fr", inspection: str = "aa") -> Screen:
        """Up to an inspection that waits for the passport."""
        self.tap(Action.BEGIN)
        self.tap(Action.LANGUAGE, language)
        (start,) = [one for one in self.asked if isinstance(one, Start)]
        return self(view(inspection, "document", ticket=start.ticket))

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.asked if isinstance(one, kind)]


def view(inspection: str, step: str = "", phase: str = "collecting", **facts: Any) -> InspectionCame:
    return InspectionCame(id=inspection, phase=phase, step=step, **facts)
