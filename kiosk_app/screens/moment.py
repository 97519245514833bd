"""One moment: the agent does not answer, or is getting ready. It goes on by itself."""

from __future__ import annotations

from typing import Any

from kivy.animation import Animation
from kivy.properties import NumericProperty

from kiosk_app.flow.state import Screen
from kiosk_app.ui.frame import KioskScreen


class MomentScreen(KioskScreen):
    """Something moves, so that nobody takes the screen for dead."""

    turn = NumericProperty(0.0)

    def __init__(self, **kwargs: Any) -> None:
        self.foot = []
        super().__init__(**kwargs)
        self._motion = Animation(turn=3.0, duration=1.8) + Animation(turn=0.0, duration=0.0)
        self._motion.repeat = True
        self._motion.start(self)

    def leave(self) -> None:
        self._motion.stop(self)


SCREENS = {Screen.MOMENT: MomentScreen}
