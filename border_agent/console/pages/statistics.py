"""`/statistics`: who came through, when, what was decided, how long people waited: charts, tables, CSV."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.api.serving import BadRequest
from border_agent.console.app import Console
from border_agent.console.menu import AUDITOR, READER, SUPERVISOR
from border_agent.console.pages import asked
from border_agent.console.pages.charts import Series, columns, rows
from border_agent.console.visit import Visit
from border_agent.store.statistics import (
    MOST_DAYS,
    OTHERS,
    Figure,
    HourTally,
    NamedTally,
    Statistics,
    VerdictTally,
    figures,
)
from border_agent.words import text

DAYS = 7
CHARTED = 12
"""Nationalities of the chart; the table has all."""
PARTS = ("entries", "exits", "refused", "referred")
"""What a bar is made of, in this order."""


class Table(StrEnum):
    """What there is as CSV."""

    HOURS = "hours"
    NATIONALITIES = "nationalities"
    VERDICTS = "verdicts"
    FIGURES = "figures"


KINDS: Final[dict[Table, type[Struct]]] = {
    Table.HOURS: HourTally,
    Table.NATIONALITIES: NamedTally,
    Table.VERDICTS: VerdictTally,
    Table.FIGURES: Figure,
}


def routes(console: Console) -> list[Route]:
    """The page, and its tables as CSV."""
    statistics = console.agent.statistics

    async def page(request: Request, visit: Visit) -> Response:
        span = _span(request, visit)
        values = await run_in_threadpool(_values, statistics, span, visit.language)
        query = urlencode({"since": span.since.isoformat(), "until": span.until.isoformat()})
        return console.render(visit, "statistics.html", span=span, query=query, tables=list(Table), **values)

    async def as_csv(request: Request, visit: Visit) -> Response:
        span = _span(request, visit)
        table = asked.choice(request, "table", Table) or Table.FIGURES
        data = await run_in_threadpool(_table, statistics, table, span)
        name = f"{table.value}-{console.agent.config.device.id}-{span.since}-{span.until}.csv"
        return Response(
            statistics.csv(data, KINDS[table]).encode("utf-8"),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    may = (SUPERVISOR, AUDITOR, READER)
    return [
        Route("/statistics", console.page(page, *may)),
        Route("/statistics.csv", console.page(as_csv, *may)),
    ]


def _span(request: Request, visit: Visit) -> asked.Span:
    span = asked.span(request, visit, DAYS)
    if (span.until - span.since).days >= MOST_DAYS:
        raise BadRequest("until", "at most a year after since")
    return span


def _table(statistics: Statistics, table: Table, span: asked.Span) -> Sequence[Struct]:
    """Raises StoreError."""
    if table is Table.HOURS:
        return statistics.by_hour(span.until)
    since, until = statistics.period(span.since, span.until)
    match table:
        case Table.NATIONALITIES:
            return statistics.by_nationality(since, until)
        case Table.VERDICTS:
            return statistics.by_verdict(since, until)
        case _:
            return figures(statistics.kpis(since, until))


def _values(statistics: Statistics, span: asked.Span, language: str) -> dict[str, Any]:
    since, until = statistics.period(span.since, span.until)
    hours = statistics.by_hour(span.until)
    nations = statistics.by_nationality(since, until)
    verdicts = statistics.by_verdict(since, until)
    return {
        "kpis": statistics.kpis(since, until),
        "hours": hours,
        "nations": [(_nation(one, language), one) for one in nations],
        "verdicts": [(_verdict(one, language), one) for one in verdicts],
        "parts": PARTS,
        "hour_chart": _hour_chart(hours, span.until, language),
        "nation_chart": rows(
            "nations",
            text("statistics.by_nationality", language),
            text("statistics.by_nationality_words", language),
            [(_nation(one, language), one.total) for one in nations[:CHARTED]],
        ),
        "verdict_chart": rows(
            "verdicts",
            text("statistics.by_verdict", language),
            text("statistics.by_verdict_words", language),
            [(_verdict(one, language), one.count) for one in verdicts],
        ),
    }


def _hour_chart(hours: Sequence[HourTally], day: date, language: str) -> object:
    peak = max(hours, key=lambda one: one.total)
    return columns(
        "hours",
        text("statistics.by_hour_on", language, day=day),
        text("statistics.by_hour_words", language, peak=f"{peak.begins:%H}", count=peak.total),
        [f"{one.begins:%H}" for one in hours],
        [
            Series(text(f"statistics.part.{part}", language), tuple(getattr(one, part) for one in hours))
            for part in PARTS
        ],
    )


def _nation(one: NamedTally, language: str) -> str:
    if one.name == OTHERS:
        return text("statistics.others", language)
    return one.name or text("statistics.unknown_nationality", language)


def _verdict(one: VerdictTally, language: str) -> str:
    said = (text(f"statistics.verdict.{code.value}", language) for code in (one.proposal, one.decision))
    return " → ".join(said)
