"""The passport on the reader: an animated picture of the true reader, what has been read, how far its chip is."""

from __future__ import annotations

from typing import Any

from kivy.animation import Animation
from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app, look
from kiosk_app.ui.frame import KioskScreen

GAUGE_SECONDS = 0.4
"""The gauge glides from one share to the next."""
_SAID = {"document": ("document.again", "document.hold"), "chip": ("chip.put", "chip.put_back")}
"""What is told by step; that the camera sees no page yet is what picture and words ask for anyway."""


class PassportScreen(KioskScreen):
    """The lines at the bottom of the page, the chip, the page itself; whichever this kiosk can read.

    The chip is read while the page is looked at: the step is the chip's own only where nothing else is left to do.
    """

    reader = StringProperty("flat")
    """Shape of the reader that is shown: `flat`, `swipe`, or `pad`, which reads chips beside a slot."""
    title = StringProperty("")
    skip_words = StringProperty("")
    text = StringProperty("")
    lines_done = BooleanProperty(False)
    chip_done = BooleanProperty(False)
    page_done = BooleanProperty(False)
    reads_chip = BooleanProperty(False)
    reads_page = BooleanProperty(False)
    side_by_side = BooleanProperty(False)
    """Chip and page share a line: a low panel has no room for three."""
    at_chip = BooleanProperty(False)
    """The chip is being read, or asked for."""
    target_share = NumericProperty(0.0)
    chip_share = NumericProperty(0.0)
    """What the gauge shows on its way to the target."""
    slide = NumericProperty(0.0)
    """0: the passport is away; 1: it lies on the reader."""
    glow = NumericProperty(0.0)
    """How bright the waves of the chip are."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        there = Animation(slide=1.0, duration=1.1, t="out_cubic") + Animation(slide=1.0, duration=1.6)
        self._motion = there + Animation(slide=0.0, duration=0.01) + Animation(slide=0.0, duration=0.4)
        self._motion.repeat = True
        self._waves = Animation(glow=1.0, duration=0.9, t="in_out_sine") + Animation(
            glow=0.25, duration=0.9, t="in_out_sine"
        )
        self._waves.repeat = True
        self._moving: Animation | None = None

    def refresh(self, state: State) -> None:
        traveller, status, asked_for = state.traveller, state.status, _asked_for(state)
        self.at_chip = _at_chip(state)
        if status is not None:
            self.reader = _reader(state)
            self.reads_page = "page" in status.steps
            self.reads_chip = "chip" in status.steps
            self.side_by_side = self.reads_chip and look().landscape
        self.lines_done = "document" in traveller.answered
        self.chip_done = "chip" in traveller.answered
        self.page_done = "page" in traveller.answered
        self._move(self._motion if asked_for or not self.lines_done else self._waves if self.at_chip else None)
        self.target_share = traveller.chip or 0.0
        self.title = str(app().say("passport.leave" if self.at_chip and not asked_for else "passport.title"))
        self.skip_words = str(app().say("passport.skip_chip" if traveller.step == "chip" else "passport.skip"))
        self.text = self.hint(state)

    def hint(self, state: State) -> str:
        said, traveller = state.traveller.guidance, state.traveller
        if traveller.chip_lost and traveller.step != "chip":
            return str(app().say("guide.chip.put_back"))
        if said is not None and said.code in _SAID.get(traveller.step, ()):
            return str(app().say(f"guide.{said.code}"))
        if _at_chip(state):
            return str(app().say("passport.chip_text"))
        if "document" in traveller.answered:
            return str(app().say("passport.stay"))
        return str(app().say(f"passport.text_{self.reader}"))

    def spoken(self, state: State) -> list[str]:
        return [self.title, self.hint(state)]

    def leave(self) -> None:
        self._motion.stop(self)
        self._waves.stop(self)
        Animation.cancel_all(self, "chip_share")

    def _move(self, motion: Animation | None) -> None:
        """A passport that is asked for is shown coming; one that lies there stays, and shines while it is read."""
        if self._moving is motion and (motion is not None or self.slide == 1.0):
            return
        for one in (self._motion, self._waves):
            one.stop(self)
        self._moving = motion
        self.slide, self.glow = (0.0, 0.0) if motion is self._motion else (1.0, 0.25)
        if motion is not None:
            motion.start(self)

    def on_target_share(self, *_: Any) -> None:
        Animation.cancel_all(self, "chip_share")
        Animation(chip_share=self.target_share, duration=GAUGE_SECONDS, t="out_quad").start(self)


def _asked_for(state: State) -> bool:
    """The passport is to be put on the reader, for the first time or again, so that its chip can be read."""
    said = state.traveller.guidance
    told = state.traveller.step == "chip" and said is not None and said.code in _SAID["chip"]
    return told or state.traveller.chip_lost


def _at_chip(state: State) -> bool:
    return state.traveller.step == "chip" or state.traveller.chip is not None


def _reader(state: State) -> str:
    assert state.status is not None
    shape = state.status.reader or "flat"
    return "pad" if shape == "swipe" and _at_chip(state) else shape


SCREENS = {Screen.PASSPORT: PassportScreen}
