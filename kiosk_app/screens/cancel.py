"""Stop here? A question, so that a stray touch ends nothing."""

from __future__ import annotations

from kiosk_app.flow.state import Screen
from kiosk_app.ui.frame import KioskScreen


class CancelScreen(KioskScreen):
    """Going on is the large answer."""


SCREENS = {Screen.CANCEL: CancelScreen}
