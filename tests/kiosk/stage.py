"""What a scenario of `drive` works with: a hand on the window, the world behind it, keys, jack and a long press."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from border_agent.demo.counter import Arrival
from border_agent.demo.display import press_and_hold
from border_agent.demo.hand import Hand
from border_agent.demo.kiosk_world import Cast, KioskWorld
from kiosk_app.flow.state import Screen, Traveller

EVENT = struct.Struct("qqHHi")
EV_SW, SW_HEADPHONE_INSERT = 5, 2
PAUSE = 0.4
"""Seconds from the question to the document."""
NUMBER, CODE = "4711", "73519284"


class Stage:
    """What a scenario works with."""

    def __init__(
        self, hand: Hand, world: KioskWorld, cast: Cast, training_cast: Cast, child: Arrival, folder: Path
    ) -> None:
        self.hand = hand
        self.world = world
        self.cast = cast
        self.training_cast = training_cast
        self.child = child
        self._folder = folder
        self._jack = os.open(folder / "jack", os.O_RDWR)

    def jack(self, *, inserted: bool) -> None:
        """What the kernel says when headphones are plugged in or out."""
        os.write(self._jack, EVENT.pack(0, 0, EV_SW, SW_HEADPHONE_INSERT, int(inserted)))

    def heard(self) -> int:
        """Samples that were not silent so far, as SDL wrote them."""
        file = self._folder / "sound.raw"
        heard = np.fromfile(file, np.int16) if file.exists() else np.zeros(1, np.int16)
        return int((np.abs(heard) > 300).sum())

    def at_ease(self) -> None:
        """Wait until nobody is there, and nothing of anybody is kept."""
        state = self.hand.see(Screen.ATTRACT, seconds=60.0)
        assert state.traveller == Traveller(), state.traveller
        assert state.staff is None

    def begin(self, language: str) -> None:
        self.at_ease()
        self.hand.touch("begin")
        self.hand.see(Screen.LANGUAGE)
        self.hand.touch("language", language)


def finish(stage: Stage) -> None:
    """From whichever of the last screens to the end."""
    while stage.hand.state.screen is not Screen.ATTRACT:
        before = stage.hand.state.screen
        if before is Screen.CALLED:
            stage.hand.touch("go_on")
        else:
            stage.hand.touch("next")
        stage.hand.leave(before)
    stage.at_ease()


def sign_in(stage: Stage, *, wrong_first: bool = False) -> None:
    """Behind the long press, with number and code."""
    stage.at_ease()
    hold(stage)
    stage.hand.see(Screen.SIGN_IN)
    for code in ("11111111", CODE) if wrong_first else (CODE,):
        for typed in (NUMBER, code):
            stage.hand.type(f"{typed}✓")
        if code != CODE:
            stage.hand.until("refused", lambda state: state.staff is not None and bool(state.staff.refused))
    stage.hand.see(Screen.MAINTENANCE)


def hold(stage: Stage) -> None:
    """The long press on the mark."""
    from kiosk_app.ui.press import HOLD_SECONDS, Hold

    def place() -> tuple[float, float]:
        app = stage.hand.app
        mark = next(one for one in app.screen.walk(restrict=True) if isinstance(one, Hold))
        x, y = mark.to_window(*mark.center)
        return x, app.look.height - y

    press_and_hold(*stage.hand.on_window(place), HOLD_SECONDS + 0.5)
