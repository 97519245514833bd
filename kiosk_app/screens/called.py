"""An officer was called: help is coming, and the traveller may go on meanwhile."""

from __future__ import annotations

from kivy.properties import StringProperty

from kiosk_app.flow.state import CallState, Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class CalledScreen(KioskScreen):
    """Raised, then answered."""

    text = StringProperty("")

    def refresh(self, state: State) -> None:
        self.text = self.hint(state)

    def hint(self, state: State) -> str:
        answered = state.status is not None and state.status.call is CallState.ANSWERED
        return str(app().say("help-coming.answered" if answered else "help-coming.text"))

    def spoken(self, state: State) -> list[str]:
        return [app().say("help-coming.title"), self.hint(state)]


SCREENS = {Screen.CALLED: CalledScreen}
