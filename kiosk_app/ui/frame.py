"""A screen's frame: the bar above with the steps, the body, the bar below with what is always reachable."""

from __future__ import annotations

from typing import Any, ClassVar

from kivy.properties import BooleanProperty, ListProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.gridlayout import GridLayout
from kivy.uix.layout import Layout
from kivy.uix.relativelayout import RelativeLayout
from kivy.uix.widget import Widget

from kiosk_app.flow.progress import progress
from kiosk_app.flow.state import State
from kiosk_app.ui.current import app, look
from kiosk_app.ui.press import Press
from kiosk_app.ui.text import Words


class Row(BoxLayout):
    """Things beside each other, in the order of reading."""

    def add_widget(self, widget: Any, *args: Any, **kwargs: Any) -> None:
        # A box draws its children from the end of their list: at its end, a widget is the leftmost.
        place = {"index": len(self.children)} if look().right_to_left else {}
        super().add_widget(widget, *args, **place, **kwargs)


class Stage(RelativeLayout):
    """The picture's place in a body."""

    spare = BooleanProperty(False)
    """Shown on a high panel only: on a low one the controls need its place."""


class Talk(BoxLayout):
    """Words, from above."""


class Acts(GridLayout):
    """The controls of a screen."""


SQUEEZES = (1.0, 0.92, 0.85, 0.78, 0.72, 0.66)
"""Where words and controls do not fit, the words give way by these steps, never the controls."""


class Body(Layout):
    """Picture, words and controls: one above the other on a high panel, side by side on a wide one."""

    picture_share = NumericProperty(0.42)
    """Of the width, on a wide panel: the picture's part."""
    beside = BooleanProperty(False)
    """On a wide panel the words stand beside the controls, not above them."""
    crowded = BooleanProperty(False)
    """Not even the smallest words fit: a defect that the tests find."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size_hint = (None, None)
        self._fitted: tuple[object, ...] = ()
        self.fbind("pos", self._trigger_layout)
        self.fbind("size", self._trigger_layout)
        _, low, across, high = look().body
        self.pos, self.size = (0, low), (across, high)

    def add_widget(self, widget: Any, *args: Any, **kwargs: Any) -> None:
        super().add_widget(widget, *args, **kwargs)
        if not isinstance(widget, Stage):
            widget.fbind("minimum_height", self._trigger_layout)

    def do_layout(self, *_: Any) -> None:
        now = look()
        edge, gap = now.mm(9 if now.landscape else 12), now.mm(4 if now.landscape else 7)
        x, y, width, height = self.x + edge, self.y + gap, self.width - 2 * edge, self.height - 2 * gap
        stage, talk, acts = (self._part(kind) for kind in (Stage, Talk, Acts))
        if stage is not None and stage.spare and now.landscape:
            stage.size, stage.opacity, stage = (0, 0), 0, None
        side = (stage if stage is not None else talk if self.beside else None) if now.landscape else None
        if side is not None:
            share = width * self.picture_share
            side.width = share - gap
            side.x = self.right - edge - share + gap if now.right_to_left else x
            if side is stage:
                side.height, side.y = height, y
            x, width = (x, width - share) if now.right_to_left else (x + share, width - share)
        above = [part for part in (talk, acts) if part is not None and part is not side]
        for part in above:
            part.width = width
        if acts is not None:
            acts.height, acts.pos = acts.minimum_height, (x, y)
        least_stage = now.mm(40) if stage is not None and not now.landscape else 0.0
        below = acts.height + gap if acts is not None and acts is not side and talk is not side else 0.0
        if talk is not None:
            self._squeeze(talk, height - below - least_stage)
            if talk is not side:
                talk.x = x
            if now.landscape or stage is None:
                # In the middle of what is left above the controls, but never far from the top.
                talk.top = y + height - min((height - below - talk.height) / 2, now.mm(22))
            else:
                talk.y = y + below
        alone = talk is side if talk is not None else now.landscape or stage is None
        if acts is not None and alone:
            acts.y = y + (height - acts.height) / 2
        if stage is not None and not now.landscape:
            used = below + (talk.height + gap if talk is not None else 0.0)
            stage.size = (width, max(0.0, height - used))
            stage.pos = (x, y + height - stage.height)

    def _part(self, kind: type) -> Any:
        return next((one for one in reversed(self.children) if isinstance(one, kind)), None)

    def _squeeze(self, talk: Any, room: float) -> None:
        """Make the words as large as the room allows. What was fitted once is left alone, or layout never ends."""
        words = [one for one in talk.walk(restrict=True) if isinstance(one, Words)]
        wanted = (round(room), round(talk.width), *((one.words, round(one.width)) for one in words))
        if wanted != self._fitted:
            self._fitted = wanted
            for share in SQUEEZES:
                for one in words:
                    one.squeeze = share
                talk.spacing = look().mm(3) * share
                talk.do_layout()
                if talk.minimum_height <= room + 1:
                    break
        self.crowded = talk.minimum_height > room + 1
        talk.height = talk.minimum_height


class Step(BoxLayout):
    """One step in the bar above."""

    words = StringProperty("")
    icon = StringProperty("")
    mark = StringProperty("ahead")


class Card(BoxLayout):
    """Words that belong together, on a surface of their own."""

    ground = StringProperty("card")


class Check(Row):
    """A thing that is awaited, then done."""

    words = StringProperty("")
    done = BooleanProperty(False)


class Gauge(Widget):
    """How much of something is done, from where reading begins: calm, without a figure."""

    share = NumericProperty(0.0)
    """0 to 1."""
    filled = NumericProperty(0.0)
    """Pixels; never less than what its round ends need."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("share", "size"):
            self.fbind(name, self._fill)

    def _fill(self, *_: Any) -> None:
        self.filled = min(self.width, max(self.height, self.width * self.share))


class Foot(Row):
    """The bar below: what is always reachable, always at the same place."""

    holds = ListProperty([])
    ICONS: ClassVar[dict[str, str]] = {
        "back": "icon-back",
        "help": "icon-help",
        "settings": "icon-accessibility",
        "call": "icon-bell",
        "cancel": "icon-cancel",
        "refresh": "icon-repeat",
        "sign_out": "icon-sign-out",
    }

    def on_holds(self, *_: Any) -> None:
        self.clear_widgets()
        for name in self.holds:
            self.add_widget(
                Press(
                    action=name,
                    icon=self.ICONS[name],
                    words=app().say(f"foot.{name}"),
                    kind="bar",
                    stacked=True,
                    size_hint_y=1,
                )
            )


class Steps(Row):
    """The traveller's way: done, now, ahead; by form and sign, not by colour alone."""

    ICONS: ClassVar[dict[str, str]] = {
        "passport": "icon-passport",
        "visa": "icon-code",
        "face": "icon-face",
        "questions": "icon-question",
        "done": "icon-check",
    }

    def show(self, state: State) -> None:
        """Draw the steps of a state."""
        now = progress(state)
        if [(step.icon, step.mark) for step in self._steps()] == [(self.ICONS[n], m.value) for n, m in now]:
            return
        self.clear_widgets()
        for name, mark in now:
            self.add_widget(Step(words=app().say(f"step.{name}"), icon=self.ICONS[name], mark=mark.value))

    def _steps(self) -> list[Step]:
        return list(self.children) if look().right_to_left else list(reversed(self.children))


class KioskScreen(FloatLayout):
    """Base of every screen: built for one look, shown again for every state of its kind."""

    foot: Any = ListProperty(["back", "help", "settings", "cancel"])
    """What the bar below holds, in order."""

    def show(self, state: State) -> None:
        """Draw what this state says; called once a change while the screen is up."""
        steps = self.ids.get("steps")
        if steps is not None:
            steps.show(state)
        self.refresh(state)

    def refresh(self, state: State) -> None:
        """What a screen shows of a state beyond its frame."""

    def spoken(self, state: State) -> list[str]:
        """What is read aloud when the screen comes up."""
        name = state.screen.value
        return [app().say(key) for key in (f"{name}.title", f"{name}.text") if app().has(key)]

    def hint(self, state: State) -> str:
        """What is read aloud when it changes while the screen is up; empty: nothing."""
        return ""

    def camera_came(self, width: int, height: int, pixels: bytes) -> None:
        """A frame of the face camera; of interest to one screen only."""

    def leave(self) -> None:
        """The screen is taken down."""
