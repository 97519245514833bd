"""Passwords that officers choose: long before intricate (NIST SP 800-63B), and none that anybody would try."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from border_agent.agent.officers.values import PasswordRefused
from border_agent.agent.staff import code_fits

SHORTEST = 12
SHORTEST_OF_CLASSES = 10
"""Where small and capital letters, figures and other characters are mixed: three of the four."""
LONGEST = 128
_LONGEST_TYPED = 512
_CLASSES = 3
_FEWEST_CHARACTERS = 5
"""Different characters that a password must have."""
_SHORTEST_NAME = 3
_BETWEEN = " -_."
_REST = 8
"""Characters that must be left beside runs (`abcdef`, `13579`), the number, the name, words that everybody tries."""
_COMMON = (
    "password", "passwort", "motdepasse", "azerty", "azertyuiop", "qwerty", "qwertyuiop", "qsdfghjklm", "asdfghjkl",
    "bonjour", "bienvenue", "welcome", "letmein", "soleil", "police", "frontiere", "frontier", "border", "borne",
    "officer", "agent", "admin", "changeme", "1234567890", "123456789", "12345678", "123456", "0123456789",
)  # fmt: skip


def normalised(typed: str) -> str:
    """What was typed, in one form whatever the keyboard (NFKC). Empty where no password can be meant."""
    if len(typed) > _LONGEST_TYPED:
        return ""
    password = unicodedata.normalize("NFKC", typed)
    if len(password) > LONGEST or any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        return ""
    return password


def password_fits(typed: str, hashed: str) -> bool:
    """Whether this is the password of a hash; the same work whatever was typed."""
    password = normalised(typed)
    return code_fits(password, hashed) and bool(password)


def require_good_password(typed: str, number: str, name: str) -> str:
    """The password in its one form. Raises PasswordRefused, which never repeats it."""
    password = normalised(typed)
    if not password:
        raise PasswordRefused(number, f"none, more than {LONGEST} characters, or some that cannot be typed")
    kinds = {_kind(character) for character in password}
    if len(password) < SHORTEST and (len(password) < SHORTEST_OF_CLASSES or len(kinds) < _CLASSES):
        raise PasswordRefused(number, "too short")
    folded = _folded(password)
    periods = range(1, len(folded) // 2 + 1)
    if len(set(folded)) < _FEWEST_CHARACTERS or any(folded[period:] == folded[:-period] for period in periods):
        raise PasswordRefused(number, "a repetition")
    steps = [_step(before, after) for before, after in pairwise(folded)]
    if len(folded) - sum(before == after for before, after in pairwise(steps)) < _REST:
        raise PasswordRefused(number, "a run")
    rest = "".join(character for character in folded if character not in _BETWEEN)
    own = [word for word in _folded(name).replace("-", " ").split() if len(word) >= _SHORTEST_NAME]
    for word in (number, *sorted((*own, *_COMMON), key=len, reverse=True)):
        rest = rest.replace(word, "")
    if len(rest) < _REST:
        raise PasswordRefused(number, "little but the number, the name or words that everybody thinks of")
    return password


def _folded(text: str) -> str:
    """Without accents and capitals."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in parts if not unicodedata.combining(character))


def _step(before: str, after: str) -> int:
    """How far it is from one character to the next; after 9 comes 0."""
    step = ord(after) - ord(before)
    return step % 10 if before.isdigit() and after.isdigit() else step


def _kind(character: str) -> str:
    if character.isdigit():
        return "figure"
    if character.isalpha():
        return "capital" if character.isupper() else "letter"
    return "other"
