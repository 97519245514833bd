"""Statistics against a plain computation over the same passages, in time zones that make it hard."""

from __future__ import annotations

import math
import secrets
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from border_agent.store import Passage, Store
from border_agent.store.passage_rows import write_passage
from border_agent.store.statistics import (
    MOST_ROWS,
    OTHERS,
    Kpis,
    NamedTally,
    PeriodRefused,
    Spread,
    Statistics,
    Tally,
    UnknownZone,
    VerdictTally,
    figures,
)
from mqtt_schemas.entries import Decision, Direction

MIDDLE = datetime(2027, 3, 14, 12, 0, tzinfo=UTC)
"""Casablanca puts its clocks back an hour for Ramadan about then, and forward again afterwards."""
ZONES = ["UTC", "Africa/Douala", "Africa/Casablanca", "Africa/Cairo", "Indian/Mauritius", "Asia/Kolkata"]

moments = st.integers(-5 * 86400, 5 * 86400).map(lambda seconds: MIDDLE + timedelta(seconds=seconds))
spans = st.none() | st.integers(-600, 40_000).map(lambda tenths: timedelta(seconds=tenths / 10))


@st.composite
def passages(draw: st.DrawFn) -> Passage:
    at, before, waited = draw(moments), draw(spans), draw(spans)
    proposed = at - timedelta(seconds=30)
    return Passage(
        entry=secrets.token_hex(16),
        stream=1,
        sequence=0,
        kind=draw(st.sampled_from(["movement", "movement", "movement", "inspection", "late_entry"])),
        inspection=secrets.token_hex(16),
        direction=draw(st.sampled_from(Direction)),
        decision=draw(st.sampled_from(Decision)),
        proposal=draw(st.sampled_from(Decision)),
        occurred_at=at,
        begun_at=at - before if before is not None else None,
        proposed_at=proposed if waited is not None else None,
        taken_at=proposed + waited if waited is not None else None,
        nationality=draw(st.sampled_from(["", "UTO", "CMR", "=A1", "D"])),
        officer=draw(st.sampled_from(["4711", "0815", ""])),
        origin=draw(st.sampled_from(["", "kiosk-1"])),
        annulled=draw(st.sampled_from([False, False, False, True])),
        corrected=draw(st.booleans()),
    )


def keep(store: Store, *kept: Passage) -> None:
    """Exactly these passages, written as the journal's commit writes them."""
    with store.writing() as connection:
        connection.execute("DELETE FROM passage")
        connection.execute(
            "INSERT OR IGNORE INTO stream (id, epoch, device, opened_at, reason, head, latest_at, acknowledged_head)"
            " VALUES (1, ?, 'd', '', '', ?, '', x'')",
            (bytes(16), bytes(32)),
        )
        for sequence, passage in enumerate(kept, start=1):
            write_passage(connection, _at_place(passage, sequence))


def plain_tally(kept: list[Passage]) -> Tally:
    """The same, counted one by one."""
    count: Counter[str] = Counter(total=len(kept))
    for each in kept:
        if each.kind == "inspection":
            count["referred" if each.decision is Decision.REFER else "cancelled"] += 1
        elif each.decision is Decision.REFUSE:
            count["refused"] += 1
        elif each.decision is Decision.REFER:
            count["referred"] += 1
        elif each.decision is Decision.ADMIT and each.direction is Direction.ENTRY:
            count["entries"] += 1
        elif each.decision is Decision.ADMIT and each.direction is Direction.EXIT:
            count["exits"] += 1
    return Tally(**count)


def plain_spread(values: list[float]) -> Spread:
    values = sorted(value for value in values if value >= 0)
    if not values:
        return Spread()
    rank = [values[math.ceil(share * len(values)) - 1] for share in (0.5, 0.95)]
    return Spread(count=len(values), p50=rank[0], p95=rank[1], longest=values[-1])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(passages(), max_size=25), moments, moments)
def test_figures_of_a_period(store: Store, kept: list[Passage], one: datetime, other: datetime) -> None:
    since, until = sorted((one, other))
    keep(store, *kept)
    statistics = Statistics(store)
    inside = [each for each in kept if since <= each.occurred_at < until]
    alive = [each for each in inside if not each.annulled]
    known = [each for each in alive if Decision.UNKNOWN not in (each.proposal, each.decision)]
    assert statistics.kpis(since, until) == Kpis(
        since=since,
        until=until,
        tally=plain_tally(alive),
        proposed=len(known),
        overrides=sum(each.proposal is not each.decision for each in known),
        late_entries=sum(each.kind == "late_entry" for each in alive),
        corrected=sum(each.corrected for each in alive),
        annulled=len(inside) - len(alive),
        waiting=plain_spread(
            [
                (each.taken_at - each.proposed_at).total_seconds()
                for each in alive
                if each.taken_at and each.proposed_at
            ]
        ),
        processing=plain_spread(
            [
                (each.occurred_at - each.begun_at).total_seconds()
                for each in alive
                if each.begun_at and each.kind == "movement" and not each.corrected
            ]
        ),
    )
    verdicts = Counter((each.proposal, each.decision) for each in known)
    answer = statistics.by_verdict(since, until)
    assert {(each.proposal, each.decision): each.count for each in answer} == verdicts
    assert [each.count for each in answer] == sorted(verdicts.values(), reverse=True)
    for ask, field in (
        (statistics.by_nationality, "nationality"),
        (statistics.by_officer, "officer"),
        (statistics.by_origin, "origin"),
    ):
        rows = {row.name: row for row in ask(since, until)}
        assert set(rows) == {getattr(each, field) for each in alive}
        for name, row in rows.items():
            mine = plain_tally([each for each in alive if getattr(each, field) == name])
            assert all(getattr(row, figure) == getattr(mine, figure) for figure in Tally.__struct_fields__)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(passages(), max_size=25), st.sampled_from(ZONES), st.integers(-6, 6))
def test_hours_of_a_day_in_the_posts_own_time(store: Store, kept: list[Passage], zone: str, offset: int) -> None:
    keep(store, *kept)
    day = MIDDLE.date() + timedelta(days=offset)
    hours = Statistics(store, zone).by_hour(day)
    here = ZoneInfo(zone)
    alive = [each for each in kept if not each.annulled and each.occurred_at.astimezone(here).date() == day]
    assert sum(hour.total for hour in hours) == len(alive)
    for hour in hours:
        begins = hour.begins.astimezone(UTC)
        mine = plain_tally([each for each in alive if begins <= each.occurred_at < begins + timedelta(hours=1)])
        assert all(getattr(hour, figure) == getattr(mine, figure) for figure in Tally.__struct_fields__)
        assert hour.begins.date() == day
        assert hour.begins.utcoffset() == here.utcoffset(hour.begins.replace(tzinfo=None, fold=hour.begins.fold))


def test_days_are_as_long_as_the_clocks_say(store: Store) -> None:
    cairo = Statistics(store, "Africa/Cairo")
    # Summer time begins and ends at midnight there.
    assert [len(cairo.by_hour(date(2025, 4, day))) for day in (24, 25, 26)] == [24, 23, 24]
    assert [len(cairo.by_hour(date(2025, 10, day))) for day in (30, 31)] == [25, 24]
    lagos = Statistics(store, "Africa/Lagos").by_hour(date(2027, 3, 1))
    assert [hour.begins.hour for hour in lagos] == list(range(24))
    assert lagos[0].begins.astimezone(UTC) == datetime(2027, 2, 28, 23, tzinfo=UTC)


def test_bounds_of_a_period(store: Store) -> None:
    statistics = Statistics(store, "Africa/Douala")
    since, until = statistics.period(date(2027, 1, 1), date(2027, 12, 31))
    assert (since, until) == (datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 12, 31, 23, tzinfo=UTC))
    assert statistics.kpis(since, until).tally == Tally()
    for first, last in (
        (date(2027, 1, 2), date(2026, 12, 31)),
        (date(2020, 1, 1), date(2027, 1, 1)),
        (date.max, date.max),
        (date.min, date.min),
    ):
        with pytest.raises(PeriodRefused):
            statistics.period(first, last)
    with pytest.raises(PeriodRefused):
        statistics.kpis(until, since)
    with pytest.raises(PeriodRefused):
        statistics.by_verdict(datetime(2027, 1, 1), datetime(2027, 1, 2))


@pytest.mark.parametrize(
    "zone", ["", "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "\x00", "x" * 5000, "Africa"]
)
def test_a_zone_that_is_none(store: Store, zone: str) -> None:
    with pytest.raises(UnknownZone):
        Statistics(store, zone)


def test_a_table_has_an_end_and_loses_nobody(store: Store) -> None:
    shared = {"stream": 1, "sequence": 0, "kind": "movement", "inspection": "", "occurred_at": MIDDLE}
    words = {"direction": Direction.ENTRY, "decision": Decision.ADMIT, "proposal": Decision.ADMIT}
    kept = [
        Passage(entry=f"{n:032x}", nationality=f"N{n % (MOST_ROWS + 50)}", **shared, **words)  # type: ignore[arg-type]
        for n in range(MOST_ROWS + 60)
    ]
    keep(store, *kept)
    rows = Statistics(store).by_nationality(MIDDLE, MIDDLE + timedelta(seconds=1))
    assert len(rows) == MOST_ROWS
    assert rows[-1].name == OTHERS
    assert sum(row.entries for row in rows) == len(kept)


def test_questions_go_by_the_index(store: Store) -> None:
    with store.reading() as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT nationality, kind, direction, decision, count(*) FROM passage"
            " WHERE occurred_at >= '2027' AND occurred_at < '2028' AND annulled = 0 GROUP BY 1, 2, 3, 4"
        ).fetchall()
    assert any("passage_occurred_at" in step[-1] for step in plan)


def test_figures_as_lines(store: Store) -> None:
    lines = {line.name: line.value for line in figures(Statistics(store).kpis(MIDDLE, MIDDLE + timedelta(1)))}
    assert {"entries", "exits", "overrides", "annulled", "waiting_p95", "processing_longest"} <= set(lines)
    assert set(lines.values()) == {0}


def test_a_pair_of_verdicts_says_whether_it_is_an_override() -> None:
    same = VerdictTally(proposal=Decision.ADMIT, decision=Decision.ADMIT, count=1, override=False)
    assert "override" in Statistics.csv([same], VerdictTally).splitlines()[0]
    assert Statistics.csv([], NamedTally).count("\r\n") == 1


def _at_place(passage: Passage, sequence: int) -> Passage:
    fields = {name: getattr(passage, name) for name in passage.__struct_fields__}
    return Passage(**(fields | {"sequence": sequence}))
