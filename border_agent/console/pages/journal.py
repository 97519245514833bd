"""`/journal`: is it whole, how far has the centre it, a period of it as a file, and what people did here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from border_agent.agent.verifying import JOURNAL
from border_agent.api.serving import NO_STORE, BadRequest
from border_agent.console.app import Console
from border_agent.console.forms import field, read_form
from border_agent.console.live import Section
from border_agent.console.menu import AUDITOR, SUPERVISOR
from border_agent.console.pages import asked
from border_agent.console.pages.entries import code_words
from border_agent.console.visit import Visit
from border_agent.words import text
from mqtt_schemas.entries import OfficerAct, read_entry
from mqtt_schemas.errors import Malformed

ACTS_A_PAGE = 100
PERIOD_DAYS = 31
_LOOK_BACK = 2000
"""Entries looked through for a page of acts."""
_VALUES = {
    "reason": "act_reason",
    "factor": "act_factor",
    "scope": "act_scope",
    "clock": "clock_quality",
    "kind": "act_kind",
    "outcome": "act_outcome",
}
_DRILLS = frozenset({"drill_started", "drill_stopped"})


class ActLine(Struct, frozen=True, kw_only=True):
    """Something a person did here."""

    entry: OfficerAct
    words: str
    subject: str
    details: str


def routes(console: Console) -> list[Route]:
    """Position and verification, export, acts."""
    agent = console.agent

    async def journal(request: Request, visit: Visit) -> Response:
        values = await run_in_threadpool(_values, console)
        return console.render(visit, "journal.html", span=asked.span(request, visit, PERIOD_DAYS), **values)

    async def verify(request: Request, visit: Visit) -> Response:
        await run_in_threadpool(agent.verifying.start, visit.officer.number)
        return console.go(visit, "/journal")

    async def export(request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        since, until = (asked.day(name, field(form, name, 10)) for name in ("since", "until"))
        if since is None or until is None:
            raise BadRequest("since", "two days")
        pieces = await run_in_threadpool(agent.exporting.export, since, until, visit.officer.number)
        name = f"journal-{agent.config.device.id}-{since}-{until}.ndjson"
        return StreamingResponse(
            pieces,
            media_type="application/x-ndjson",
            headers={**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def acts(request: Request, visit: Visit) -> Response:
        page = asked.page_number(request)
        number, act = asked.word(request, "officer", 8), asked.word(request, "act")
        found = await run_in_threadpool(_acts, console, number, act)
        begin = (page - 1) * ACTS_A_PAGE
        shown = found[begin : begin + ACTS_A_PAGE]
        lines = [see_act(one, visit) for one in shown]
        return console.render(
            visit,
            "acts.html",
            lines=lines,
            officer=number,
            act=act,
            known=sorted({one.act for one in found}),
            page=page,
            more=len(found) > begin + ACTS_A_PAGE,
            looked=_LOOK_BACK,
        )

    return [
        Route("/journal", console.page(journal, AUDITOR)),
        Route("/journal/verify", console.page(verify, AUDITOR), methods=["POST"]),
        Route("/journal/export", console.page(export, AUDITOR), methods=["POST"]),
        Route("/journal/acts", console.page(acts, AUDITOR, SUPERVISOR)),
    ]


def sections(console: Console) -> list[Section]:
    """The verification as it goes on."""

    def render(visit: Visit, about: str) -> str:
        return console.rendering.text(visit, "_verification.html", live=True, **_values(console))

    return [Section("verification", (JOURNAL,), render, (AUDITOR,))]


def see_act(entry: OfficerAct, visit: Visit) -> ActLine:
    """An act in words; what has none keeps its code."""
    language = visit.language
    said = (
        text("acts.detail", language, name=code_words(name, f"act_detail.{name}", language), value=words)
        for name, value in sorted(entry.details.items())
        for words in [code_words(value, f"{_VALUES.get(name, 'act_value')}.{value}", language)]
    )
    subject = (
        code_words(entry.subject, f"drills.{entry.subject}", language) if entry.act in _DRILLS else entry.subject
    )
    return ActLine(
        entry=entry,
        words=code_words(entry.act, f"act.{entry.act}", language),
        subject=subject,
        details="; ".join(said),
    )


def _values(console: Console) -> dict[str, Any]:
    agent = console.agent
    return {"line": agent.line(), "position": agent.journal.position(), "verification": agent.verifying.last}


def _acts(console: Console, number: str, act: str) -> list[OfficerAct]:
    """The newest acts first, of one officer or of all. Raises StoreError."""
    return [
        entry
        for entry in _read(reversed(console.agent.journal.latest(_LOOK_BACK)))
        if (not number or number in (entry.officer, entry.subject, entry.second_officer)) and act in ("", entry.act)
    ]


def _read(bodies: Iterable[bytes]) -> Iterable[OfficerAct]:
    for body in bodies:
        try:
            entry = read_entry(body)
        except Malformed:
            continue
        if isinstance(entry, OfficerAct):
            yield entry
