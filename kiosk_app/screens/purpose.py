"""What for: the choices the policy offers, each with a picture."""

from __future__ import annotations

from typing import Any

from kiosk_app.flow.state import Screen, State
from kiosk_app.flow.travelling import open_question
from kiosk_app.ui.current import app, look
from kiosk_app.ui.frame import KioskScreen
from kiosk_app.ui.press import Press


class PurposeScreen(KioskScreen):
    """A choice that this kiosk has no words for is not offered: the officer asks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._choices: tuple[str, ...] = ()

    def refresh(self, state: State) -> None:
        question = open_question(state)
        choices = question.choices if question is not None else self._choices
        if choices == self._choices:
            return
        self._choices = choices
        grid = self.ids.choices
        grid.clear_widgets()
        grid.cols = 3 if look().landscape else 2
        for choice in choices:
            key = f"purpose.{choice}"
            if app().has(key):
                icon = f"icon-purpose-{choice}"
                grid.add_widget(Press(action="answer", value=choice, words=app().say(key), icon=icon, stacked=True))
        grid.add_widget(Press(action="skip", icon="icon-person", words=app().say("purpose.skip"), stacked=True))


SCREENS = {Screen.PURPOSE: PurposeScreen}
