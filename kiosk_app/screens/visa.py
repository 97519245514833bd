"""The visa's code, on a phone or on paper: both are shown in turn."""

from __future__ import annotations

from typing import Any

from kivy.animation import Animation
from kivy.properties import NumericProperty, StringProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class VisaScreen(KioskScreen):
    """Two layers fade into each other: 0 is the phone, 1 the paper."""

    mix = NumericProperty(0.0)
    text = StringProperty("")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        stay, change = 2.2, 0.5
        self._motion = (
            Animation(mix=0.0, duration=stay)
            + Animation(mix=1.0, duration=change)
            + Animation(mix=1.0, duration=stay)
            + Animation(mix=0.0, duration=change)
        )
        self._motion.repeat = True
        self._motion.start(self)

    def refresh(self, state: State) -> None:
        self.text = self.hint(state)

    def hint(self, state: State) -> str:
        said = state.traveller.guidance
        again = said is not None and said.code == "visa.again"
        return str(app().say("guide.visa.again" if again else "visa.text"))

    def leave(self) -> None:
        self._motion.stop(self)


SCREENS = {Screen.VISA: VisaScreen}
