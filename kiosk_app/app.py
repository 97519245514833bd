"""The window: it hands events to the flow, draws the state that comes of it, and has the commands carried out.

`ui.glass.prepare` must have run before this module is imported: it imports Kivy.
"""

from __future__ import annotations

import gc
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from kivy.animation import Animation
from kivy.app import App
from kivy.clock import Clock
from kivy.core.text import LabelBase
from kivy.core.window import Window
from kivy.lang import Builder
from kivy.uix.floatlayout import FloatLayout

from kiosk_app import words
from kiosk_app.flow import Screen, State, advance
from kiosk_app.flow.commands import Command, Sound
from kiosk_app.flow.events import Action, Event, Tapped, Ticked
from kiosk_app.flow.state import IDLE
from kiosk_app.screens import screen_class
from kiosk_app.ui import fonts, keys, picture, preview, text
from kiosk_app.ui.frame import KioskScreen
from kiosk_app.ui.keypad import Keypad
from kiosk_app.ui.look import Look
from kiosk_app.voice.guide import Guide

_log = logging.getLogger(__name__)

WIDGETS = (keys.Key, picture.Picture, preview.Mirror, text.Words)
"""Named by the rules only; Kivy knows a class once its module is imported."""
TICK_SECONDS = 0.25
SHIELD_SECONDS = 0.35
"""A finger on its way cannot be stopped: so long it may still land after the screen has changed by itself."""
WARM_SECONDS = 0.2
COLLECT_AFTER = 0.5
"""Seconds after the idle screen has come up: its fade is over, and nobody has touched it yet."""
WARM = (
    Screen.ATTRACT,
    Screen.LANGUAGE,
    Screen.PASSPORT,
    Screen.VISA,
    Screen.FACE,
    Screen.COUNTER,
    Screen.GATE,
    Screen.OFFICER,
    Screen.SLIP,
    Screen.GOODBYE,
    Screen.HELP,
    Screen.SETTINGS,
    Screen.CANCEL,
    Screen.CALLED,
    Screen.STILL_THERE,
)
FADE_SECONDS = 0.18


class Errands(Protocol):
    """Whoever carries commands out: `link.agent.Link`, or nobody in a gallery."""

    def do(self, command: Command, state: State) -> None: ...

    def watch(self, inspection: str) -> None:
        """Show the face camera to this inspection's traveller; empty: to nobody."""
        ...


class KioskApp(App):
    """One window, one screen at a time, one state."""

    def __init__(
        self, errands: Errands, guide: Guide, folder: Path, *, width: int, height: int, has_training: bool = False
    ) -> None:
        super().__init__()
        self.state = State(has_training=has_training)
        self.errands = errands
        self.guide = guide
        self.look = Look(width, height, self.state.language, self.state.traveller.comfort)
        self.screen: KioskScreen | None = None
        self.stage = FloatLayout()
        self.keypad = Keypad(self)
        self.frames = 0
        """Frames that reached the window."""
        self.now: Callable[[], float] = time.monotonic
        self._folder = folder
        self._shielded_until = 0.0
        self._shown: Screen | None = None
        self._inbox: deque[Event] = deque()
        self._wake = Clock.create_trigger(self._take)

    def build(self) -> FloatLayout:
        """Register fonts, load the rules all screens share, draw the first screen."""
        for name, (regular, bold) in fonts.install(self._folder).items():
            LabelBase.register(name, fn_regular=str(regular), fn_bold=str(bold))
        Builder.load_file(str(Path(__file__).parent / "ui" / "widgets.kv"))
        Window.bind(on_flip=self._flipped, on_key_down=self.keypad.pressed)
        # The service ends the window; nothing on the keyboard or of the session does.
        Window.bind(on_request_close=lambda *_: True)
        Window.clearcolor = self.look.rgba("ground")
        self._draw()
        Clock.schedule_interval(lambda _: self.happened(Ticked()), TICK_SECONDS)
        # A full collection takes 100 ms: it is done while nobody is served, never under a finger.
        gc.disable()
        self._to_warm = deque(WARM)
        Clock.schedule_interval(self._warm, WARM_SECONDS)
        return self.stage

    def say(self, key: str, language: str = "", **params: object) -> str:
        """A text in the traveller's language."""
        return words.say(key, language or self.look.language, **params)

    def has(self, key: str) -> bool:
        """Whether there are such words."""
        return words.has(key, self.look.language)

    def tap(self, action: Action, value: str) -> None:
        """A control was pressed. What was aimed at a screen that has just been replaced is not meant for this one."""
        if not self.shielded:
            self.happened(Tapped(action, value))

    @property
    def shielded(self) -> bool:
        """The screen changed by itself a moment ago."""
        return self.now() < self._shielded_until

    def touched(self, _control: Any) -> None:
        """A finger is on a control: the mark of the keypad goes."""
        self.keypad.clear()

    def post(self, event: Event) -> None:
        """From any thread: this has happened."""
        self._inbox.append(event)
        self._wake()

    def happened(self, event: Event) -> None:
        """Advance the flow, draw, and have done what follows. On Kivy's thread."""
        change = advance(self.state, event, self.now())
        if change.state is not self.state:
            if change.state.screen is not self.state.screen and not isinstance(event, Tapped):
                self._shielded_until = self.now() + SHIELD_SECONDS
            self.state = change.state
            self._draw()
        for command in change.commands:
            if isinstance(command, Sound):
                self.guide.sound(command.tone)
            else:
                self.errands.do(command, self.state)

    def camera_came(self, width: int, height: int, pixels: bytes) -> None:
        """A frame of the face camera, on Kivy's thread; it is drawn while the face's screen is up, and not kept."""
        if self._shown is Screen.FACE and self.screen is not None:
            self.screen.camera_came(width, height, pixels)

    def show(self, state: State) -> None:
        """Draw a state as it is, without the flow: for galleries and tests."""
        self.state = state
        self._draw()

    def _warm(self, _: float) -> bool:
        """Build a screen that a traveller will need, so that its rules are loaded and its pictures drawn."""
        if self.state.screen not in (*IDLE, Screen.MOMENT):
            return True
        if not self._to_warm:
            gc.collect()
            gc.freeze()
            return False
        screen = self._to_warm.popleft()
        warmed = screen_class(screen)()
        warmed.show(replace(self.state, screen=screen))
        # Its layout happens in the next turn; until then it is held, and never shown.
        Clock.schedule_once(lambda _: warmed.leave(), WARM_SECONDS / 2)
        return True

    def _take(self, _: float) -> None:
        while self._inbox:
            self.happened(self._inbox.popleft())

    def _draw(self) -> None:
        state = self.state
        training = state.status is not None and state.status.training
        look = Look(self.look.width, self.look.height, state.language, state.traveller.comfort, training)
        # The volume changes nothing that is seen.
        anew = (look.language, look.palette, look.comfort.large, look.comfort.reach, look.training) != (
            self.look.language,
            self.look.palette,
            self.look.comfort.large,
            self.look.comfort.reach,
            self.look.training,
        )
        self.look = look
        entered = self.screen is None or anew or state.screen is not self._shown
        if entered:
            self._enter(state, fade=not anew)
        assert self.screen is not None
        self.screen.show(state)
        self.errands.watch(
            state.traveller.inspection if state.screen is Screen.FACE and state.traveller.step == "face" else ""
        )
        self.guide.follow(state, self.screen, entered=entered)

    def _enter(self, state: State, *, fade: bool) -> None:
        if self.screen is not None:
            self.screen.leave()
            Animation.cancel_all(self.screen)
        self.stage.clear_widgets()
        self.keypad.clear()
        if state.screen in IDLE and self._shown is not state.screen:
            Clock.schedule_once(lambda _: gc.collect(), COLLECT_AFTER)
        Window.clearcolor = self.look.rgba("ground")
        self.screen = screen_class(state.screen)()
        self._shown = state.screen
        self.stage.add_widget(self.screen)
        if fade and self.frames:
            self.screen.opacity = 0.0
            Animation(opacity=1.0, duration=FADE_SECONDS).start(self.screen)

    def _flipped(self, *_: Any) -> None:
        self.frames += 1
