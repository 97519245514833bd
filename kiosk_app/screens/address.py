"""Where to: an address, written on the screen's own keys."""

from __future__ import annotations

from typing import Any

from kivy.properties import StringProperty
from kivy.uix.boxlayout import BoxLayout

from kiosk_app.flow.events import Action
from kiosk_app.flow.state import Screen
from kiosk_app.ui.current import app, look
from kiosk_app.ui.frame import KioskScreen
from kiosk_app.ui.keys import BACK, DONE, LONGEST, SPACE, Key, rows_for
from kiosk_app.ui.press import Press


class AddressScreen(KioskScreen):
    """What is typed stays in this widget until it is sent, and goes with it."""

    typed = StringProperty("")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Keyboards stand as they are built, whichever way their letters are written.
        for letters in reversed(rows_for(look().language)):
            row = BoxLayout(spacing=look().mm(1.6), size_hint_y=None, height=look().mm(20))
            for letter in letters:
                row.add_widget(Key(letter=letter, least=20, pressed_by=self.press))
            self.ids.pad.add_widget(row, index=len(self.ids.pad.children))
        if not look().landscape:  # a low panel has no room for it; help offers the same
            self.ids.pad.add_widget(Press(action="skip", words=app().say("address.skip"), least=20))

    def press(self, letter: str) -> None:
        """A key: a letter, a space, one letter back, or done."""
        if letter == BACK:
            self.typed = self.typed[:-1]
        elif letter == DONE:
            self.send()
        elif len(self.typed) < LONGEST:
            self.typed += " " if letter == SPACE else letter
        app().tap(Action.TOUCH, "")

    def send(self) -> None:
        """The address is complete."""
        if self.typed.strip():
            app().tap(Action.ANSWER, self.typed.strip())


SCREENS = {Screen.ADDRESS: AddressScreen}
