"""The face: the traveller's own picture as in a mirror, a large oval, one thing to do at a time, a countdown."""

from __future__ import annotations

from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen

_PICTURES = {
    "face.none": "camera-hint-centre",
    "face.several": "camera-hint-one",
    "face.closer": "camera-hint-closer",
    "face.too_dark": "camera-hint-light",
    "face.too_bright": "camera-hint-light",
    "face.hold_still": "camera-hint-still",
    "face.centre": "camera-hint-centre",
}


class FaceScreen(KioskScreen):
    """What the agent sees is said in words, by a picture and by the oval."""

    guide = StringProperty("")
    picture = StringProperty("camera-hint-centre")
    good = BooleanProperty(False)
    left = NumericProperty(0)
    """Frames still to be taken: the countdown. 0: not counting."""
    share = NumericProperty(0.0)

    def refresh(self, state: State) -> None:
        said = state.traveller.guidance
        self.guide = self.hint(state)
        self.good = said is not None and said.code == "face.good"
        if said is not None and said.wanted:
            self.share = said.captured / said.wanted
            self.left = max(0, said.wanted - said.captured) if said.captured else 0
            self.picture = _PICTURES.get(said.code, self.picture)

    def hint(self, state: State) -> str:
        said = state.traveller.guidance
        key = f"guide.{said.code}" if said is not None else "guide.face.none"
        return str(app().say(key if app().has(key) else "guide.face.none"))

    def spoken(self, state: State) -> list[str]:
        return [app().say("face.title"), self.hint(state)]

    def camera_came(self, width: int, height: int, pixels: bytes) -> None:
        """A frame of the traveller, blue-green-red."""
        self.ids.mirror.show_frame(width, height, pixels)


SCREENS = {Screen.FACE: FaceScreen}
