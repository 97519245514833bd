"""The staff signs in: a number and a code, on digits alone."""

from __future__ import annotations

from typing import Any

from kivy.properties import NumericProperty, StringProperty

from kiosk_app.flow.events import SignInTried
from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app, look
from kiosk_app.ui.frame import KioskScreen
from kiosk_app.ui.keys import BACK, DIGITS, DONE, Key

LONGEST = 16


class SignInScreen(KioskScreen):
    """First the number, then the code; what is typed never leaves this widget but to be sent."""

    number = StringProperty("")
    code = StringProperty("")
    part = NumericProperty(0)
    text = StringProperty("")
    typed = StringProperty("")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._refusal: Any = None
        self.ids.pad.cols = 3
        self.ids.pad.orientation = "lr-tb"  # digits stand so everywhere
        for digit in DIGITS:
            self.ids.pad.add_widget(Key(letter=digit, pressed_by=self.press, least=look().target))
        self._say()

    def press(self, digit: str) -> None:
        """A digit, back, or done."""
        field = "code" if self.part else "number"
        held = getattr(self, field)
        if digit == BACK:
            setattr(self, field, held[:-1])
        elif digit == DONE:
            self._done()
        elif len(held) < LONGEST:
            setattr(self, field, held + digit)
        self._say()

    def refresh(self, state: State) -> None:
        staff = state.staff
        # Once a refusal: what is typed afterwards must outlive the next status of the agent.
        if staff is not None and staff.refused and staff is not self._refusal:
            self._refusal = staff
            self.number, self.code, self.part = "", "", 0
            key = f"sign-in.{staff.refused.removeprefix('staff.')}"
            self.text = app().say(key if app().has(key) else "sign-in.refused", seconds=staff.wait_seconds)
        self._say()

    def _done(self) -> None:
        if not self.part:
            self.part = 1 if self.number else 0
        elif self.code:
            app().happened(SignInTried(self.number, self.code))
            self.code = ""

    def _say(self) -> None:
        key = "sign-in.code" if self.part else "sign-in.number"
        shown = "•" * len(self.code) if self.part else self.number
        self.typed = f"{app().say(key)}  {shown}"


SCREENS = {Screen.SIGN_IN: SignInScreen}
