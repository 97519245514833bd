"""`/drills`: exercises a technician holds: the line cut, the journal tampered with, the database restored."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.drills import DRILLS, MOST_MINUTES, Drill, DrillKind
from border_agent.api.serving import BadRequest
from border_agent.console.app import Console
from border_agent.console.forms import field, one_of, read_form
from border_agent.console.live import Section
from border_agent.console.menu import TECHNICIAN
from border_agent.console.pages.seen_facts import Said
from border_agent.console.pages.state import size_words
from border_agent.console.visit import Visit
from border_agent.words import format_number, has, text

DEFAULT_MINUTES = 10
_SHOWN = ("minutes", "seconds", "bytes", "entries", "rows", "sequence", "byte", "elsewhere")
"""Details of a drill that people read, in this order."""


def routes(console: Console) -> list[Route]:
    """The page; beginning one; ending it."""
    agent = console.agent

    async def drills(request: Request, visit: Visit) -> Response:
        return console.render(
            visit, "drills.html", most=MOST_MINUTES, minutes=DEFAULT_MINUTES, **_values(console, visit)
        )

    async def begin(request: Request, visit: Visit) -> Response:
        form = await read_form(request)
        kind = DrillKind(one_of("kind", field(form, "kind"), [one.value for one in DrillKind]))
        number = visit.officer.number
        if kind is DrillKind.OUTAGE:
            await run_in_threadpool(agent.drills.outage, _minutes(field(form, "minutes", 3)), number)
        elif kind is DrillKind.TAMPER:
            await run_in_threadpool(agent.drills.tamper, number)
        else:
            await run_in_threadpool(agent.drills.restore, number)
        console.say(visit, "drills.begun", kind=kind.value)
        return console.go(visit, "/drills")

    async def stop(request: Request, visit: Visit) -> Response:
        await run_in_threadpool(agent.drills.stop, visit.officer.number)
        console.say(visit, "drills.stopping")
        return console.go(visit, "/drills")

    return [
        Route("/drills", console.page(drills, TECHNICIAN)),
        Route("/drills", console.page(begin, TECHNICIAN), methods=["POST"]),
        Route("/drills/stop", console.page(stop, TECHNICIAN), methods=["POST"]),
    ]


def sections(console: Console) -> list[Section]:
    """What runs, and how the last ones ended."""

    def render(visit: Visit, about: str) -> str:
        return console.rendering.text(visit, "_drills.html", live=True, **_values(console, visit))

    return [Section("drills", (DRILLS,), render, (TECHNICIAN,))]


def result_words(drill: Drill, language: str) -> str:
    """How a drill ended, or that it runs."""
    if drill.code:
        key = drill.code if has(drill.code, language) else f"error.{drill.code}"
        if has(key, language):
            return text(key, language, where="", detail="", code=drill.code)
    return text(f"drills.{drill.kind.value}.{drill.state.value}", language)


def detail_lines(drill: Drill, language: str) -> tuple[Said, ...]:
    """What was found."""
    lines = []
    for name in _SHOWN:
        value = drill.details.get(name)
        if value is not None:
            if name == "bytes":
                value = size_words(int(value), language)
            elif name != "seconds":
                value = format_number(int(value), language)
            else:
                value = format_number(float(value), language)
            lines.append(Said(text(f"drills.detail.{name}", language), value))
    return tuple(lines)


def _values(console: Console, visit: Visit) -> dict[str, Any]:
    drills = console.agent.drills
    return {
        "current": drills.current,
        "last": [
            (one, result_words(one, visit.language), detail_lines(one, visit.language)) for one in drills.last()
        ],
    }


def _minutes(written: str) -> int:
    if not (written.isascii() and written.isdigit()):
        raise BadRequest("minutes", f"a number from 1 to {MOST_MINUTES}")
    return int(written)
