"""The model of a thin line: rate, delay, turns, loss."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.line.wire import Quality, Wire

THIN = Quality(rate=128_000, delay=0.3)


def test_a_piece_takes_its_time_and_the_delay() -> None:
    wire: Wire[str] = Wire(THIN)
    wire.put("a", "x", 1600, 10.0)
    assert wire.deadline() == pytest.approx(10.4)
    assert wire.due(10.39) == []
    assert wire.due(10.41) == [("a", "x")]
    assert (wire.carried, wire.busy, wire.deadline()) == (1600, pytest.approx(0.1), None)


def test_pieces_one_after_the_other_and_idle_time_is_not_saved_up() -> None:
    wire: Wire[int] = Wire(Quality(rate=8_000))
    for number in range(3):
        wire.put("a", number, 1000, 0.0)
    assert wire.waiting("a", 0.5) == 2000
    assert [len(wire.due(at)) for at in (0.99, 1.0, 2.0, 3.0)] == [0, 1, 1, 1]
    wire.put("a", 4, 1000, 100.0)
    assert wire.due(100.99) == []
    assert wire.due(101.0) == [("a", 4)]


def test_flows_take_turns() -> None:
    wire: Wire[int] = Wire(Quality(rate=8_000))
    for number in range(4):
        wire.put("long", number, 1000, 0.0)
    wire.put("short", 9, 1000, 0.0)
    assert [flow for flow, _ in wire.due(9.0)] == ["long", "long", "short", "long", "long"] or [
        flow for flow, _ in wire.due(9.0)
    ] == ["long", "short", "long", "long", "long"]


def test_what_a_dropped_connection_had_on_its_way_is_gone() -> None:
    wire: Wire[int] = Wire(THIN)
    for flow in ("a", "b"):
        wire.put(flow, 1, 1000, 0.0)
        wire.put(flow, 2, 1000, 0.0)
    wire.forget("a")
    assert [flow for flow, _ in wire.due(9.0)] == ["b", "b"]
    wire.forget("nobody")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5000), st.floats(0, 5)), max_size=40),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([math.inf, 9_600.0]),
)
def test_everything_arrives_once_in_its_flow_s_order(
    puts: list[tuple[str, int, float]], loss: float, rate: float
) -> None:
    wire: Wire[int] = Wire(Quality(rate=rate, delay=0.2, loss=loss), seed=7)
    now, arrived = 0.0, []
    for number, (flow, size, pause) in enumerate(puts):
        now += pause
        arrived += wire.due(now)
        wire.put(flow, number, size, now)
    while (deadline := wire.deadline()) is not None:
        assert deadline >= now - 1e-9
        now = max(now, deadline)
        arrived += wire.due(now)
    for flow in "abc":
        assert [number for of, number in arrived if of == flow] == [
            number for number, (of, _, _) in enumerate(puts) if of == flow
        ]
    assert wire.carried == sum(size for _, size, _ in puts)
    assert wire.busy == pytest.approx(wire.carried * 8 / rate)
