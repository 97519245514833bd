"""Help: what this step is about in other words, the way without it, and an officer."""

from __future__ import annotations

from kivy.properties import BooleanProperty, StringProperty

from kiosk_app.flow.state import STEPS, Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class HelpScreen(KioskScreen):
    """The way without a step is offered for the step beneath, so nobody is held up by a machine."""

    text = StringProperty("")
    skip = StringProperty("")
    may_skip = BooleanProperty(False)

    def refresh(self, state: State) -> None:
        below = state.under or Screen.LANGUAGE
        self.text = self._text(below)
        key = f"{below.value}.skip"
        self.may_skip = below in STEPS and app().has(key)
        self.skip = app().say(key) if self.may_skip else ""

    def spoken(self, state: State) -> list[str]:
        return [app().say("help.title"), self._text(state.under or Screen.LANGUAGE)]

    def _text(self, below: Screen) -> str:
        key = f"help.{below.value}"
        return str(app().say(key if app().has(key) else "help.text"))


SCREENS = {Screen.HELP: HelpScreen}
