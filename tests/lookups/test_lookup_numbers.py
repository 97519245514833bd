"""Document numbers: those that look alike are tried, and no more than that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from border_agent.agent.lookups.numbers import MOST_ALIKE, alike_numbers, number_of


def test_twins_are_tried_one_all_and_two() -> None:
    assert set(alike_numbers("A1B7")) == {"AIB7", "A187", "AI87"}
    assert alike_numbers("O0O0")[:4] == ("00O0", "OOO0", "O000", "O0OO")
    assert {"0000", "OOOO"} <= set(alike_numbers("O0O0"))
    assert alike_numbers("XCV") == ()
    assert alike_numbers("") == ()


@given(st.text("OI0158BSZ2AX", max_size=22))
def test_the_number_of_numbers_is_bounded(number: str) -> None:
    alike = alike_numbers(number)
    assert len(alike) == len(set(alike)) <= MOST_ALIKE
    assert number not in alike
    assert all(len(other) == len(number) for other in alike)


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_number_or_none(text: str) -> None:
    number = number_of(text)
    assert len(number) <= 22
    assert number == "" or (number.isascii() and number.isalnum() and number.upper() == number)


def test_gaps_and_small_letters_are_forgiven() -> None:
    assert number_of(" 19-ak 204/17 ") == "19AK20417"
    assert number_of("x" * 10_000) == ""
