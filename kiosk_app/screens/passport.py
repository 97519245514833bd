"""The passport on the reader: an animated picture of the true reader, and what has been read so far."""

from __future__ import annotations

from typing import Any

from kivy.animation import Animation
from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class PassportScreen(KioskScreen):
    """The lines at the bottom of the page, then the page itself; whichever this kiosk can read."""

    reader = StringProperty("flat")
    text = StringProperty("")
    lines_done = BooleanProperty(False)
    page_done = BooleanProperty(False)
    reads_page = BooleanProperty(False)
    slide = NumericProperty(0.0)
    """0: the passport is away; 1: it lies on the reader."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        there = Animation(slide=1.0, duration=1.1, t="out_cubic") + Animation(slide=1.0, duration=1.6)
        self._motion = there + Animation(slide=0.0, duration=0.01) + Animation(slide=0.0, duration=0.4)
        self._motion.repeat = True
        self._motion.start(self)

    def refresh(self, state: State) -> None:
        traveller, status = state.traveller, state.status
        if status is not None:
            self.reader = status.reader or "flat"
            self.reads_page = "page" in status.steps
        self.lines_done = "document" in traveller.answered
        self.page_done = "page" in traveller.answered
        if self.lines_done and self.slide < 1.0:
            self._motion.stop(self)
            self.slide = 1.0
        self.text = self.hint(state)

    def hint(self, state: State) -> str:
        said = state.traveller.guidance
        if "document" in state.traveller.answered:
            return str(app().say("passport.stay"))
        if said is not None and said.code == "document.again":
            return str(app().say("guide.document.again"))
        return str(app().say(f"passport.text_{self.reader}"))

    def spoken(self, state: State) -> list[str]:
        return [app().say("passport.title"), self.hint(state)]

    def leave(self) -> None:
        self._motion.stop(self)


SCREENS = {Screen.PASSPORT: PassportScreen}
