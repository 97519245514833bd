"""Seeing, hearing, reaching: how the kiosk should be for this traveller."""

from __future__ import annotations

from kivy.properties import BooleanProperty, NumericProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen


class SettingsScreen(KioskScreen):
    """Switches; what is on bears a check mark."""

    contrast = BooleanProperty(False)
    large = BooleanProperty(False)
    low = BooleanProperty(False)
    voice = BooleanProperty(False)
    volume = NumericProperty(60)

    def refresh(self, state: State) -> None:
        comfort = state.traveller.comfort
        self.contrast, self.large, self.low = comfort.contrast, comfort.large, comfort.reach
        self.voice, self.volume = comfort.voice, comfort.volume

    def hint(self, state: State) -> str:
        return str(app().say("settings.volume", volume=state.traveller.comfort.volume))


SCREENS = {Screen.SETTINGS: SettingsScreen}
