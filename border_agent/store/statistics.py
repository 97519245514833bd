"""How many came through, what was decided, how long people waited: counted from the passages, in the post's own time.

A passage counts once, as it holds now: corrections are in it, an annulled one is left out. Whoever asks looks at one
commit, on a connection of his own, and a period has an end: no question can hold up a decision.
"""

from __future__ import annotations

import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from border_agent.store.csv_table import csv_table
from border_agent.store.database import Store
from border_agent.store.errors import StoreError
from border_agent.store.sqlcipher import Connection
from border_agent.store.streams import stamp
from border_agent.store.tallies import Figure, HourTally, Kpis, NamedTally, Spread, Tally, VerdictTally, figures
from mqtt_schemas.entries import Decision, Direction

__all__ = [
    "MOST_DAYS",
    "MOST_ROWS",
    "OTHERS",
    "Figure",
    "HourTally",
    "Kpis",
    "NamedTally",
    "PeriodRefused",
    "Spread",
    "Statistics",
    "Tally",
    "UnknownZone",
    "VerdictTally",
    "figures",
]

MOST_DAYS: Final = 367
"""The longest period: a year, and the day that a time zone may add."""
MOST_ROWS: Final = 300
"""Rows of one table; the smallest beyond are summed under `OTHERS`."""
OTHERS: Final = "*"

_HOUR: Final = timedelta(hours=1)
_WITHIN: Final = "FROM passage WHERE occurred_at >= :since AND occurred_at < :until AND annulled = 0"


class PeriodRefused(StoreError):
    """A period that ends before it begins, is longer than a year, or has no time zone."""

    code = "statistics.period"


class UnknownZone(StoreError):
    """No time zone has this name."""

    code = "statistics.zone"


class Statistics:
    """Answers from the passages. Thread-safe; raises StoreError, of which PeriodRefused is one."""

    csv = staticmethod(csv_table)

    def __init__(self, store: Store, zone: str = "UTC") -> None:
        """`zone`: the post's, by its IANA name (`Africa/Douala`). Raises UnknownZone."""
        self._store = store
        try:
            self.zone = zoneinfo.ZoneInfo(zone)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise UnknownZone(zone[:64]) from None

    def period(self, first: date, last: date) -> tuple[datetime, datetime]:
        """Days of the post, both included, as moments: `since` counts, `until` does not any more.

        Raises PeriodRefused also for days at the end of the calendar.
        """
        try:
            ends = last + timedelta(days=1)
            since, until = (datetime.combine(day, time(), self.zone).astimezone(UTC) for day in (first, ends))
        except OverflowError:
            raise PeriodRefused(f"{first} to {last}") from None
        return _checked(since, until)

    def by_hour(self, day: date) -> tuple[HourTally, ...]:
        """Every hour of a day: 24 of them, 23 or 25 where the clocks change. Raises PeriodRefused."""
        since, until = self.period(day, day)
        query = (
            f"SELECT substr(occurred_at, 1, 16), kind, direction, decision, count(*) {_WITHIN}"
            " GROUP BY 1, kind, direction, decision"
        )
        hours: list[Counter[str]] = []
        begins = since
        while begins < until:
            hours.append(Counter())
            begins += _HOUR
        with self._looking(since, until) as look:
            for minute, kind, direction, decision, count in look(query):
                at = datetime.fromisoformat(minute).replace(tzinfo=UTC)
                _add(hours[(at - since) // _HOUR], kind, direction, decision, count)
        return tuple(
            HourTally(begins=(since + number * _HOUR).astimezone(self.zone), **_figures(hour))
            for number, hour in enumerate(hours)
        )

    def by_nationality(self, since: datetime, until: datetime) -> tuple[NamedTally, ...]:
        """The most frequent first."""
        return self._by("nationality", since, until)

    def by_officer(self, since: datetime, until: datetime) -> tuple[NamedTally, ...]:
        """By who decided; the busiest first."""
        return self._by("officer", since, until)

    def by_origin(self, since: datetime, until: datetime) -> tuple[NamedTally, ...]:
        """By the device that inspected, empty: this one; the busiest first."""
        return self._by("origin", since, until)

    def by_verdict(self, since: datetime, until: datetime) -> tuple[VerdictTally, ...]:
        """Every pair of proposal and decision, the most frequent first. What is cancelled or from paper has none."""
        query = f"SELECT proposal, decision, count(*) {_WITHIN} GROUP BY proposal, decision"
        counts: Counter[tuple[Decision, Decision]] = Counter()
        with self._looking(since, until) as look:
            for proposal, decision, count in look(query):
                counts[Decision(proposal), Decision(decision)] += count
        return tuple(
            VerdictTally(proposal=proposal, decision=decision, count=count, override=proposal is not decision)
            for (proposal, decision), count in counts.most_common()
            if Decision.UNKNOWN not in (proposal, decision)
        )

    def kpis(self, since: datetime, until: datetime) -> Kpis:
        """The figures of a period: `since` counts, `until` does not any more. Raises PeriodRefused."""
        tally: Counter[str] = Counter()
        late = corrected = 0
        with self._looking(since, until) as look:
            rows = look(
                f"SELECT kind, direction, decision, corrected, count(*) {_WITHIN}"
                " GROUP BY kind, direction, decision, corrected"
            )
            for kind, direction, decision, put_right, count in rows:
                _add(tally, kind, direction, decision, count)
                late += count * (kind == "late_entry")
                corrected += count * bool(put_right)
            verdicts = list(look(f"SELECT proposal, decision, count(*) {_WITHIN} GROUP BY proposal, decision"))
            ((annulled,),) = look(f"SELECT count(*) {_WITHIN.replace('annulled = 0', 'annulled = 1')}")
            waiting = _spread(look(_spans("proposed_at", "taken_at")))
            processing = _spread(look(_spans("begun_at", "occurred_at", "kind = 'movement' AND corrected = 0")))
        known = [row for row in verdicts if Decision.UNKNOWN not in (Decision(row[0]), Decision(row[1]))]
        return Kpis(
            since=since,
            until=until,
            tally=Tally(**_figures(tally)),
            proposed=sum(count for _, _, count in known),
            overrides=sum(count for proposal, decision, count in known if proposal != decision),
            late_entries=late,
            corrected=corrected,
            annulled=int(annulled),
            waiting=waiting,
            processing=processing,
        )

    def _by(self, column: str, since: datetime, until: datetime) -> tuple[NamedTally, ...]:
        # The column's name is one of the three above.
        query = f"SELECT {column}, kind, direction, decision, count(*) {_WITHIN} GROUP BY 1, 2, 3, 4"
        named: dict[str, Counter[str]] = {}
        with self._looking(since, until) as look:
            for name, kind, direction, decision, count in look(query):
                _add(named.setdefault(name, Counter()), kind, direction, decision, count)
        ordered = sorted(named.items(), key=lambda each: (-each[1]["total"], each[0]))
        if len(ordered) > MOST_ROWS:
            rest = sum((counts for _, counts in ordered[MOST_ROWS - 1 :]), Counter())
            ordered = [*ordered[: MOST_ROWS - 1], (OTHERS, rest)]
        return tuple(NamedTally(name=name, **_figures(counts)) for name, counts in ordered)

    @contextmanager
    def _looking(self, since: datetime, until: datetime) -> Iterator[Callable[[str], Iterator[tuple[Any, ...]]]]:
        """Questions about one period, all answered from one commit."""
        since, until = _checked(since, until)
        limits = {"since": stamp(since), "until": stamp(until)}
        with self._store.opened() as connection:
            connection.execute("BEGIN")
            yield lambda query: _rows(connection, query, limits)


def _rows(connection: Connection, query: str, limits: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    rows: Iterator[tuple[Any, ...]] = iter(connection.execute(query, limits))
    return rows


def _checked(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    aware = since.tzinfo is not None and until.tzinfo is not None
    if not aware or not timedelta(0) <= until - since <= timedelta(days=MOST_DAYS):
        raise PeriodRefused(f"{since.isoformat()} to {until.isoformat()}")
    return since, until


def _add(tally: Counter[str], kind: str, direction: str, decision: str, count: int) -> None:
    tally["total"] += count
    if kind == "inspection":
        tally["referred" if decision == Decision.REFER else "cancelled"] += count
    elif decision == Decision.REFUSE:
        tally["refused"] += count
    elif decision == Decision.REFER:
        tally["referred"] += count
    elif decision == Decision.ADMIT and direction in (Direction.ENTRY, Direction.EXIT):
        tally["entries" if direction == Direction.ENTRY else "exits"] += count


def _figures(tally: Counter[str]) -> dict[str, int]:
    return {name: tally[name] for name in Tally.__struct_fields__}


def _spans(begins: str, ends: str, only: str = "1") -> str:
    """How often there is which duration, in tenths of a second, the shortest first; where the clock went back between
    its ends there is none. SQLite reckons: a year is much, and nobody else is to be held up."""
    span = f"CAST(round((julianday({ends}) - julianday({begins})) * 864000) AS INTEGER)"
    return (
        f"SELECT span, count(*) FROM (SELECT {span} AS span {_WITHIN} AND {only})"  # noqa: S608
        " WHERE span >= 0 GROUP BY span ORDER BY span"
    )


def _spread(rows: Iterator[tuple[int, int]]) -> Spread:
    """Of (tenths of a second, how many), the shortest first."""
    spans = list(rows)
    total = sum(count for _, count in spans)
    if not total:
        return Spread()
    return Spread(count=total, p50=_at(spans, 0.5 * total), p95=_at(spans, 0.95 * total), longest=spans[-1][0] / 10)


def _at(spans: list[tuple[int, int]], rank: float) -> float:
    """The duration that so many do not exceed (the nearest rank): always one that was measured."""
    reached = 0
    for span, count in spans:
        reached += count
        if reached >= rank:
            return span / 10
    return spans[-1][0] / 10
