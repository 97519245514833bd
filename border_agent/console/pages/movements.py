"""`/movements`: who came through here, and `/movements/<entry>`: all that the journal says of one passage."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from border_agent.console.app import Console
from border_agent.console.errors import NoSuchPage
from border_agent.console.forms import one_of
from border_agent.console.menu import AUDITOR, DECIDERS, SUPERVISOR
from border_agent.console.pages import asked
from border_agent.console.pages.entries import flat_evidence, see_entry
from border_agent.console.visit import Visit
from border_agent.inspection.verdict import Proposal
from border_agent.store import Passage
from mqtt_schemas.entries import Decision, Direction
from mqtt_schemas.post import PictureKind

ROWS = 50
_ENTRY = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DECISIONS = tuple(Decision(one.value) for one in Proposal)
_DIRECTIONS = (Direction.ENTRY, Direction.EXIT)


def routes(console: Console) -> list[Route]:
    """The list, one passage, one record of evidence."""
    agent = console.agent

    async def movements(request: Request, visit: Visit) -> Response:
        number = asked.page_number(request)
        since, until = (asked.day(name, asked.word(request, name)) for name in ("since", "until"))
        filters = {
            "text": asked.word(request, "text"),
            "number": asked.word(request, "number"),
            "since": asked.word(request, "since"),
            "until": asked.word(request, "until"),
            "direction": asked.word(request, "direction"),
            "decision": asked.word(request, "decision"),
        }

        def search() -> tuple[Passage, ...]:
            return agent.passages.search(
                text=filters["text"],
                number=filters["number"],
                since=asked.Span(since, since).begins if since is not None else None,
                until=asked.Span(until, until).ends if until is not None else None,
                direction=asked.choice(request, "direction", Direction, *_DIRECTIONS),
                decision=asked.choice(request, "decision", Decision, *_DECISIONS),
                limit=ROWS + 1,
                offset=(number - 1) * ROWS,
            )

        found = await run_in_threadpool(search)

        def address(page: int) -> str:
            return "/movements?" + urlencode(
                {**{key: value for key, value in filters.items() if value}, "page": page}
            )

        return console.render(
            visit,
            "movements.html",
            rows=found[:ROWS],
            filters=filters,
            directions=_DIRECTIONS,
            decisions=_DECISIONS,
            page=number,
            earlier=address(number - 1) if number > 1 else "",
            later=address(number + 1) if len(found) > ROWS and number < asked.MOST_PAGES else "",
        )

    async def movement(request: Request, visit: Visit) -> Response:
        entry = request.path_params["entry"]
        if not _ENTRY.fullmatch(entry):
            raise NoSuchPage("movements")
        seen = await run_in_threadpool(see_entry, agent, entry, visit)
        if seen is None:
            raise NoSuchPage("movements")
        return console.render(visit, "movement.html", seen=seen, may_correct=seen.may_correct)

    async def record(digest: str) -> bytes:
        data = (
            await run_in_threadpool(agent.evidence.get, bytes.fromhex(digest)) if _DIGEST.fullmatch(digest) else None
        )
        if data is None:
            raise NoSuchPage("evidence")
        return data

    async def evidence(request: Request, visit: Visit) -> Response:
        digest = request.path_params["digest"]
        data = await record(digest)
        rows = flat_evidence(data, visit)
        shelf = await run_in_threadpool(agent.stored_pictures.shelf, data)
        return console.render(visit, "evidence.html", digest=digest, size=len(data), rows=rows, shelf=shelf)

    async def picture(request: Request, _visit: Visit) -> Response:
        kind = PictureKind(one_of("kind", request.path_params["kind"], tuple(PictureKind)))
        data = await record(request.path_params["digest"])
        jpeg = await run_in_threadpool(agent.stored_pictures.jpeg, data, kind)
        if jpeg is None:
            raise NoSuchPage("evidence")
        headers = {"Content-Disposition": "inline", "Cache-Control": "no-store"}
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    reading = (*DECIDERS, AUDITOR)
    return [
        Route("/movements", console.page(movements, *reading)),
        Route("/movements/{entry}", console.page(movement, *reading)),
        Route("/evidence/{digest}", console.page(evidence, SUPERVISOR, AUDITOR)),
        Route("/evidence/{digest}/pictures/{kind}", console.page(picture, SUPERVISOR, AUDITOR)),
    ]
