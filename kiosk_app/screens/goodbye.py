"""Goodbye; and do not forget the passport."""

from __future__ import annotations

from kivy.properties import BooleanProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.frame import KioskScreen


class GoodbyeScreen(KioskScreen):
    """The last chance for the next of a family."""

    family = BooleanProperty(False)

    def refresh(self, state: State) -> None:
        self.family = bool(state.traveller.inspection)


SCREENS = {Screen.GOODBYE: GoodbyeScreen}
