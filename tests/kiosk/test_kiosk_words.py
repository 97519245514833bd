"""The kiosk's words: the same keys and places in every language, none missing, none left over."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from kiosk_app import words
from kiosk_app.flow import Screen
from kiosk_app.link.slips import moment
from tests.words import test_words_glossary as glossary

LANGUAGES = words.languages()
KIOSK = Path(words.__file__).parent
PLACE = re.compile(r"\{([a-z_]+)\}")
SAME = {
    ("visa", "fr"),
    ("step.questions", "fr"),
    ("purpose.transit", "fr"),
    ("device.printer", "fr"),
    ("role.supervisor", "fr"),
}
"""Keys whose text is rightly the English one too."""


def source() -> str:
    return "\n".join(
        file.read_text(encoding="utf-8") for suffix in ("py", "kv") for file in sorted(KIOSK.rglob(f"*.{suffix}"))
    )


def test_the_languages_and_their_order_are_what_the_files_say() -> None:
    assert LANGUAGES == ("fr", "en", "ar", "pt", "es")


def test_adding_a_language_is_adding_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(words.LOCALE, tmp_path / "locale")
    english = (tmp_path / "locale" / "en" / "LC_MESSAGES" / "kiosk.po").read_text(encoding="utf-8")
    new = tmp_path / "locale" / "sw" / "LC_MESSAGES" / "kiosk.po"
    new.parent.mkdir(parents=True)
    new.write_text(english.replace('msgstr "2"', 'msgstr "6"').replace('"English"', '"Kiswahili"'), "utf-8")
    for cached in (words.catalogue, words.languages):
        cached.cache_clear()
    monkeypatch.setattr(words, "LOCALE", tmp_path / "locale")
    try:
        assert words.languages() == ("fr", "en", "ar", "pt", "es", "sw")
        assert words.say("language.name", "sw") == "Kiswahili"
    finally:
        for cached in (words.catalogue, words.languages):
            cached.cache_clear()


@pytest.mark.parametrize("language", LANGUAGES)
def test_keys_places_and_order_are_the_same(language: str) -> None:
    english, other = words.catalogue("en"), words.catalogue(language)
    assert list(english) == list(other)
    assert {k: sorted(PLACE.findall(t)) for k, t in english.items()} == {
        k: sorted(PLACE.findall(t)) for k, t in other.items()
    }
    assert not [key for key, text in other.items() if not text.strip() or text != text.strip() or "  " in text]


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_no_text_is_left_in_english(language: str) -> None:
    english = words.catalogue("en")
    same = {key for key, text in words.catalogue(language).items() if text == english[key]}
    assert not {key for key in same if (key, language) not in SAME and len(english[key]) > 3}


def test_every_key_that_is_written_out_exists_and_no_key_is_left_over() -> None:
    text = source()
    written = set(re.findall(r"say\(\s*['\"]([a-z][a-z_.-]*[a-z_])['\"]", text))
    assert written <= set(words.catalogue("fr")), "asked for, but nowhere"
    families = re.findall(r"f['\"]((?:[a-z-]+\.)+|\{[a-z._]+\}\.)", text)
    prefixes = {one for one in families if not one.startswith("{")} | {f"{screen.value}." for screen in Screen}
    unused = {key for key in words.catalogue("fr") if key not in text and not key.startswith(tuple(prefixes))}
    assert not unused


def test_every_screen_with_a_title_has_one_in_words() -> None:
    untitled = {Screen.ATTRACT, Screen.LANGUAGE}
    for screen in set(Screen) - untitled:
        assert words.has(f"{screen.value}.title", "fr"), screen


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_glossary_holds_here_too(language: str) -> None:
    forbidden = glossary.FORBIDDEN_FRENCH if language == "fr" else glossary.FORBIDDEN_ENGLISH
    breaches = [
        (key, term, instead)
        for key, text in words.catalogue(language).items()
        for term, instead in forbidden.items()
        if re.search(rf"\b(?:{term})\b", text.replace("’", "'"), re.IGNORECASE)
    ]
    assert not breaches


def test_french_and_english_spell_as_they_print() -> None:
    french, english = words.catalogue("fr"), words.catalogue("en")
    assert not [text for text in french.values() if re.search(r"[^\u00a0][;?!»:](\s|$)|«[^\u00a0]", text)]
    assert not [text for text in (*french.values(), *english.values()) if re.search(r"\w'\w", text)]


def test_nothing_a_traveller_reads_names_a_reason() -> None:
    """No word of watch-lists, forgeries, refusals or doubts about a person, in either official language."""
    reasons = re.compile(
        r"recherch|signalement|refus|faux|falsifi|suspect|fraud|watch|wanted|forge[rd]|denied|suspicious", re.I
    )
    staff = ("sign-in.", "maintenance.", "fact.", "value.", "test.", "state.", "device.", "role.")
    for language in ("fr", "en"):
        found = {key: text for key, text in words.catalogue(language).items() if reasons.search(text)}
        assert not {key for key in found if not key.startswith(staff)}


def test_dates_are_written_as_people_here_write_them() -> None:
    printed = datetime(2026, 11, 5, 14, 5)
    assert [moment(printed, language).replace("\u00a0", " ") for language in ("fr", "en")] == [
        "05/11/2026, 14 h 05",
        "5 Nov 2026, 14:05",
    ]
    for language in LANGUAGES:
        assert re.search(r"2026.*14.*05", moment(printed, language)), language
