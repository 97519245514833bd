"""Nobody is here: a welcome in every language, privacy in one sentence, one large button."""

from __future__ import annotations

from typing import Any

from kivy.animation import Animation
from kivy.clock import Clock
from kivy.properties import BooleanProperty, StringProperty

from kiosk_app import words
from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app, look
from kiosk_app.ui.frame import KioskScreen

TURN_SECONDS = 4.0


class AttractScreen(KioskScreen):
    """The welcome goes round the languages; the look's own comes first."""

    welcome = StringProperty("")
    privacy = StringProperty("")
    begin = StringProperty("")
    spoken_in = StringProperty("")
    every = StringProperty("")
    offline = BooleanProperty(False)

    def __init__(self, **kwargs: Any) -> None:
        self._turn = 0
        self.every = "  ·  ".join(app().say("attract.welcome", language) for language in words.languages())
        self.foot = ["settings"]
        super().__init__(**kwargs)
        self._say()
        self._timer = Clock.schedule_interval(self._next, TURN_SECONDS)

    def refresh(self, state: State) -> None:
        self.offline = state.status is not None and not state.status.online

    def leave(self) -> None:
        self._timer.cancel()

    def spoken(self, state: State) -> list[str]:
        return [self.welcome, self.privacy]

    def _order(self) -> list[str]:
        every = words.languages()
        first = every.index(look().language)
        return [*every[first:], *every[:first]]

    def _say(self) -> None:
        order = self._order()
        language = order[self._turn % len(order)]
        self.spoken_in = language
        self.welcome = app().say("attract.welcome", language)
        self.privacy = app().say("attract.privacy", language)
        self.begin = app().say("attract.begin", language)

    def _next(self, _: float) -> None:
        if look().comfort.voice:
            return
        self._turn += 1
        talk = self.ids.talk
        fade = Animation(opacity=0, duration=0.25)
        fade.bind(on_complete=self._turned)
        fade.start(talk)

    def _turned(self, _animation: object, talk: Any) -> None:
        self._say()
        Animation(opacity=1, duration=0.25).start(talk)


SCREENS = {Screen.ATTRACT: AttractScreen}
