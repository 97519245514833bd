"""Which language: each in its own words."""

from __future__ import annotations

from typing import Any

from kiosk_app import words
from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app
from kiosk_app.ui.frame import KioskScreen
from kiosk_app.ui.press import Press


class LanguageScreen(KioskScreen):
    """One button a language, in an order that never changes."""

    def __init__(self, **kwargs: Any) -> None:
        self.foot = ["settings", "call", "cancel"]
        super().__init__(**kwargs)
        for language in words.languages():
            name = app().say("language.name", language)
            self.ids.choices.add_widget(Press(action="language", value=language, words=name, language=language))

    def spoken(self, state: State) -> list[str]:
        return [app().say("language.title", language) for language in words.languages()[:2]]


SCREENS = {Screen.LANGUAGE: LanguageScreen}
