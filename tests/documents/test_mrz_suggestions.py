"""Repairs are shown, never applied, and few."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from border_agent.documents.mrz import MrzFormat, parse_mrz
from border_agent.documents.mrz.layout import LAYOUTS
from border_agent.documents.mrz.suggest import MAX_SUGGESTIONS, Suggestion, SuggestionReason, suggestions
from tests.documents.mrz_samples import TODAY

PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


def with_one(line: int, position: int, character: str) -> tuple[str, ...]:
    """The passport with one character misread; places counted from 1."""
    changed = PASSPORT[line - 1]
    changed = changed[: position - 1] + character + changed[position:]
    return (*PASSPORT[: line - 1], changed, *PASSPORT[line:])


def test_nothing_to_suggest_where_all_holds() -> None:
    assert suggestions(PASSPORT, MrzFormat.TD3) == ()


@pytest.mark.parametrize(
    ("line", "position", "misread", "field"),
    [
        (2, 2, "B", "number"),
        (2, 14, "T", "birth"),
        (2, 23, "Z", "expiry"),
        (2, 24, "O", "expiry"),
        (2, 37, "8", "optional"),
    ],
)
def test_a_look_alike_in_a_field_with_a_check_digit(line: int, position: int, misread: str, field: str) -> None:
    right = PASSPORT[line - 1][position - 1]
    found = suggestions(with_one(line, position, misread), MrzFormat.TD3)
    wanted = Suggestion(field, position, line, misread, right, SuggestionReason.CHECK_DIGIT)
    assert wanted in found


def test_the_reader_s_second_choice_comes_first() -> None:
    """9 is no look-alike of G: only the reader can say so."""
    misread = with_one(2, 3, "G")
    assert all(one.proposed != "9" for one in suggestions(misread, MrzFormat.TD3))
    confidence = [[1.0] * 44, [1.0] * 44]
    confidence[1][2] = 0.6
    (found,) = suggestions(misread, MrzFormat.TD3, confidence, PASSPORT)
    assert found == Suggestion("number", 3, 2, "G", "9", SuggestionReason.CHECK_DIGIT)


def test_states_are_held_against_the_table() -> None:
    (found,) = suggestions(with_one(1, 5, "0"), MrzFormat.TD3)[:1]
    assert (found.field, found.proposed, found.reason) == ("issuer", "O", SuggestionReason.STATE_CODE)


def test_what_the_reader_is_sure_of_is_not_doubted() -> None:
    misread = with_one(2, 2, "B")
    sure = [[1.0] * 44, [1.0] * 44]
    assert suggestions(misread, MrzFormat.TD3, sure, misread) == ()
    sure[1][1] = 0.7
    assert [one.proposed for one in suggestions(misread, MrzFormat.TD3, sure, PASSPORT)] == ["8"]


def test_a_name_the_reader_doubts() -> None:
    """No check digit covers it."""
    confidence = [[1.0] * 44, [1.0] * 44]
    confidence[0][8] = 0.55
    rivals = (PASSPORT[0].replace("K", "X"), PASSPORT[1])
    assert suggestions(PASSPORT, MrzFormat.TD3, confidence, rivals) == (
        Suggestion("name", 9, 1, "K", "X", SuggestionReason.UNSURE),
    )


def test_lines_of_another_shape_have_none() -> None:
    assert suggestions(("P<UTO",), MrzFormat.TD3) == ()
    assert suggestions(PASSPORT, MrzFormat.TD1) == ()


def test_lines_are_left_alone() -> None:
    misread = list(with_one(2, 2, "B"))
    before = list(misread)
    assert suggestions(misread, MrzFormat.TD3)
    assert misread == before
    assert not parse_mrz("\n".join(misread), today=TODAY).checks_ok


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(list(MrzFormat)))
def test_any_lines_have_few(data: st.DataObject, format: MrzFormat) -> None:
    layout = LAYOUTS[format]
    character = st.characters(codec="latin-1") | st.sampled_from("0O1I<PVUTO")
    line = st.text(character, min_size=layout.width, max_size=layout.width)
    lines = data.draw(st.lists(line, min_size=layout.lines, max_size=layout.lines))
    found = suggestions(lines, format)
    assert len(found) <= MAX_SUGGESTIONS
    for one in found:
        assert lines[one.line - 1][one.position - 1] == one.found != one.proposed
