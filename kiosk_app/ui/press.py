"""Everything that can be pressed: one class, a few kinds. A target has at least 20 mm either way."""

from __future__ import annotations

from typing import Any, Final

from kivy.clock import Clock
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.floatlayout import FloatLayout

from kiosk_app.flow.events import Action
from kiosk_app.ui.current import app

HOLD_SECONDS: Final = 3.0
_GROUNDS = {"primary": "primary", "bar": "bar", "stop": "stop_tint", "key": "card"}
_INKS = {"primary": "on_primary", "bar": "on_bar", "stop": "stop"}


class Press(ButtonBehavior, FloatLayout):
    """A control: an action of the flow, with an icon, words, or both."""

    action: Any = ObjectProperty("")
    value = StringProperty("")
    words = StringProperty("")
    icon = StringProperty("")
    kind = StringProperty("plain")
    """`primary`, `plain`, `bar` (on the bar below), `stop`, `key` (of a keyboard)."""
    fine = BooleanProperty(False)
    """Small words: for the staff, who stands near and knows what is there."""
    stacked = BooleanProperty(False)
    """The icon above the words instead of before them."""
    chosen = BooleanProperty(False)
    """A switch that is on, a choice that was made: told by a check mark too, not by colour alone."""
    focused = BooleanProperty(False)
    language = StringProperty("")
    least = NumericProperty(0.0)
    """Least height, mm; 0: the look's own."""
    fixed = BooleanProperty(False)
    """Exactly as high as `least`: the keys of a keyboard."""
    ground = StringProperty("card")
    ink = StringProperty("primary")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fbind("kind", self._recolour)
        self.fbind("chosen", self._recolour)
        self._recolour()

    def _recolour(self, *_: Any) -> None:
        kind = "primary" if self.chosen else self.kind
        self.ground, self.ink = _GROUNDS.get(kind, "card"), _INKS.get(kind, "primary")

    def on_press(self) -> None:
        app().touched(self)

    def on_release(self) -> None:
        self.send()

    def send(self) -> None:
        """Hand the action to the flow: after a touch, or a key."""
        if self.action and not self.disabled:
            app().tap(Action(self.action), self.value)


class Hold(ButtonBehavior, FloatLayout):
    """The mark: pressed for three seconds it opens the staff's sign-in; a tap does nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._timer: Any = None

    def on_press(self) -> None:
        self._timer = Clock.schedule_once(self._held, HOLD_SECONDS)

    def on_release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _held(self, _: float) -> None:
        self._timer = None
        app().tap(Action.HOLD, "")
