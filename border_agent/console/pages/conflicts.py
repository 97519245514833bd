"""`/conflicts`: visas used here and, as the visa list has shown since, elsewhere too, more often than they allow."""

from __future__ import annotations

import re

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.agent.double_use import CONFLICTS
from border_agent.agent.runtime import Agent
from border_agent.console.app import Console
from border_agent.console.errors import NoSuchPage
from border_agent.console.menu import AUDITOR, DECIDERS
from border_agent.console.visit import Visit
from border_agent.store.passages import Passage
from border_agent.store.visa_conflicts import ConflictSeen, VisaConflict
from mqtt_schemas.records import VisaUseFact

MOST_SHOWN = 100
_VISA = re.compile(r"[0-9a-f]{16}")


class ConflictView(Struct, frozen=True, kw_only=True):
    """A conflict with the passages behind it."""

    conflict: VisaConflict
    here: tuple[Passage, ...]
    elsewhere: tuple[VisaUseFact, ...]
    """As the installed list names them, the oldest first."""


def routes(console: Console) -> list[Route]:
    """The list, and saying that one was seen."""
    agent = console.agent

    async def conflicts(request: Request, visit: Visit) -> Response:
        found = await run_in_threadpool(_views, agent)
        return console.render(visit, "conflicts.html", rows=found, decides=visit.may(*DECIDERS))

    async def seen(request: Request, visit: Visit) -> Response:
        visa = request.path_params["visa"]
        if not _VISA.fullmatch(visa):
            raise NoSuchPage("conflicts")
        await run_in_threadpool(_seen, agent, visa, visit.officer.number)
        return console.go(visit, "/conflicts")

    return [
        Route("/conflicts", console.page(conflicts, *DECIDERS, AUDITOR)),
        Route("/conflicts/{visa}/seen", console.page(seen, *DECIDERS), methods=["POST"]),
    ]


def _views(agent: Agent) -> list[ConflictView]:
    """Raises StoreError."""
    views = []
    for conflict in agent.conflicts.all()[:MOST_SHOWN]:
        own = agent.conflicts.entries_of(conflict.visa)
        passages = [agent.passages.by_entry(entry) for entry in own]
        records = agent.visas(conflict.visa).records
        named = records[0].used if records else ()
        views.append(
            ConflictView(
                conflict=conflict,
                here=tuple(passage for passage in passages if passage is not None),
                elsewhere=tuple(fact for fact in named if fact.entry not in own),
            )
        )
    return views


def _seen(agent: Agent, visa: str, officer: str) -> None:
    """Raises StoreError."""
    if any(conflict.visa == visa and conflict.unseen for conflict in agent.conflicts.all()):
        agent.acts.write(officer, "conflict_seen", visa, changes=[ConflictSeen(visa=visa, officer=officer)])
        agent.hub.publish(CONFLICTS)
