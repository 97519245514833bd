"""The keys of the screen's own keyboards: by language for words, digits for the staff."""

from __future__ import annotations

from typing import Any, Final

from kivy.properties import ObjectProperty, StringProperty

from kiosk_app.ui.press import Press

LONGEST: Final = 120
"""Characters of an address; the agent takes 200."""

_LATIN = {
    "fr": ("AZERTYUIOP", "QSDFGHJKLM", "WXCVBNÉÈ',"),
    "en": ("QWERTYUIOP", "ASDFGHJKL'", "ZXCVBNM&,."),
    "pt": ("QWERTYUIOP", "ASDFGHJKLÇ", "ZXCVBNMÃÉ,"),
    "es": ("QWERTYUIOP", "ASDFGHJKLÑ", "ZXCVBNMÁÉ,"),
}
_ARABIC = ("ضصثقفغعهخح", "جشسيبلاتنم", "كطدذرزوةظئ")


BACK, SPACE, DONE = "⌫", "␣", "✓"
DIGITS: Final = f"123456789{BACK}0{DONE}"


def rows_for(language: str) -> tuple[str, ...]:
    """Four rows of eleven keys: digits, then letters; at the end of each but the third what is done with them."""
    first, second, third = _ARABIC if language == "ar" else _LATIN.get(language, _LATIN["en"])
    return "1234567890" + BACK, first + "-", second + SPACE, third + DONE


class Key(Press):
    """One key of a keyboard."""

    letter = StringProperty("")
    pressed_by: Any = ObjectProperty(None, allownone=True)
    """Called with the letter."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fixed=True, **kwargs)
        self.fbind("letter", self._label)
        self._label()

    def _label(self, *_: Any) -> None:
        self.icon = {BACK: "icon-delete", DONE: "icon-check", SPACE: "icon-space"}.get(self.letter, "")
        self.words = "" if self.icon else self.letter
        self.kind = "primary" if self.letter == DONE else "key"

    def send(self) -> None:
        if not self.disabled and self.pressed_by is not None:
            self.pressed_by(self.letter)
