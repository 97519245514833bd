"""Paper: the slip that was printed, or, without one, the code to be kept another way."""

from __future__ import annotations

from kivy.properties import StringProperty

from kiosk_app.flow.state import Screen, SlipState, State
from kiosk_app.results import grouped
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class SlipScreen(KioskScreen):
    """Printing, then: take it."""

    code = StringProperty("")
    text = StringProperty("")

    def refresh(self, state: State) -> None:
        self.code = grouped(state.traveller.slip)
        self.text = self.hint(state)

    def hint(self, state: State) -> str:
        printing = state.traveller.paper is SlipState.PRINTING
        return str(app().say("slip.printing" if printing else "slip.text"))


SCREENS = {Screen.SLIP: SlipScreen}
