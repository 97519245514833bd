"""Birth dates: unknown parts contradict nothing, small mistakes cost a little, another date costs the hit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.agent.lookups import births
from border_agent.agent.lookups.births import Birth, read_birth, weigh
from border_agent.store.terms import same_birth


def points(one: str, other: str) -> float:
    date, record = read_birth(one), read_birth(other)
    assert date is not None
    assert record is not None
    columns = tuple(np.array([part], np.int16) for part in record)
    return float(weigh(columns, date)[0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1980-05-17", "1980-05-17", births.SAME),
        ("1980-05-17", "1980-XX-XX", 0.0),
        ("1980-05-17", "1980-05-XX", 0.0),
        ("1980-05-17", "1980-01-01", 0.0),
        ("1980-01-01", "1980-01-01", 0.0),
        ("1980", "1980-05-17", 0.0),
        ("1980-05-17", "", births.UNKNOWN),
        ("", "1980-05-17", births.UNKNOWN),
        ("1980-05-17", "XXXX-05-17", births.UNKNOWN),
        ("1980-05-07", "1980-07-05", births.SWAPPED),
        ("1980-05-17", "1981-05-17", births.YEAR_BESIDE),
        ("1980-05-17", "1979-XX-XX", births.YEAR_BESIDE),
        ("1980-01-01", "1981-08-12", births.YEAR_BESIDE),
        ("1980-05-17", "1980-05-11", births.MISTYPED),
        ("1980-05-17", "1980-06-17", births.MISTYPED),
        ("1980-05-17", "1982-XX-XX", births.YEAR_NEAR),
        ("1980-05-17", "1908-05-17", births.YEAR_NEAR),
        ("1980-05-17", "1980-11-23", births.CONTRADICTS),
        ("1980-05-17", "1981-05-18", births.CONTRADICTS),
        ("1980-05-17", "1983-XX-XX", births.CONTRADICTS),
        ("1980-05-17", "1990-05-XX", births.CONTRADICTS),
        ("1980-05-17", "XXXX-06-17", births.CONTRADICTS),
    ],
)
def test_points_of_two_dates(one: str, other: str, expected: float) -> None:
    assert points(one, other) == points(other, one) == expected


DATES = st.builds(
    lambda year, month, day: f"{year or 'XXXX'}-{month:02d}-{day:02d}".replace("-00", "-XX"),
    st.integers(1900, 2030) | st.just(0),
    st.integers(0, 12),
    st.integers(0, 31),
)


@given(DATES, DATES)
def test_what_the_exact_rule_allows_is_never_a_contradiction(one: str, other: str) -> None:
    assert points(one, other) == points(other, one)
    if same_birth(one, other):
        assert points(one, other) >= births.UNKNOWN
    elif points(one, other) >= 0:
        # Only 1 January, read as the year alone, is kinder than the exact rule.
        assert "-01-01" in (one[4:], other[4:])


@pytest.mark.parametrize(
    "text", ["17/05/1980", "1980-13-01", "1980-05-32", "80-05-17", "1980-5-1", "x" * 10_000, "😀", "١٩٨٠"]
)
def test_what_is_no_date_is_said_to_be_none(text: str) -> None:
    assert read_birth(text) is None


def test_dates_are_read_in_parts() -> None:
    assert read_birth(" 1980 ") == Birth(1980)
    assert read_birth("1980-05") == Birth(1980, 5)
    assert read_birth("xxxx-05-17") == Birth(0, 5, 17)
    assert read_birth("") == Birth()
    assert [str(read_birth(text)) for text in ("1980", "1980-05-17", "")] == ["1980-XX-XX", "1980-05-17", ""]
