"""The tactile keypad: one order through every control, one key to press it, and the same from every screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from kiosk_app.flow.events import Action
from kiosk_app.ui.frame import Row
from kiosk_app.ui.look import Look
from kiosk_app.ui.press import Press

_FORWARD: Final = frozenset({9, 274, 275})
"""Tab, down, right."""
_BACKWARD: Final = frozenset({273, 276})
_PRESS: Final = frozenset({13, 271, 32})
"""Enter, keypad enter, space."""
_ACTIONS: Final = {27: Action.CANCEL, 282: Action.HELP, 283: Action.CALL, 284: Action.SETTINGS, 8: Action.BACK}
"""Escape, F1, F2, F3, backspace."""
_REPEAT: Final = 285
_LOUDER: Final = frozenset({43, 270, 61})
_QUIETER: Final = frozenset({45, 269})


class Keypad:
    """Moves a mark over the controls of the screen. With speech on, each is read as it is reached."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._at: Press | None = None

    @property
    def at(self) -> Press | None:
        """The control under the mark."""
        return self._at

    def clear(self) -> None:
        """Take the mark away."""
        if self._at is not None:
            self._at.focused = False
            self._at = None

    def pressed(self, _window: Any, key: int, _scan: int, _text: Any, modifiers: list[str]) -> bool:
        """A key of the keypad; True: nobody else needs to see it."""
        if key in _FORWARD or key in _BACKWARD:
            self.move(-1 if key in _BACKWARD or "shift" in modifiers else 1)
        elif key in _PRESS:
            self.press()
        elif key in _ACTIONS:
            self._app.tap(_ACTIONS[key], "")
        elif key in _LOUDER or key in _QUIETER:
            self._app.tap(Action.LOUDER if key in _LOUDER else Action.QUIETER, "")
        elif key == _REPEAT:
            self._app.guide.repeat()
        return True

    def move(self, by: int) -> None:
        """To the next control, or the one before; after the last comes the first."""
        order = controls(self._app.screen, self._app.look)
        if not order:
            return
        place = order.index(self._at) + by if self._at in order else (0 if by > 0 else -1)
        self.clear()
        self._at = order[place % len(order)]
        self._at.focused = True
        self._app.tap(Action.TOUCH, "")
        self._app.guide.reached(self._at.words, self._at.language or self._app.look.language)

    def press(self) -> None:
        """Press the control under the mark; without one, the screen's first."""
        order = controls(self._app.screen, self._app.look)
        if self._at in order and self._at is not None:
            self._at.send()
        elif order:
            order[0].send()


def controls(root: Any, look: Look) -> list[Press]:
    """Every control that can be pressed, in the order of reading: the body's, then the bar below."""
    return [one for one in _walk(root, look) if not one.disabled and one.opacity > 0 and one.height > 1]


def _walk(widget: Any, look: Look) -> Iterator[Press]:
    if isinstance(widget, Press):
        yield widget
        return
    turned = isinstance(widget, Row) and look.right_to_left
    children = list(widget.children) if turned else list(reversed(widget.children))
    # The frame is built before the body, but what a screen is about comes first.
    if any(type(child).__name__ == "Body" for child in children):
        children.sort(key=lambda child: type(child).__name__ != "Body")
    for child in children:
        yield from _walk(child, look)
