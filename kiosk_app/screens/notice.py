"""The kiosk serves nobody now: out of service, or its reader is missing. Each says the next-best way."""

from __future__ import annotations

from typing import Any

from kivy.properties import StringProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class NoticeScreen(KioskScreen):
    """In two languages at once, as nobody has chosen one."""

    name = StringProperty("out-of-service")
    title = StringProperty("")
    text = StringProperty("")
    second = StringProperty("")
    other = StringProperty("en")

    def __init__(self, **kwargs: Any) -> None:
        self.foot = []
        super().__init__(**kwargs)

    def refresh(self, state: State) -> None:
        self.name = state.screen.value
        self.title = app().say(f"{self.name}.title")
        self.text = app().say(f"{self.name}.text")
        self.other = "en" if state.language == "fr" else "fr"
        self.second = app().say(f"{self.name}.text", self.other)


SCREENS = {Screen.OUT_OF_SERVICE: NoticeScreen, Screen.READER_MISSING: NoticeScreen}
