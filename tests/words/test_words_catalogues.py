"""Both languages say the same things, each in its own typography. Every domain is held to this."""

from __future__ import annotations

import re

import pytest

from border_agent.agent.calls import CallState
from border_agent.agent.staff import StaffRole
from border_agent.inspection import REGISTRY, Phase, Proposal, SafeCode, Severity, Step
from border_agent.trust import Reason, SignatureVerdict
from border_agent.words import NO_BREAK_SPACE, has, languages
from border_agent.words.catalogue import LOCALE, catalogue, load_file
from border_agent.words.places import KINDS, PLACE
from firmware_bridge.roles import DeviceState
from mqtt_schemas.entries import ClockQuality, Direction
from mqtt_schemas.feeds import Feed
from mqtt_schemas.records import Handling, OfficerRole, OfficerState, Regime

FRENCH, ENGLISH = catalogue("fr"), catalogue("en")
EVERY = [(language, key, words) for language in languages() for key, words in catalogue(language).items()]

SAME_IN_BOTH = frozenset(
    {
        "cli.heading.options",
        "console.bar.list.current.hours",
        "console.bar.list.current.minutes",
        "console.bar.visas",
        "console.language.en",
        "console.language.fr",
        "console.menu.journal",
        "console.name",
        "demo.column.page",
        "demo.column.visa",
        "demo.seconds",
    }
)
"""Keys whose text is rightly the same in French and English."""


def without_places(words: str) -> str:
    return PLACE.sub("0", words)


def breaches(pattern: str, language: str, flags: int = 0) -> list[str]:
    return [
        f"{one}: {key}: {words}"
        for one, key, words in EVERY
        if one == language and re.search(pattern, without_places(words), flags)
    ]


def test_domains_and_keys_are_the_same() -> None:
    files = {
        language: sorted(f.name for f in (LOCALE / language / "LC_MESSAGES").iterdir()) for language in languages()
    }
    assert files["fr"] == files["en"]
    for name in files["fr"]:
        french, english = (load_file(LOCALE / language / "LC_MESSAGES" / name) for language in ("fr", "en"))
        assert list(french) == list(english), name


def test_places_are_the_same() -> None:
    differing = [key for key in FRENCH if sorted(PLACE.findall(FRENCH[key])) != sorted(PLACE.findall(ENGLISH[key]))]
    assert not differing


def test_places_are_of_known_kinds() -> None:
    kinds = {kind for _, _, words in EVERY for _, kind in PLACE.findall(words) if kind}
    nameless = {kind for kind in kinds - set(KINDS) if not any(key.startswith(f"{kind}.") for key in FRENCH)}
    assert not nameless
    assert not breaches(r"[{}]", "fr")
    assert not breaches(r"[{}]", "en")


def test_no_text_is_empty_or_ragged() -> None:
    assert not [(language, key) for language, key, words in EVERY if not words.strip() or words != words.strip()]
    unwanted = r"  |\t|\N{NARROW NO-BREAK SPACE}|\w'\w"  # an apostrophe is written as in print: l’agent, don’t
    assert not [(language, key) for language, key, words in EVERY if re.search(unwanted, words)]


def test_no_text_is_the_same_in_both() -> None:
    same = {key for key in FRENCH if FRENCH[key] == ENGLISH[key]}
    assert same <= SAME_IN_BOTH


def test_french_no_break_spaces() -> None:
    assert not breaches(rf"[^{NO_BREAK_SPACE}][;?!»]|[^{NO_BREAK_SPACE}]:(\s|$)|«[^{NO_BREAK_SPACE}]", "fr")
    assert not breaches(r"\d [\d%]|\d h \d", "fr")


def test_french_capitals_carry_their_accents() -> None:
    bare = "Etat|Etape|Etabli|Ecran|Ecri|Echec|Echange|Echou|Electro|Eteign|Equip|Eleve|Enrolement|Evite|Energie|Epui"
    assert not breaches(rf"\b({bare})", "fr")
    assert not breaches(r"(^|[.:?!] ?)A (?=[a-zéèà])", "fr")
    assert not breaches(r"\b(Ca|Etes|Etre|Ou est|Meme|Ne pas etre)\b", "fr")


def test_english_punctuation_and_british_spelling() -> None:
    assert not breaches(r"[ \u00a0][:;?!](\s|$)", "en")
    american = (
        "color|center|canceled|canceling|traveler|traveling|behavior|honor|favor|neighbor|catalog|dialog|gray|"
        r"license (a|the)|defense|offense|fulfill|enroll\b|enrollment|judgment|program(?!s|me)med|labeled|modeled|"
        r"\w+(?<!pr)(?<!s)iz(e|es|ed|ing|ation)"
    )
    assert not breaches(rf"\b({american})\b", "en", re.IGNORECASE)
    assert not breaches(r"\b\d{1,2}/\d{1,2}/\d{4}\b", "en")


def test_registry_and_findings_have_the_same_codes() -> None:
    named = {key.removeprefix("finding.").rpartition(".")[0] for key in FRENCH if key.startswith("finding.")}
    assert named == set(REGISTRY)
    parts = {key.rpartition(".")[2] for key in FRENCH if key.startswith("finding.")}
    assert parts == {"title", "advice"}
    assert {key for key in FRENCH if key.startswith("traveller.")} == {f"traveller.{code}" for code in SafeCode}


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("verdict", Proposal),
        ("decision", Proposal),
        ("severity", Severity),
        ("step", Step),
        ("ask", Step),
        ("again", Step),
        ("phase", Phase),
        ("direction", Direction),
        ("regime", Regime),
        ("feed", Feed),
        ("handling", Handling),
        ("clock_quality", ClockQuality),
        ("signature", SignatureVerdict),
        ("signature_reason", [reason for reason in Reason if reason]),
        ("state", DeviceState),
        ("call_state", CallState),
        ("staff_role", StaffRole),
        ("officer_role", OfficerRole),
        ("officer_state", OfficerState),
    ],
)
def test_every_code_a_person_may_see_has_words(prefix: str, codes: list[str]) -> None:
    assert not [code for code in codes if not has(f"{prefix}.{code}")]


def test_advice_is_sentences_and_titles_are_not() -> None:
    for language, key, words in EVERY:
        if key.startswith("finding.") and key.endswith(".title"):
            assert not words.endswith("."), (language, key)
        elif key.startswith(("finding.", "traveller.", "error.")):
            assert words.endswith((".", "?", "}")), (language, key)
