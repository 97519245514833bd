"""CSV: what a reader reads back, and what a spreadsheet must not calculate."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from border_agent.store.csv_table import csv_table
from mqtt_schemas.entries import Decision


class Line(Struct, frozen=True, kw_only=True):
    name: str
    count: int = 0
    share: float = 0.0
    at: datetime | None = None
    decision: Decision = Decision.ADMIT


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_every_kind_of_cell() -> None:
    at = datetime(2027, 3, 1, 8, 30, tzinfo=UTC)
    text = csv_table([Line(name='Ama "A", Esi', count=-3, share=0.5, at=at)], Line, {"name": "Nom"})
    assert text == (
        '"Nom","count","share","at","decision"\r\n"Ama ""A"", Esi",-3,0.5,"2027-03-01T08:30:00+00:00","admit"\r\n'
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "=cmd|'/C calc'!A0"])
def test_no_text_begins_a_formula(text: str) -> None:
    rows = read(csv_table([Line(name=text)], Line, {"count": text}))
    assert rows[1][0] == f"'{text}"
    assert rows[0][1] == f"'{text}"


@given(st.lists(st.text(), max_size=5))
def test_whatever_is_in_it_is_read_back(names: list[str]) -> None:
    rows = read(csv_table([Line(name=name) for name in names], Line))
    assert len(rows) == len(names) + 1
    for row, name in zip(rows[1:], names, strict=True):
        assert len(row) == 5
        assert row[0].removeprefix("'") == name.replace("\x00", "").removeprefix("'")
        assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_a_semicolon_opens_no_cell() -> None:
    assert '"D;=1+1"' in csv_table([Line(name="D;=1+1")], Line)
