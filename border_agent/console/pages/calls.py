"""Calls for an officer: who goes, and that it is done. They are shown on every page (see `live`)."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.console.app import Console
from border_agent.console.forms import field, read_form
from border_agent.console.menu import DECIDERS
from border_agent.console.visit import Visit


def routes(console: Console) -> list[Route]:
    """`/calls/<id>/answer` and `/calls/<id>/end`."""
    counter = console.agent.counter

    async def answer(request: Request, visit: Visit) -> Response:
        await run_in_threadpool(counter.answer_call, request.path_params["id"], visit.officer)
        return await back(request, visit)

    async def end(request: Request, visit: Visit) -> Response:
        await run_in_threadpool(counter.end_call, request.path_params["id"], visit.officer)
        return await back(request, visit)

    async def back(request: Request, visit: Visit) -> Response:
        return console.go(visit, field(await read_form(request), "next", 500))

    return [
        Route("/calls/{id}/answer", console.page(answer, *DECIDERS), methods=["POST"]),
        Route("/calls/{id}/end", console.page(end, *DECIDERS), methods=["POST"]),
    ]
