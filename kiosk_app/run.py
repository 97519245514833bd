"""Opening the window, and keeping it: everything of a kiosk but the agent, in one process."""

from __future__ import annotations

import contextlib
import logging
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiosk_app.link.agent import Link
from kiosk_app.ui import glass
from kiosk_app.watchdog import BEAT_SECONDS, Watchdog

_log = logging.getLogger(__name__)

FIRST_FRAME_SECONDS = 15.0
"""A window that has drawn nothing by then draws nothing at all."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a kiosk's window is told when it is started."""

    socket: str
    training_socket: str = ""
    width: int = 1080
    height: int = 1920
    fullscreen: bool = False
    jack: str = ""
    """The input device of the headphone jack; empty: none."""
    sound: bool = True


def run(settings: Settings, with_app: Callable[[Any], None] | None = None) -> None:
    """Open the window and stay until SIGTERM. Raises `glass.NoTrueWindow`.

    `with_app` is called on Kivy's thread once the window is up, with the application: for a scripted traveller.
    """
    glass.require_display()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="borne-kiosk-")))
        glass.prepare(settings.width, settings.height, fullscreen=settings.fullscreen, home=str(folder / "kivy"))
        from kivy.clock import Clock
        from kivy.core.window import Window

        from kiosk_app.app import KioskApp
        from kiosk_app.flow.events import JackMoved
        from kiosk_app.voice.guide import Guide

        glass.require_window(Window, settings.width, settings.height)
        link = Link(settings.socket, settings.training_socket)
        guide = _guide(stack, Clock) if settings.sound else Guide(None, None)
        app = KioskApp(
            link,
            guide,
            folder,
            width=settings.width,
            height=settings.height,
            has_training=bool(settings.training_socket),
        )
        failure: list[glass.NoTrueWindow] = []

        def first_frame(_: float) -> None:
            if not app.frames:
                failure.append(glass.NoTrueWindow("no frame reached the window"))
                app.stop()

        def camera(_: float) -> None:
            frame = link.camera.take() if link.camera is not None else None
            if frame is not None:
                app.camera_came(frame.width, frame.height, frame.pixels)

        def up(_: float) -> None:
            link.start(app.post, lambda: (app.state.screen.value, app.frames), Clock.create_trigger(camera))
            if settings.jack:
                stack.enter_context(_jack(settings.jack, lambda plugged: app.post(JackMoved(plugged))))
            if with_app is not None:
                with_app(app)

        watchdog = Watchdog(lambda: app.frames, Window.canvas.ask_update)
        Clock.schedule_once(up, 0)
        Clock.schedule_once(first_frame, FIRST_FRAME_SECONDS)
        Clock.schedule_interval(watchdog.beat, BEAT_SECONDS)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: Clock.schedule_once(lambda _: app.stop(), 0))
        stack.callback(link.stop)
        app.run()
        if failure:
            raise failure[0]


def _guide(stack: contextlib.ExitStack, clock: Any) -> Any:
    """Voice and tones, each on a player of its own, so that a chime does not cut a sentence."""
    from kiosk_app.voice.guide import Guide
    from kiosk_app.voice.player import SdlPlayer
    from kiosk_app.voice.speech import Speaker
    from kiosk_app.voice.tones import Tones

    def schedule(do: Callable[[], None]) -> None:
        clock.schedule_once(lambda _: do(), 0)

    speaker, tones = Speaker(SdlPlayer(schedule), volume=60), Tones(SdlPlayer(schedule))
    stack.callback(speaker.close)
    stack.callback(tones.close)
    return Guide(speaker, tones)


@contextlib.contextmanager
def _jack(path: str, moved: Callable[[bool], None]) -> Any:
    from kiosk_app.voice.jack import HeadphoneJack

    jack = HeadphoneJack(path, lambda: moved(True), lambda: moved(False))
    jack.start()
    try:
        yield
    finally:
        jack.stop()
