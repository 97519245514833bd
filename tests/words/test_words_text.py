"""Looking a text up, filling its places, and choosing a language."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from border_agent.errors import BorneError
from border_agent.words import (
    NO_BREAK_SPACE,
    CatalogueBroken,
    MissingParameter,
    UnknownKey,
    UnknownLanguage,
    environment_language,
    error_text,
    format_date,
    format_moment,
    format_number,
    format_time,
    has,
    keys,
    languages,
    text,
)
from border_agent.words.catalogue import LARGEST_FILE, domain_keys, load_file, load_folder
from border_agent.words.places import fill

MOMENT = datetime(2026, 11, 2, 14, 5, tzinfo=UTC)
HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def plain(words: str) -> str:
    return words.replace(NO_BREAK_SPACE, "_")


def test_both_languages_are_there() -> None:
    assert languages() == ("en", "fr")


def test_a_text_with_its_places_filled() -> None:
    params = {"entries": "1", "used": "1234"}
    assert plain(text("finding.visa.used_up.title", "fr", **params)).endswith("permises_: 1, faites_: 1_234")
    assert text("finding.visa.used_up.title", "en", **params).endswith("allowed: 1, made: 1,234")


def test_codes_become_words() -> None:
    said = text("finding.document.check_digit.title", "fr", fields="number,birth,of_2036")
    assert plain(said).endswith("_: numéro du passeport, date de naissance, of_2036")


def test_dates_times_and_numbers() -> None:
    assert plain(format_date(date(2026, 11, 22), "fr")) == "22/11/2026"
    assert plain(format_date(date(2026, 11, 22), "en")) == "22_Nov_2026"
    assert plain(format_time(MOMENT, "fr")) == "14_h_05"
    assert plain(format_time(time(0, 7), "en")) == "00:07"
    assert plain(format_moment(MOMENT, "fr")) == "02/11/2026, 14_h_05"
    assert plain(format_number(157688, "fr")) == "157_688"
    assert format_number(157688, "en") == "157,688"
    assert format_number(0.437, "fr") == "0,437"
    assert format_number(0.4, "en", decimals=2) == "0.40"
    assert format_number(12.6, "en", decimals=0) == "13"


@pytest.mark.parametrize("call", [format_date, format_time, format_moment, format_number])
def test_formats_know_their_languages(call: object) -> None:
    with pytest.raises(UnknownLanguage):
        call(MOMENT if call is not format_number else 1, "de")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ("{x:date}", "2026-11-22", "22/11/2026"),
        ("{x:date}", "unknown", "unknown"),
        ("{x:number}", "many", "many"),
        ("{x:number}", True, "True"),
        ("{x:number}", "1e400", "1e400"),
        ("{x:number}", "nan", "nan"),
        ("{x:date}", 7, "7"),
        ("{x:time}", "2026-11-22T14:05:00+00:00", "14_h_05"),
        ("{x:moment}", MOMENT, "02/11/2026, 14_h_05"),
        ("{x:word}", "known,other", "Connu, other"),
        ("{x:word}", "", ""),
        ("{x}", "{x:date}", "{x:date}"),
        ("{ x } {X} {}", "", "{ x } {X} {}"),
    ],
)
def test_places(template: str, value: object, expected: str) -> None:
    words = {"word.known": "Connu"}
    assert plain(fill(template, {"x": value}, "fr", words.get, "key")) == expected


def test_mistakes_in_a_call_are_typed() -> None:
    with pytest.raises(UnknownKey):
        text("no.such.key", "fr")
    with pytest.raises(UnknownLanguage):
        text("verdict.admit", "de")
    with pytest.raises(UnknownLanguage):
        domain_keys("findings", "de")
    with pytest.raises(MissingParameter, match="until"):
        text("finding.visa.expired.title", "en")


def test_has_and_keys() -> None:
    assert has("verdict.admit")
    assert has("verdict.admit", "fr")
    assert not has("verdict.of_paris")
    assert keys("en", "verdict.re") == ("verdict.refer", "verdict.refuse")
    assert "finding.visa.expired.title" in domain_keys("findings", "fr")


def test_an_error_of_any_package_has_words() -> None:
    class Newer(BorneError):
        code = "part.of_2030"

    class Known(BorneError):
        code = "mrz.not_mrz"

    assert "part.of_2030" in error_text(Newer("here"), "fr")
    assert error_text(Known("here"), "en") == text("error.mrz.not_mrz", "en")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "fr"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "fr_CM.UTF-8"}, "fr"),
        ({"LANG": "C.UTF-8"}, "fr"),
        ({"LANG": "de_DE.UTF-8"}, "fr"),
        ({"LANG": "fr_FR", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "fr_FR", "LC_MESSAGES": "en"}, "en"),
        ({"LANG": "fr_FR", "LC_ALL": ""}, "fr"),
        ({"LANG": "fr_FR", "LANGUAGE": "de:en_CA:fr"}, "en"),
    ],
)
def test_language_of_the_environment(environment: dict[str, str], language: str) -> None:
    assert environment_language(environment) == language


def test_a_default_where_nobody_chose() -> None:
    assert environment_language({"LANG": "POSIX"}, default="en") == "en"


@pytest.mark.parametrize(
    "body",
    [
        'msgid "a.b"\nmsgstr "x"\n\nmsgid "a.b"\nmsgstr "y"\n',
        'msgid "a.b"\nmsgstr "x\n',
        'msgid "not a key"\nmsgstr "x"\n',
        'msgid ""\n"a.b"\nmsgstr "x"\n',
        'msgid "a.b"\nmsgid_plural "a.c"\nmsgstr[0] "x"\nmsgstr[1] "y"\n',
        "rubbish\n",
    ],
)
def test_a_broken_catalogue_is_a_typed_error(tmp_path: Path, body: str) -> None:
    file = tmp_path / "broken.po"
    file.write_text(HEADER + body, "utf-8")
    with pytest.raises(CatalogueBroken):
        load_file(file)


def test_a_key_in_two_domains_is_an_error(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.po").write_text(HEADER + 'msgid "a.b"\nmsgstr "x"\n', "utf-8")
    with pytest.raises(CatalogueBroken, match=r"two domains: a\.b"):
        load_folder(tmp_path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.po").write_bytes(HEADER.encode() + b'msgid "a.b"\nmsgstr "\xe9"\n')
    (tmp_path / "long.po").write_bytes(b"#" * (LARGEST_FILE + 1))
    for name in ("absent", "latin", "long"):
        with pytest.raises(CatalogueBroken):
            load_file(tmp_path / f"{name}.po")


def test_a_good_catalogue(tmp_path: Path) -> None:
    (tmp_path / "good.po").write_text(HEADER + '# A remark\nmsgid "a.b"\nmsgstr "deux "\n"lignes"\n', "utf-8")
    assert load_folder(tmp_path) == {"a.b": "deux lignes"}
