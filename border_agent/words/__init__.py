"""Every text a person reads, by key, in French and English.

    text("finding.visa.expired.title", "fr", until="2026-03-01")
    error_text(error, "en")      what is wrong and what to do, for an error of any package
    environment_language()       the language of the person at a terminal

Words are data: code holds keys, `locale/<language>/LC_MESSAGES/<domain>.po` the texts, tests hold both languages
to each other and to the glossary. Cameroon is bilingual by law: neither language is a translation of the other, so
there is no falling back from one to the other either. A missing text is an error that the tests find first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar, Protocol

from border_agent.words.catalogue import catalogue, languages
from border_agent.words.errors import (
    CatalogueBroken,
    MissingParameter,
    UnknownKey,
    UnknownLanguage,
    WordsError,
)
from border_agent.words.formats import NO_BREAK_SPACE, format_date, format_moment, format_number, format_time
from border_agent.words.places import fill

__all__ = [
    "DEFAULT_LANGUAGE",
    "NO_BREAK_SPACE",
    "CatalogueBroken",
    "MissingParameter",
    "UnknownKey",
    "UnknownLanguage",
    "WordsError",
    "environment_language",
    "error_text",
    "format_date",
    "format_moment",
    "format_number",
    "format_time",
    "has",
    "keys",
    "languages",
    "text",
]

DEFAULT_LANGUAGE = "fr"
"""Where neither a person nor a policy has chosen."""


class CodedError(Protocol):
    """The shape of the errors of all packages."""

    code: ClassVar[str]
    where: str
    detail: str


def text(key: str, language: str, /, **params: object) -> str:
    """The text of a key, its places filled; parameters it has no place for are ignored.

    Raises UnknownLanguage, UnknownKey, MissingParameter.
    """
    texts = catalogue(language)
    if key not in texts:
        raise UnknownKey(key, language)
    return fill(texts[key], params, language, texts.get, key)


def has(key: str, language: str | None = None) -> bool:
    """Whether a key has a text: in this language, or in every one."""
    return all(key in catalogue(one) for one in ([language] if language is not None else languages()))


def keys(language: str, prefix: str = "") -> tuple[str, ...]:
    """All keys of a language that begin so, in alphabetical order."""
    return tuple(sorted(key for key in catalogue(language) if key.startswith(prefix)))


def error_text(error: CodedError, language: str) -> str:
    """What is wrong and what to do. A code without words (of a newer part) gives the words for any error."""
    key = f"error.{error.code}"
    return text(
        key if has(key) else "error.unknown", language, where=error.where, detail=error.detail, code=error.code
    )


def environment_language(environment: Mapping[str, str] | None = None, default: str = DEFAULT_LANGUAGE) -> str:
    """The person's language by LANGUAGE, LC_ALL, LC_MESSAGES and LANG, in gettext's order.

    `C` and `POSIX` say nothing; a language without catalogues is passed over.
    """
    variables = os.environ if environment is None else environment
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := variables.get(name))), "")
    for wish in (*variables.get("LANGUAGE", "").split(":"), locale):
        language = wish.partition(".")[0].partition("@")[0].partition("_")[0].lower()
        if language in languages():
            return language
    return default
