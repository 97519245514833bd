"""Catalogues: gettext `.po` files whose msgid is a key and whose msgstr is the text.

    locale/<language>/LC_MESSAGES/<domain>.po

All domains of a language are one dictionary; a key twice, in one file or in two, is an error. The files are read as
they are, without compiling, so that a country can mend a word with a text editor.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel.messages.pofile import PoFileError, read_po

from border_agent.words.errors import CatalogueBroken, UnknownLanguage

LOCALE: Final = Path(__file__).parent / "locale"
LARGEST_FILE: Final = 1_048_576
_KEY: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*(?!\n)")
_LINE: Final = re.compile(r'#.*|((msgid|msgstr) )?"(\\.|[^"\\])*"|')
_MSGID: Final = re.compile(r'^msgid "(.*)"\s*$', re.MULTILINE)


@cache
def languages() -> tuple[str, ...]:
    """Languages that have catalogues, in alphabetical order."""
    return tuple(sorted(folder.parent.name for folder in LOCALE.glob("*/LC_MESSAGES")))


@cache
def catalogue(language: str) -> MappingProxyType[str, str]:
    """Every key of a language with its text. Raises UnknownLanguage, CatalogueBroken."""
    if language not in languages():
        raise UnknownLanguage(language)
    return MappingProxyType(load_folder(LOCALE / language / "LC_MESSAGES"))


@cache
def domain_keys(domain: str, language: str) -> tuple[str, ...]:
    """Keys of one domain, in the order of its file. Raises UnknownLanguage, CatalogueBroken."""
    if language not in languages():
        raise UnknownLanguage(language)
    return tuple(load_file(LOCALE / language / "LC_MESSAGES" / f"{domain}.po"))


def load_folder(folder: Path) -> dict[str, str]:
    """All domains of a folder, merged. Raises CatalogueBroken."""
    merged: dict[str, str] = {}
    for file in sorted(folder.glob("*.po")):
        texts = load_file(file)
        twice = merged.keys() & texts.keys()
        if twice:
            raise CatalogueBroken(str(file), f"in two domains: {', '.join(sorted(twice))}")
        merged |= texts
    return merged


def load_file(file: Path) -> dict[str, str]:
    """One domain: key to text. Raises CatalogueBroken."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise CatalogueBroken(str(file), "too large")
        source = file.read_text("utf-8")
        for number, line in enumerate(source.splitlines(), 1):
            if not _LINE.fullmatch(line):  # babel lets an open quotation mark pass
                raise CatalogueBroken(str(file), f"line {number}")
        messages = list(read_po(source.splitlines(keepends=True), abort_invalid=True, charset="utf-8"))
    except OSError as error:
        raise CatalogueBroken(str(file), error.strerror or str(error)) from None
    except (PoFileError, UnicodeDecodeError, ValueError) as error:
        raise CatalogueBroken(str(file), str(error)) from None
    # babel merges a repeated msgid silently, so the keys are counted in the text.
    written = [key for key in _MSGID.findall(source) if key]
    twice = sorted({key for key in written if written.count(key) > 1})
    if twice:
        raise CatalogueBroken(str(file), f"twice: {', '.join(twice)}")
    texts: dict[str, str] = {}
    for message in messages:
        if not message.id:
            continue
        if not isinstance(message.id, str) or not _KEY.fullmatch(message.id) or not isinstance(message.string, str):
            raise CatalogueBroken(str(file), f"no key with one text: {message.id!r}")
        texts[message.id] = message.string
    if set(texts) != set(written):
        raise CatalogueBroken(str(file), "a key is written over several lines")
    return texts
