"""No paper: the code stays up, large, to be photographed or remembered."""

from __future__ import annotations

from kivy.properties import StringProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.results import grouped
from kiosk_app.ui.frame import KioskScreen


class PaperOutScreen(KioskScreen):
    """The next-best way to a slip."""

    code = StringProperty("")

    def refresh(self, state: State) -> None:
        self.code = grouped(state.traveller.slip)


SCREENS = {Screen.PAPER_OUT: PaperOutScreen}
