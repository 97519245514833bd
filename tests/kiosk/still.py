"""A window that shows states and does nothing: for galleries and checks. `glass.prepare` must have run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from kivy.animation import Animation
from kivy.clock import Clock
from kivy.lang import Builder

from kiosk_app import app as kiosk
from kiosk_app.voice.guide import Guide

SETTLE = 5
"""Turns of Kivy's loop until layouts that depend on each other have come to rest."""


class Still(kiosk.KioskApp):
    """Nothing happens."""

    def happened(self, event: Any) -> None:
        del event


class Nobody:
    """Carries nothing out."""

    def do(self, command: Any, state: Any) -> None:
        del command, state

    def watch(self, inspection: str) -> None:
        del inspection


def still(width: int, height: int) -> Still:
    """The application, its window up."""
    kiosk.FADE_SECONDS = 0.001
    app = Still(Nobody(), Guide(None, None), Path(tempfile.mkdtemp()), width=width, height=height)
    app.now = lambda: 0.0
    app._run_prepare()
    return app


def settle() -> None:
    """Let everything that waits for the next turn of Kivy's loop happen, without drawing a frame for each."""
    for _ in range(SETTLE):
        Clock.tick()
        Builder.sync()
        Clock.tick_draw()
        Builder.sync()


def rest(screen: Any) -> None:
    """Bring what moves to the place where it says most."""
    for name in ("_motion", "_waves"):
        if (motion := getattr(screen, name, None)) is not None:
            motion.stop(screen)
    if hasattr(screen, "target_share"):
        Animation.cancel_all(screen, "chip_share")
        screen.chip_share = screen.target_share
    timer = getattr(screen, "_timer", None)
    if timer is not None:
        timer.cancel()
    if hasattr(screen, "_turn"):
        screen._turn = 0
        screen._say()
        screen.ids.talk.opacity = 1.0
    for name, value in (("slide", 0.9), ("mix", 0.0), ("turn", 0.5), ("glow", 1.0)):
        if hasattr(screen, name):
            setattr(screen, name, value)
    screen.opacity = 1.0
