"""A scripted traveller's hand: it finds a control on the screen as a person does, and touches it through X."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from border_agent.demo.display import click
from border_agent.demo.parts import DemoFailed
from kiosk_app.flow.state import Screen, State

T = TypeVar("T")
LOOK_SECONDS = 20.0


class Hand:
    """Runs in a thread of its own; what it asks of the window it has done on Kivy's."""

    def __init__(self, app: Any) -> None:
        self.app = app

    @property
    def state(self) -> State:
        """What the window shows."""
        state: State = self.app.state
        return state

    def until(self, what: str, ready: Callable[[State], bool], seconds: float = LOOK_SECONDS) -> State:
        """Wait until the window's state is so. Raises DemoFailed."""
        deadline = time.monotonic() + seconds
        while not ready(self.app.state):
            if time.monotonic() > deadline:
                raise DemoFailed(what, f"the kiosk shows {self.app.state.screen}")
            time.sleep(0.01)
        return self.state

    def see(self, *screens: Screen, seconds: float = LOOK_SECONDS) -> State:
        """Wait for one of these screens."""
        return self.until(" / ".join(screens), lambda state: state.screen in screens, seconds)

    def leave(self, screen: Screen, seconds: float = LOOK_SECONDS) -> State:
        """Wait for any other screen than this."""
        return self.until(f"after {screen}", lambda state: state.screen is not screen, seconds)

    def touch(self, action: str, value: str = "") -> None:
        """Touch the control of this action on the screen that is up. Raises DemoFailed where there is none."""
        self._click(lambda: self._place(action, value), f"{action} {value}".strip())

    def type(self, letters: str) -> None:
        """Touch the keys of the keyboard on the screen. Raises DemoFailed."""
        for letter in letters:
            self._click(lambda key=letter: self._key_place(key), f"key {letter}")  # type: ignore[misc]

    def _click(self, find: Callable[[], tuple[float, float] | None], what: str) -> None:
        deadline = time.monotonic() + 5.0
        before = None
        while True:
            place = self.on_window(lambda: None if self.app.shielded else find())
            if place is not None and place == before:  # a new screen is laid out in its second turn
                break
            before = place
            if time.monotonic() > deadline:
                raise DemoFailed(what, f"not on the screen {self.app.state.screen}")
            time.sleep(0.02)
        click(*place)

    def picture(self, file: Path) -> None:
        """Keep what the window shows, as PNG."""
        from kiosk_app.ui.shot import save

        file.parent.mkdir(parents=True, exist_ok=True)
        self.on_window(lambda: save(file))

    def on_window(self, do: Callable[[], T]) -> T:
        """Have something done on Kivy's thread, between two frames."""
        from kivy.clock import Clock

        done, answer = threading.Event(), []

        def run(_: float) -> None:
            answer.append(do())
            done.set()

        Clock.schedule_once(run, 0)
        if not done.wait(LOOK_SECONDS):
            raise DemoFailed("window", "it does not answer")
        return answer[0]

    def _key_place(self, letter: str) -> tuple[float, float] | None:
        from kiosk_app.ui.keys import Key

        for key in self.app.screen.walk(restrict=True):
            if isinstance(key, Key) and key.letter == letter:
                x, y = key.to_window(*key.center)
                return x, self.app.look.height - y
        return None

    def _place(self, action: str, value: str) -> tuple[float, float] | None:
        from kiosk_app.ui.keypad import controls

        for control in controls(self.app.screen, self.app.look):
            if str(control.action) == action and control.value == value:
                x, y = control.to_window(*control.center)
                return x, self.app.look.height - y
        return None
