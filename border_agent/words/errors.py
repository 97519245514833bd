"""Errors of the words themselves: a mistake in a catalogue or in a call, never something a person caused."""

from __future__ import annotations

from border_agent.errors import BorneError


class WordsError(BorneError):
    """Base of every error about texts."""

    code = "words"


class CatalogueBroken(WordsError):
    """A catalogue that cannot be read, or that says the same key twice."""

    code = "words.catalogue_broken"


class UnknownKey(WordsError):
    """A text that no catalogue of this language holds."""

    code = "words.unknown_key"


class UnknownLanguage(WordsError):
    """A language without catalogues."""

    code = "words.unknown_language"


class MissingParameter(WordsError):
    """A text with a place that the call does not fill."""

    code = "words.missing_parameter"
