"""Where to go: the gate, a counter, or an officer; a picture, words, a sound, and the code of the slip."""

from __future__ import annotations

from kivy.properties import BooleanProperty, StringProperty

from kiosk_app import results
from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class ResultScreen(KioskScreen):
    """One class for the three: which it is, the state says. The reason is never known here."""

    name = StringProperty("result-officer")
    title = StringProperty("")
    text = StringProperty("")
    hints = StringProperty("")
    code = StringProperty("")
    ink = StringProperty("primary")
    family = BooleanProperty(False)

    def refresh(self, state: State) -> None:
        self.name = state.screen.value
        self.ink = "text" if state.screen is Screen.OFFICER else "good"
        self.title, self.text, self.hints = self._words(state)
        self.code = results.grouped(state.traveller.slip)
        self.family = bool(state.traveller.inspection)

    def spoken(self, state: State) -> list[str]:
        code = state.traveller.slip
        # Letter by letter, or the voice makes a word of it.
        spelt = [app().say("slip.code_is"), ", ".join(code)] if code else []
        return [one for one in self._words(state) if one] + spelt

    def _words(self, state: State) -> tuple[str, str, str]:
        name = state.screen.value
        return results.title(state, app().say), app().say(f"{name}.text"), " ".join(results.hints(state, app().say))


SCREENS = {Screen.GATE: ResultScreen, Screen.COUNTER: ResultScreen, Screen.OFFICER: ResultScreen}
