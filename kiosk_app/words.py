"""The kiosk's texts: one gettext file a language, `locale/<language>/LC_MESSAGES/kiosk.po`.

Another file is another language.

The msgid is a key. Places are `{name}`. Unlike the officers' texts these exist in more languages than French and
English, so they live here, and the agent's catalogues stay a pair. A test holds every language to the same keys.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel.messages.pofile import read_po

LOCALE: Final = Path(__file__).parent / "locale"
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")


@cache
def catalogue(language: str) -> MappingProxyType[str, str]:
    """Every key of a language with its text."""
    with (LOCALE / language / "LC_MESSAGES" / "kiosk.po").open("rb") as file:
        messages = read_po(file, charset="utf-8", abort_invalid=True)
    return MappingProxyType({str(one.id): str(one.string) for one in messages if one.id})


@cache
def languages() -> tuple[str, ...]:
    """Languages that have a file, in the order of their buttons, which each file says itself."""
    found = (file.parent.parent.name for file in LOCALE.glob("*/LC_MESSAGES/kiosk.po"))
    return tuple(sorted(found, key=lambda language: (int(catalogue(language)["language.order"]), language)))


def has(key: str, language: str) -> bool:
    """Whether there is such a text."""
    return key in catalogue(language)


def say(key: str, language: str, **params: object) -> str:
    """The text of a key with its places filled. Raises KeyError: a missing text is a defect that the tests find."""
    return _PLACE.sub(lambda place: str(params[place[1]]), catalogue(language)[key])
