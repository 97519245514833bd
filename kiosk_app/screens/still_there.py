"""Is somebody there? By sight and sound; one touch gives all the time again."""

from __future__ import annotations

from typing import Any

from kivy.clock import Clock
from kivy.properties import NumericProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.flow.waiting import seconds_left
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class StillThereScreen(KioskScreen):
    """The seconds run down in view."""

    left = NumericProperty(0)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._timer = Clock.schedule_interval(lambda _: self._count(), 0.5)

    def refresh(self, state: State) -> None:
        self._count()

    def leave(self) -> None:
        self._timer.cancel()

    def _count(self) -> None:
        self.left = seconds_left(app().state, app().now())


SCREENS = {Screen.STILL_THERE: StillThereScreen}
