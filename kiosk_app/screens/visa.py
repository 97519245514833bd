"""The visa's code, on a phone or on paper: both are shown in turn."""

from __future__ import annotations

from typing import Any

from kivy.animation import Animation
from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class VisaScreen(KioskScreen):
    """Two layers fade into each other: 0 is the phone, 1 the paper."""

    mix = NumericProperty(0.0)
    text = StringProperty("")
    reads_chip = BooleanProperty(False)
    """The passport's chip is still being read: the passport stays where it is."""
    chip_words = StringProperty("")
    chip_share = NumericProperty(0.0)

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
        traveller = state.traveller
        again = traveller.guidance is not None and traveller.guidance.code == "visa.again"
        self.text = str(app().say("guide.visa.again" if again else "visa.text"))
        self.reads_chip = traveller.chip is not None
        self.chip_share = traveller.chip or 0.0
        leave = "guide.chip.put_back" if traveller.chip_lost else "visa.chip"
        self.chip_words = str(app().say(leave)) if self.reads_chip else ""

    def spoken(self, state: State) -> list[str]:
        return [app().say("visa.title"), self.text, *([self.chip_words] if self.reads_chip else [])]

    def hint(self, state: State) -> str:
        """What has just changed: the passport comes before the code, as its chip has no time."""
        return str(self.chip_words if state.traveller.chip_lost else self.text)

    def leave(self) -> None:
        self._motion.stop(self)


SCREENS = {Screen.VISA: VisaScreen}
