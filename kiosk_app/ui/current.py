"""The look that is being built with. A plain attribute: whole screens are built anew when it changes."""

from __future__ import annotations

from typing import Any

from kivy.app import App

from kiosk_app.ui.look import Look


def app() -> Any:
    """The running kiosk."""
    return App.get_running_app()


def look() -> Look:
    """How things are drawn now."""
    current: Look = app().look
    return current
